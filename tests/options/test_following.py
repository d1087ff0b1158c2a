"""An underlying as a desk follows it: frames in, documents, topics, minutes and alerts out."""

import math
from dataclasses import replace
from uuid import uuid4

import numpy as np
import orjson
import pytest

from brokers.domain.errors import DataError
from brokers.domain.instruments import InstrumentKind
from brokers.domain.market import ns_of
from options.chain_wire import pack, unpack
from options.desk_line import chain_topic
from options.domain.alerts import Measure, Rule
from options.domain.columns import COLUMNS
from options.domain.open_interest import Since
from options.domain.received import ALL_STALE, NO_SPOT, NOTHING_YET, ONLY_CALLS, ONLY_PUTS, SETTLED
from options.following import Followed, Wish
from tests.options.frames import EXPIRIES, LOT, NOW, RATE, TODAY, a_frame, a_subject, later, some_options

NEAR = EXPIRIES[0]
NEAR_TOPIC = chain_topic("NIFTY", NEAR.isoformat())


def followed(subject=None, *, rules=(), before=None):
    wish = Wish(tracked_id=uuid4(), underlying="NIFTY", expiries=3, rules=tuple(rules))
    return Followed(wish, subject or a_subject(), rate=RATE, before=before)


def worked(one=None, *, at=NOW, **frame):
    one = one or followed()
    if one.subject.options:
        one.take(a_frame(one.subject.options, at=at, **frame), at)
    one.work_out(ns_of(at))
    return one


def as_json(document):
    """Encode and read again; a figure that is none would not be JSON's."""
    text = orjson.dumps(document)
    assert b"NaN" not in text
    return orjson.loads(text)


def told(one):
    return [alert for step in one.alerting() for alert in step]


def topic_of(one):
    [found] = one.topics(frozenset({NEAR_TOPIC})).values()
    return as_json(one.topic_state(found))


def test_a_summary_has_every_expiry_and_the_age_of_the_data():
    summary = as_json(worked().summary(later(seconds=3)))

    assert [row["expiry"] for row in summary["expiries"]] == [day.isoformat() for day in EXPIRIES]
    assert summary["age_s"] == 3.0
    assert summary["call_oi"] == pytest.approx(6_500.0 * 41)
    assert summary["atm_iv"] == pytest.approx(0.13, abs=1e-3)
    assert summary["said"] == []


def test_before_the_first_frame_there_are_no_figures_and_a_sentence():
    one = followed()
    one.work_out(ns_of(NOW))

    summary = as_json(one.summary(NOW))

    assert summary["said"] == [NOTHING_YET]
    assert (summary["age_s"], summary["forward"], summary["pcr"]) == (None, None, None)


def test_an_underlying_without_options_sums_up_to_nothing():
    one = worked(followed(a_subject(options=())))

    assert as_json(one.summary(NOW))["expiries"] == []
    assert one.minute(TODAY) == []


def test_only_chains_that_somebody_looks_at_have_a_topic():
    assert list(worked().topics(frozenset({NEAR_TOPIC, "chain:SENSEX:2026-08-20"}))) == [NEAR_TOPIC]


def test_a_topic_has_its_head_its_legend_and_a_row_for_each_strike():
    state = topic_of(worked())

    row = dict(zip(state["legend"]["columns"], state["24000"], strict=True))
    assert state["head"]["expiry"] == NEAR.isoformat()
    assert state["head"]["forward"] == pytest.approx(24_030, abs=10)
    assert row["strike"] == 24_000.0
    assert row["ce.iv"] == pytest.approx(0.13, abs=1e-3)
    assert row["pe.marks"] == 0
    assert row["ce.quoted_at"] == pytest.approx(NOW.timestamp())
    assert state["legend"]["instruments"]["24000"] == ["NFO:NIFTY26082524000CE", "NFO:NIFTY26082524000PE"]


