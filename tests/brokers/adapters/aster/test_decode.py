import gzip
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.adapters.aster.decode import LEFT_BEHIND_MS, MarketDecoder
from brokers.adapters.aster.tokens import token_of
from tests.reference import reference_file

RECEIVED_NS = 7
RECORDING = "ticks/binance_usdm_ws_btcusdt_2024-08-08T2354.jsonl.gz"


def a_frame(stream, **data):
    return json.dumps({"stream": stream, "data": data})


def best_prices(bid, ask, *, update=1, symbol="BTCUSDT", at=5):
    return a_frame(f"{symbol.lower()}@bookTicker", e="bookTicker", u=update, s=symbol, b=bid, B="1", a=ask, A="2", E=at)


def a_difference(first, last, previous, bids=(), asks=()):
    return a_frame("btcusdt@depth", e="depthUpdate", s="BTCUSDT", E=1, U=first, u=last, pu=previous, b=bids, a=asks)


def a_decoder(**options):
    return MarketDecoder(["BTCUSDT", "ETHUSDT"], **options)


def test_only_what_changed_is_handed_out_and_only_once():
    decoder = a_decoder()
    decoder.take(best_prices("100.5", "100.6", at=1_700_000_000_123))
    columns = decoder.drain(RECEIVED_NS)
    assert columns.token.tolist() == [token_of("BTCUSDT")]
    assert (columns.bid[0], columns.ask[0], columns.received_ns) == (100.5, 100.6, RECEIVED_NS)
    assert columns.exchange_ns[0] == 1_700_000_000_123_000_000
    assert math.isnan(columns.last_price[0])
    assert decoder.drain(RECEIVED_NS) is None


def a_trade(number, price="100", quantity="0.5", *, at=5, symbol="BTCUSDT"):
    return a_frame(
        f"{symbol.lower()}@aggTrade", e="aggTrade", s=symbol, a=number, p=price, q=quantity, E=at, T=at, m=True
    )


def test_a_slow_reader_sees_every_trade_and_only_the_newest_best_prices():
    decoder = a_decoder()
    for number in range(1, 101):
        decoder.take(best_prices(str(number), str(number + 1), update=number, at=1))
        decoder.take(a_trade(number, str(number), at=number))
    columns = decoder.drain(RECEIVED_NS)
    assert columns.last_price.tolist() == list(range(1, 101))
    assert columns.volume.tolist() == [number / 2 for number in range(1, 101)]
    assert columns.exchange_ns.tolist() == [number * 1_000_000 for number in range(1, 101)]
    assert set(columns.bid.tolist()) == {100}


def test_what_two_connections_both_bring_counts_once():
    decoder = a_decoder()
    for number in (1, 1, 2, 1, 2):
        decoder.take(a_trade(number))
    assert decoder.drain(RECEIVED_NS).volume.tolist() == [0.5, 1.0]
    assert (decoder.counters.repeated, decoder.counters.missed_trades) == (3, 0)


def test_trades_that_never_came_are_counted():
    decoder = a_decoder()
    decoder.take(a_trade(1))
    decoder.take(a_trade(5))
    assert decoder.counters.missed_trades == 3


def test_a_new_connection_may_count_anew():
    decoder = a_decoder()
    decoder.take(a_trade(900, at=9_000))
    decoder.drain(RECEIVED_NS)
    decoder.begin_anew(["BTCUSDT"])
    decoder.take(a_trade(1, "99", at=8_000))
    columns = decoder.drain(RECEIVED_NS)
    assert (columns.last_price[0], columns.exchange_ns[0]) == (99, 8_000_000_000)
    assert decoder.counters.missed_trades == 0


def test_no_line_is_older_than_what_was_seen_before():
    decoder = a_decoder()
    decoder.take(best_prices("99", "101", at=1_000))
    decoder.take(a_trade(1, "100", at=990))
    decoder.take(a_trade(2, "100.5", at=995))
    assert decoder.drain(RECEIVED_NS).exchange_ns.tolist() == [1_000_000_000, 1_000_000_000]


def test_crossed_best_prices_are_counted_and_not_believed():
    decoder = a_decoder()
    decoder.take(best_prices("102", "101"))
    columns = decoder.drain(RECEIVED_NS)
    assert math.isnan(columns.bid[0])
    assert math.isnan(columns.ask[0])
    assert decoder.counters.crossed == 1


@pytest.mark.parametrize(("after_ms", "price", "is_believed"), [(1, "90", True), (9, "100.5", True), (9, "90", False)])
def test_best_prices_that_trades_have_left_behind_are_not_believed(after_ms, price, is_believed):
    decoder = a_decoder()
    decoder.take(best_prices("100", "101", at=1_000))
    decoder.take(a_trade(1, price, at=1_000 + LEFT_BEHIND_MS - 5 + after_ms))
    assert math.isnan(decoder.drain(RECEIVED_NS).bid[0]) is not is_believed


