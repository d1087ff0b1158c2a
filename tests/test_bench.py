"""What a benchmark reports, whichever topic it is of."""

import json

from bench.measure import Case, Topic


def a_case(**changes):
    return Case(**{"name": "decode", "unit": "ticks/s", "ours": 30.0, "peers": {"a": 5.0, "b": 10.0}, **changes})


def test_the_ratio_is_to_the_best_peer():
    assert a_case().ratio == 3.0
    assert a_case(ours=2.0, higher_is_better=False).ratio == 2.5


def test_a_case_without_a_peer_has_no_ratio():
    assert a_case(peers={}).ratio is None


def test_the_document_has_the_agreed_shape():
    topic = Topic(name="ticks", cases=[a_case(), a_case(peers={})], packages=("numpy",))

    document = json.loads(json.dumps(topic.document()))

    assert document.keys() == {"topic", "machine", "versions", "cases"}
    assert document["versions"].keys() == {"python", "numpy"}
    for case in document["cases"]:
        assert case.keys() == {"name", "unit", "ours", "peers", "ratio", "higher_is_better"}
