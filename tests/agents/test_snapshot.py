import json
from datetime import timedelta

import numpy as np
import pytest

from brokers.domain.errors import DataError, Invalid
from brokers.domain.market import Bars
from strategies.agents.columns import BAR_FIELDS, columns_of
from strategies.agents.snapshot import FIELDS, Field, Reading, canonical, rounded, snapshot_from, snapshot_of
from tests.agents.markets import AS_OF, BAR_S, BARS, a_snapshot, a_walk, some_readings


def first(bars, count):
    names = ("start_ns", "open", "high", "low", "close", "volume")
    return Bars(
        instrument=bars.instrument, interval_s=bars.interval_s, **{name: getattr(bars, name)[:count] for name in names}
    )


def test_equal_facts_have_equal_bytes_and_one_digest():
    one, other = a_snapshot(), a_snapshot()

    assert canonical(one.document()) == canonical(other.document())
    assert one.digest == other.digest
    assert one.digest != a_snapshot(readings=some_readings(imbalance=0.41)).digest


def test_every_field_is_there_with_its_age_and_source():
    snapshot = a_snapshot(readings=some_readings(at=AS_OF - timedelta(seconds=7)))

    assert tuple(snapshot.fields) == FIELDS
    assert snapshot.age("depth_imbalance") == 7.0
    assert snapshot.age("last") == 0.0
    assert snapshot.fields["last"].source == "bars of 5 min"
    assert snapshot.value("iv_atm") is None
    assert snapshot.oldest_s == 7.0
    assert snapshot.known == len(BAR_FIELDS) + 1


def test_bars_that_are_not_over_are_not_read():
    bars = a_walk()
    early = AS_OF - timedelta(seconds=1)

    assert snapshot_of(bars, {}, as_of=early).value("last") == rounded(bars.close[-2])
    assert snapshot_of(bars, {}, as_of=early).age("last") == BAR_S - 1


def test_too_few_bars_leave_fields_missing_and_none_leave_all():
    few, none = first(a_walk(), 30), first(a_walk(), 0)
    as_of = AS_OF

    assert snapshot_of(few, {}, as_of=as_of).value("sma_200") is None
    assert snapshot_of(few, {}, as_of=as_of).value("last") is not None
    assert snapshot_of(none, {}, as_of=as_of).known == 0
    assert snapshot_of(none, {}, as_of=as_of).oldest_s == 0.0


def test_a_document_is_read_back_to_the_same_digest():
    snapshot = a_snapshot()

    assert snapshot_from(json.loads(canonical(snapshot.document()))).digest == snapshot.digest


@pytest.mark.parametrize("document", [{}, {"fields": 3}, {"fields": {"last": {"value": 1.0}}}])
def test_a_document_that_is_none_is_refused(document):
    with pytest.raises(DataError):
        snapshot_from(document)


def test_a_field_of_the_future_an_unknown_one_and_an_endless_one_are_refused():
    with pytest.raises(Invalid):
        a_snapshot(readings=some_readings(at=AS_OF + timedelta(seconds=1)))
    with pytest.raises(Invalid):
        a_snapshot(readings={"news_score": Reading(value=0.8, at=AS_OF, source="a model")})
    with pytest.raises(Invalid):
        Field(value=float("inf"), age_s=0.0, source="")


def test_columns_look_at_no_later_bar():
    bars = a_walk(bars=BARS)
    whole, part = columns_of(bars), columns_of(first(bars, BARS - 40))

    assert tuple(whole) == BAR_FIELDS
    for name in BAR_FIELDS:
        np.testing.assert_allclose(whole[name][: BARS - 40], part[name], rtol=1e-9, atol=1e-12, err_msg=name)