def test_a_row_that_did_not_change_is_not_encoded_again():
    one = worked()
    first = one.topic_state(one.found[0])
    one.take(a_frame(one.subject.options[:2], at=NOW, interest=9_999.0, spot=None), NOW)
    one.work_out(ns_of(NOW))

    second = one.topic_state(one.found[0])

    changed = {key for key in first if key.isdigit() and first[key] is not second[key]}
    assert changed == {"23000"}


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"spot": None}, NO_SPOT),
        ({"half_spread": -1.0, "spot": None}, "No forward"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(frame, said):
    state = topic_of(worked(**frame))

    assert any(said in sentence for sentence in state["head"]["said"])


@pytest.mark.parametrize(
    ("kind", "sentence", "missing"),
    [(InstrumentKind.CALL, ONLY_CALLS, "pe.bid"), (InstrumentKind.PUT, ONLY_PUTS, "ce.bid")],
)
def test_a_one_sided_chain_is_said_to_be_one(kind, sentence, missing):
    one = worked(followed(a_subject(options=tuple(one for one in some_options() if one.kind is kind))))

    state = topic_of(one)

    assert sentence in state["head"]["said"]
    assert state["24000"][COLUMNS.index(missing)] is None


def test_old_quotes_are_said_to_be_history():
    one = worked()
    one.work_out(ns_of(later(minutes=10)))

    assert ALL_STALE in topic_of(one)["head"]["said"]


def test_an_expiry_that_has_settled_has_no_volatility_and_says_so():
    one = worked(at=later(days=8))

    found = one.found[0]

    assert found.said == [SETTLED]
    assert np.isnan(found.chain.volatility).all()
    assert as_json(one.summary(later(days=8)))["expiry"] == EXPIRIES[1].isoformat()


def test_a_minute_has_a_row_for_each_expiry():
    rows = worked().minute(TODAY)

    assert [row["expiry"] for row in rows] == list(EXPIRIES)
    assert rows[0]["atm_iv"] == pytest.approx(0.13, abs=1e-3)
    assert rows[0]["straddle"] > 0
    assert rows[0]["straddle_volume"] is None


def test_a_straddles_volume_is_what_its_legs_traded_since_the_last_minute():
    one = worked(volume=650.0)
    one.minute(TODAY)

    rows = worked(one, at=later(minutes=1), volume=650.0 + LOT).minute(TODAY)

    assert rows[0]["straddle_volume"] == 2 * LOT


def test_open_interest_changes_from_the_days_first_minute_where_no_close_is_kept():
    one = worked(interest=6_500.0)
    one.minute(TODAY)
    worked(one, at=later(minutes=1), interest=7_150.0)

    state = topic_of(one)

    assert state["head"]["oi_change_from"] == Since.OPEN.value
    assert state["24000"][COLUMNS.index("ce.oi_change")] == 650.0


def test_an_alert_is_told_once_when_it_becomes_true():
    one = worked(followed(rules=[Rule(measure=Measure.VOLATILITY, level=0.15)]), volatility=0.13)
    assert told(one) == []

    worked(one, at=later(minutes=1), volatility=0.18)
    first = told(one)
    worked(one, at=later(minutes=2), volatility=0.18)

    assert {expiry for expiry, _ in first} == set(EXPIRIES)
    assert told(one) == []


def test_thirty_day_volatility_lies_between_two_expiries():
    assert worked().volatility_30d() == pytest.approx(0.13, abs=1e-3)
    assert worked(followed(a_subject(expiries=EXPIRIES[:1]))).volatility_30d() is None


def test_quotes_cross_between_processes_bit_for_bit():
    one = worked()
    one.minute(TODAY)
    sent = one.received(ns_of(later(minutes=1)))

    read = unpack(pack(sent))

    assert (read.underlying, read.lot_size, read.received_at) == ("NIFTY", LOT, NOW)
    for there, here in zip(sent.chains, read.chains, strict=True):
        assert replace(there, quotes=None) == replace(here, quotes=None)
        np.testing.assert_array_equal(there.quotes.bid, here.quotes.bid)
        np.testing.assert_array_equal(there.quotes.age_s, here.quotes.age_s)
    assert read.before[NEAR].since is Since.OPEN
    assert math.isclose(float(read.before[NEAR].interest.open_interest[0, 0]), 6_500.0)


@pytest.mark.parametrize("broken", [b"", b"{}", b"[]\n", b'{"v":3,"chains":[]}\n', b"short"])
def test_bytes_that_are_no_chain_are_refused(broken):
    with pytest.raises(DataError):
        unpack(broken)


def test_a_chain_that_lost_its_end_or_gained_one_is_refused():
    sent = pack(worked().received(ns_of(NOW)))

    for data in (sent[:-8], sent + bytes(8), sent[:-3]):
        with pytest.raises(DataError):
            unpack(data)
