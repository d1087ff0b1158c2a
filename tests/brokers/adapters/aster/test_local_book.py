import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.adapters.aster.local_book import MOST_BUFFERED, MOST_REPEATED, SPARE_LEVELS, BookStep, LocalBook
from tests.reference import reference_file


def a_difference(first, last, previous, bids=(), asks=()):
    return {"U": first, "u": last, "pu": previous, "b": list(bids), "a": list(asks)}


def a_book():
    book = LocalBook()
    book.seed(160, [["100.0", "1"], ["99.9", "2"]], [["100.1", "1.5"], ["100.2", "0.5"]])
    return book


@pytest.mark.reference
@pytest.mark.parametrize("is_late", [False, True])
def test_the_documented_case_holds_with_the_snapshot_first_or_last(is_late):
    case = json.loads(reference_file("ws/local_book_case.json", folder="aster").read_text())
    snapshot, want = case["snapshot"], case["want"]
    book = LocalBook()
    seed = (snapshot["lastUpdateId"], snapshot["bids"], snapshot["asks"])
    if not is_late:
        book.seed(*seed)
    steps = [book.apply(event) for event in case["events"]]
    if is_late:
        assert set(steps) == {BookStep.BUFFERED}
        assert book.seed(*seed) is BookStep.APPLIED
    else:
        assert [number for number, step in enumerate(steps) if step is BookStep.OLD] == want["dropped"]
    assert book.last_update_id == want["lastUpdateId"]
    for name, levels in want["after"]:
        assert getattr(book, name)(10) == [(float(price), float(quantity)) for price, quantity in levels]


def test_a_missing_difference_is_a_gap_and_the_book_is_not_believed():
    book = a_book()
    assert book.apply(a_difference(155, 165, 154)) is BookStep.APPLIED
    assert book.apply(a_difference(170, 175, 169)) is BookStep.GAP
    assert book.last_update_id is None
    assert book.gaps == 1
    assert book.apply(a_difference(176, 180, 175)) is BookStep.BUFFERED


def test_a_difference_that_comes_twice_counts_once():
    book = a_book()
    first, second = a_difference(155, 165, 154, bids=[["100.0", "3"]]), a_difference(166, 170, 165)
    steps = [book.apply(event) for event in (first, first, second, first, second)]
    assert steps == [BookStep.APPLIED, BookStep.OLD, BookStep.APPLIED, BookStep.OLD, BookStep.OLD]
    assert (book.last_update_id, book.gaps) == (170, 0)


def test_nothing_but_repeats_is_a_gap_in_the_end():
    book = a_book()
    book.apply(a_difference(155, 165, 154))
    steps = [book.apply(a_difference(1, 2, 0)) for _ in range(MOST_REPEATED + 1)]
    assert steps == [BookStep.OLD] * MOST_REPEATED + [BookStep.GAP]


def test_a_snapshot_older_than_the_first_difference_is_a_gap():
    assert a_book().apply(a_difference(162, 165, 161)) is BookStep.GAP


def test_a_difference_that_begins_where_the_snapshot_ends_joins_it():
    assert a_book().apply(a_difference(161, 165, 160)) is BookStep.APPLIED


def test_a_gap_among_what_was_buffered_asks_for_another_snapshot():
    book = LocalBook()
    book.apply(a_difference(155, 165, 150))
    book.apply(a_difference(171, 175, 170))
    assert book.seed(160, [], []) is BookStep.GAP
    assert book.last_update_id is None


@pytest.mark.parametrize("levels", [[["much", "1"]], [["nan", "1"]], [["-1", "1"]]])
def test_a_difference_that_cannot_be_read_is_a_gap_once_somebody_looks(levels):
    book = a_book()
    book.apply(a_difference(155, 165, 150, asks=[["100.05", "1"]]))
    book.apply({"U": 166, "u": 170, "pu": 165, "b": levels, "a": []})
    assert not book.settle()
    assert (book.last_update_id, book.gaps) == (None, 1)
    assert book.seed(200, [["1", "1"]], [["2", "1"]]) is BookStep.APPLIED
    assert book.best_bid == (1, 1)