def test_a_depth_of_the_top_alone_is_no_difference():
    decoder = a_decoder(with_books=True)
    decoder.seed_book("BTCUSDT", 100, [["9", "1"]], [["11", "1"]])
    top = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": 90, "u": 101, "pu": 80, "b": [["10", "1"]], "a": []}
    decoder.take(a_frame("btcusdt@depth5@100ms", **top))
    assert decoder.books["BTCUSDT"].best_bid == (9, 1)
    assert decoder.counters.unknown == 1
    assert decoder.unknown_words == []


def test_the_depth_of_a_known_book_goes_with_its_quotes():
    decoder = a_decoder(with_books=True)
    decoder.seed_book("BTCUSDT", 100, [["9", "1"], ["8", "2"]], [["11", "3"]])
    decoder.take(best_prices("9", "11"))
    decoder.take(best_prices("9", "11", symbol="ETHUSDT"))
    depth = decoder.drain(RECEIVED_NS).depth
    assert depth.shape == (2, 10, 3)
    assert depth[0, :2, :2].tolist() == [[1, 9], [2, 8]]
    assert depth[0, 5, :2].tolist() == [3, 11]
    assert math.isnan(depth[0, 2, 0])
    assert all(math.isnan(value) for value in depth[1].ravel())


def test_best_prices_that_are_no_longer_asked_for_are_not_kept():
    decoder = a_decoder()
    decoder.take(best_prices("1", "2"))
    decoder.drain(RECEIVED_NS)
    decoder.add("BTCUSDT", with_quotes=False)
    decoder.take(a_trade(1))
    assert math.isnan(decoder.drain(RECEIVED_NS).bid[0])


def test_a_symbol_that_is_forgotten_says_nothing_more():
    decoder = a_decoder(with_books=True)
    decoder.take(best_prices("1", "2"))
    decoder.remove("BTCUSDT")
    decoder.take(best_prices("2", "3", update=2))
    assert decoder.drain(RECEIVED_NS) is None
    assert decoder.books_wanted == {"ETHUSDT"}


def test_an_unknown_event_is_named_once():
    decoder = a_decoder()
    for _ in range(3):
        decoder.take(a_frame("btcusdt@tradepro", e="tradepro", s="BTCUSDT", E=1))
    assert decoder.unknown_words == ["tradepro"]
    assert decoder.counters.unknown == 3


def test_the_mark_price_tells_that_a_symbol_is_alive():
    decoder, heard = a_decoder(), set()
    decoder.take(best_prices("1", "2"), heard)
    assert heard == set()
    decoder.take(a_frame("x", e="markPriceUpdate", E=1, s="BTCUSDT", p="10.5", i="10.4", P="1", r="", T=99), heard)
    assert heard == {"BTCUSDT"}
    assert decoder.drain(RECEIVED_NS).mark_price[0] == 10.5


def test_best_prices_that_were_overtaken_change_nothing():
    decoder = a_decoder()
    decoder.take(best_prices("101", "102", update=9))
    decoder.take(best_prices("100", "101", update=8))
    assert decoder.drain(RECEIVED_NS).bid[0] == 101


def test_an_empty_side_has_no_price():
    decoder = a_decoder()
    decoder.take(best_prices("0", "101"))
    assert math.isnan(decoder.drain(RECEIVED_NS).bid[0])


def test_marks_and_day_figures_come_from_single_frames_and_from_lists():
    decoder = a_decoder()
    mark = {"e": "markPriceUpdate", "E": 1, "s": "ETHUSDT", "p": "10.5", "i": "10.4", "P": "1", "r": "0.0001", "T": 99}
    decoder.take(json.dumps({"stream": "!markPrice@arr@1s", "data": [mark]}))
    decoder.take(a_frame("ethusdt@ticker", e="24hrTicker", E=2, s="ETHUSDT", o="9", h="11", l="8", c="10"))
    row = decoder.rows["ETHUSDT"]
    assert (row.mark_price, row.index_price, row.funding_rate, row.next_funding_ms) == (10.5, 10.4, 0.0001, 99)
    columns = decoder.drain(RECEIVED_NS)
    assert (columns.day_open[0], columns.day_high[0], columns.day_low[0], columns.last_price[0]) == (9, 11, 8, 10)
    assert (columns.previous_close[0], columns.mark_price[0]) == (9, 10.5)


