import pytest

from brokers.adapters.kite.shards import Shards
from brokers.domain.errors import Invalid
from brokers.ports import FeedMode

FULL, QUOTE = FeedMode.FULL, FeedMode.QUOTE


def test_streams_are_filled_one_after_the_other():
    shards = Shards(streams=3, per_stream=2)

    added, changed = shards.add([1, 2, 3, 3], FULL)

    assert added == {0: {1: FULL, 2: FULL}, 1: {3: FULL}}
    assert changed == {}


def test_an_instrument_stays_where_it_is():
    shards = Shards(streams=3, per_stream=2)
    shards.add([1, 2, 3], FULL)

    gone = shards.remove([1, 99])
    added, _ = shards.add([4, 5], FULL)

    assert gone == {0: [1]}
    assert added == {0: {4: FULL}, 1: {5: FULL}}
    assert dict(shards.modes(0)) == {2: FULL, 4: FULL}
    assert dict(shards.modes(1)) == {3: FULL, 5: FULL}


def test_only_a_mode_that_differs_is_a_change():
    shards = Shards(streams=2, per_stream=2)
    shards.add([1, 2, 3], QUOTE)

    added, changed = shards.add([1, 3], FULL)

    assert (added, changed) == ({}, {0: {1: FULL}, 1: {3: FULL}})
    assert shards.add([1, 3], FULL) == ({}, {})


def test_more_than_all_streams_carry_is_refused_and_changes_nothing():
    shards = Shards()
    shards.add(range(8_999), FULL)

    with pytest.raises(Invalid) as refusal:
        shards.add([1, 9_000, 9_001], FULL)

    assert refusal.value.code == "feed.too_many"
    assert refusal.value.message == "a session's streams carry 9000 instruments, 9001 are wanted"
    assert sum(len(shards.modes(stream)) for stream in range(3)) == 8_999
    shards.add([9_000], FULL)