@pytest.mark.parametrize("levels", [[["1"]], [["1", "2", "3"]], 7, [[[], "1"]]])
def test_a_difference_without_the_shape_of_one_breaks_the_chain(levels):
    book = a_book()
    with pytest.raises((TypeError, ValueError)):
        book.apply({"U": 155, "u": 165, "pu": 150, "b": levels, "a": []})
    assert book.apply(a_difference(166, 170, 165)) is BookStep.GAP


def test_a_price_that_is_spelled_in_two_ways_is_one_level():
    book = a_book()
    book.apply(a_difference(155, 165, 150, bids=[["100.00", "7"]], asks=[["100.10", "0.00"]]))
    assert book.bids(2) == [(100, 7), (99.9, 2)]
    assert book.best_ask == (100.2, 0.5)


def test_a_difference_that_cannot_be_read_breaks_the_chain_while_it_waits_for_a_snapshot():
    book = LocalBook()
    book.apply(a_difference(155, 165, 150))
    book.apply({"u": 170})
    assert book.seed(160, [["1", "1"]], [["2", "1"]]) is BookStep.GAP
    assert book.last_update_id is None


def test_levels_that_come_and_go_between_looks_are_forgotten_in_the_end():
    book = a_book()
    book.apply(a_difference(155, 165, 150))
    for number in range(166, 3 * SPARE_LEVELS):
        book.apply(a_difference(number, number, number - 1, bids=[[f"{number}", "1"], [f"{number - 1}", "0"]]))
        if number % 100 == 0:
            assert book.bids(2) == [(number, 1), (100, 1)]
    assert len(book._bids.levels) < 2 * SPARE_LEVELS


def test_a_zero_removes_a_level_and_removing_an_absent_one_is_normal():
    book = a_book()
    book.apply(a_difference(155, 165, 150, bids=[["100.0", "0"], ["42.0", "0"]], asks=[["100.1", "0.000"]]))
    assert book.best_bid == (99.9, 2.0)
    assert book.best_ask == (100.2, 0.5)


def test_an_empty_side_has_no_best_price_and_is_not_crossed():
    book = LocalBook()
    book.seed(1, [["1", "1"]], [])
    assert book.best_ask is None
    assert not book.is_crossed


def test_what_waits_for_a_snapshot_is_bounded():
    book = LocalBook()
    for number in range(MOST_BUFFERED + 10):
        book.apply(a_difference(number, number, number - 1))
    assert book.seed(5, [], []) is BookStep.GAP


prices = st.integers(min_value=1, max_value=60)
changes = st.lists(st.tuples(st.booleans(), prices, st.integers(min_value=0, max_value=3)), max_size=8)


@given(st.lists(changes, max_size=60))
def test_the_book_equals_a_plain_dictionary_after_any_differences(batches):
    book, plain = LocalBook(), {True: {}, False: {}}
    book.seed(0, [], [])
    for number, batch in enumerate(batches, 1):
        rows = {True: [], False: []}
        for is_bid, price, quantity in batch:
            rows[is_bid].append([str(price), str(quantity)])
        assert book.apply(a_difference(number - 1, number, number - 1, rows[True], rows[False])) is BookStep.APPLIED
        for is_bid, pairs in rows.items():
            for price, quantity in pairs:
                plain[is_bid][float(price)] = float(quantity)
    left = {side: {price: quantity for price, quantity in levels.items() if quantity} for side, levels in plain.items()}
    assert dict(book.bids(100)) == left[True]
    assert dict(book.asks(100)) == left[False]
    assert book.best_bid == (max(left[True].items()) if left[True] else None)
    assert book.best_ask == (min(left[False].items()) if left[False] else None)
