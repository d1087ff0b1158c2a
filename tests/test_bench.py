"""What a benchmark reports, whichever topic it is of."""

import json

import numpy as np

from bench.market import START, kite_frame, quotes
from bench.measure import Case, Topic
from bench.stopwatch import STAGES, Stopwatch
from brokers.adapters.kite.decode import decode_frame


def a_case(**changes):
    return Case(**{"name": "decode", "unit": "ticks/s", "ours": 30.0, "peers": {"a": 5.0, "b": 10.0}, **changes})


def test_the_ratio_is_to_the_best_peer():
    assert a_case().ratio == 3.0
    assert a_case(ours=2.0, higher_is_better=False).ratio == 2.5


def test_a_case_without_a_peer_has_no_ratio():
    assert a_case(peers={}).ratio is None


def test_a_goal_is_met_or_missed_on_the_side_that_counts():
    assert a_case().is_met is None
    assert (a_case(goal=30.0).is_met, a_case(goal=31.0).is_met) == (True, False)
    assert a_case(higher_is_better=False, goal=31.0).is_met


def test_the_document_has_the_agreed_shape():
    topic = Topic(name="ticks", cases=[a_case(), a_case(peers={})], packages=("numpy",))

    document = json.loads(json.dumps(topic.document()))

    assert document.keys() == {"topic", "machine", "versions", "cases"}
    assert document["versions"].keys() == {"python", "numpy"}
    for case in document["cases"]:
        assert case.keys() == {"name", "unit", "ours", "peers", "ratio", "higher_is_better", "goal", "is_met"}


def test_the_made_frame_is_the_made_quotes_as_the_venue_would_send_them():
    columns = quotes(61, received_at=START)

    decoded = decode_frame(kite_frame(61), columns.received_ns, with_depth=True)

    for figure in ("token", "last_price", "bid", "ask", "volume", "exchange_ns"):
        assert np.allclose(getattr(decoded, figure), getattr(columns, figure), rtol=0, atol=1e-9), figure


def test_a_stage_is_measured_from_the_end_of_the_one_before():
    watch = Stopwatch()
    watch.moments = {
        "A1": dict(zip(("tick", *STAGES.values()), range(0, 10_000_000, 1_000_000), strict=True)),
        "A2": {"tick": 0, "decided": 5},
    }

    assert watch.is_waiting
    assert set(watch.stages()) == set(STAGES)
    assert all(values == [1_000.0] for values in watch.stages().values())
    assert watch.tick_to_send() == [9_000.0]


def test_an_order_that_no_frame_caused_is_not_measured():
    watch = Stopwatch()

    watch.begin("A1")
    watch.note("A1", "sent")

    assert watch.moments == {}