def test_a_gap_asks_for_a_snapshot_and_the_snapshot_ends_the_wish():
    decoder = a_decoder(with_books=True)
    assert decoder.books_wanted == {"BTCUSDT", "ETHUSDT"}
    decoder.take(a_difference(90, 101, 80, bids=[["10", "1"]]))
    assert decoder.seed_book("BTCUSDT", 100, [["9", "1"]], [["11", "1"]])
    assert decoder.books["BTCUSDT"].best_bid == (10, 1)
    assert decoder.books_wanted == {"ETHUSDT"}
    decoder.take(a_difference(105, 106, 104))
    assert decoder.counters.gaps == 1
    assert "BTCUSDT" in decoder.books_wanted


def test_a_crossed_book_is_counted_and_asked_for_again():
    decoder = a_decoder(with_books=True)
    decoder.seed_book("BTCUSDT", 100, [["9", "1"]], [["11", "1"]])
    decoder.take(a_difference(90, 101, 80, bids=[["12", "1"]]))
    decoder.take(best_prices("9", "11"))
    assert math.isnan(decoder.drain(RECEIVED_NS).depth[0, 0, 1])
    assert decoder.counters.crossed == 1
    assert "BTCUSDT" in decoder.books_wanted
    assert decoder.books["BTCUSDT"].last_update_id is None


@pytest.mark.parametrize(
    ("text", "counter"),
    [
        ("not json", "unreadable"),
        ('{"stream": "x", "data": {"e": "bookTicker", "s": "BTCUSDT"}}', "unreadable"),
        (best_prices("1", "2", at=1 << 60), "unreadable"),
        (best_prices("1", "2", at=-1), "unreadable"),
        (a_trade(1, "much"), "unreadable"),
        (a_trade(1, "0"), "unreadable"),
        (a_trade("one"), "unreadable"),
        (a_frame("x", e="markPriceUpdate", E=1, s="BTCUSDT", p="inf", i="1", r="", T=9), "unreadable"),
        (a_frame("x", e="24hrMiniTicker", E=1, s="BTCUSDT", o="1", h="nan", l="1", c="1"), "unreadable"),
        (best_prices("1", "2", symbol="DOGEUSDT"), "unknown"),
        ('{"result": null, "id": 1}', "unknown"),
        (a_frame("btcusdt@tradepro", e="tradepro", s="BTCUSDT", E=1), "unknown"),
    ],
)
def test_what_cannot_be_used_is_counted_and_changes_nothing(text, counter):
    decoder = a_decoder()
    decoder.take(text)
    assert getattr(decoder.counters, counter) == 1
    assert decoder.drain(RECEIVED_NS) is None


@pytest.mark.parametrize("bid", ["much", "nan", "inf", "-1", None])
def test_best_prices_that_cannot_be_read_change_nothing(bid):
    decoder = a_decoder()
    decoder.take(best_prices("1", "2"))
    decoder.drain(RECEIVED_NS)
    decoder.take(best_prices(bid, "3", update=2))
    columns = decoder.drain(RECEIVED_NS)
    assert (columns.bid[0], columns.ask[0]) == (1, 2)
    assert decoder.counters.unreadable == 1


@given(st.binary(max_size=80) | st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(
    inner, max_size=3) | st.dictionaries(st.sampled_from(["e", "s", "data", "u"]), inner, max_size=3)).map(json.dumps))  # fmt: skip
def test_no_frame_raises(text):
    decoder = a_decoder(with_books=True)
    decoder.take(text)
    decoder.drain(RECEIVED_NS)
    assert decoder.counters.frames == 1


@pytest.mark.reference
def test_the_recorded_book_is_never_crossed_and_agrees_with_the_best_prices_sent_beside_it():
    decoder, agreed, differed = MarketDecoder(["BTCUSDT"], with_books=True), 0, 0
    row, book = decoder.rows["BTCUSDT"], decoder.books["BTCUSDT"]
    with gzip.open(reference_file(RECORDING)) as lines:
        for line in lines:
            decoder.take(line.split(b" ", 1)[1])
            row.read_quote()
            if decoder.books_wanted and row.quote_update_id:
                decoder.seed_book(
                    "BTCUSDT", row.quote_update_id, [(row.bid, row.bid_quantity)], [(row.ask, row.ask_quantity)]
                )
            elif book.last_update_id is not None and book.last_update_id == row.quote_update_id:
                same = (book.best_bid, book.best_ask) == ((row.bid, row.bid_quantity), (row.ask, row.ask_quantity))
                agreed, differed = agreed + same, differed + (not same)
    counters = decoder.counters
    assert (counters.frames, counters.gaps, counters.crossed, counters.unreadable) == (93_954, 0, 0, 0)
    assert agreed > 100
    assert differed == 0
