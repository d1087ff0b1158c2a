import gzip
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.adapters.aster.decode import MarketDecoder, token_of
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


def test_a_slow_reader_sees_the_newest_and_the_whole_volume():
    decoder = a_decoder()
    for number in range(1, 101):
        decoder.take(best_prices(str(number), str(number + 1), update=number))
        decoder.take(a_frame("btcusdt@aggTrade", e="aggTrade", s="BTCUSDT", p=str(number), q="0.5", E=number))
    columns = decoder.drain(RECEIVED_NS)
    assert len(columns) == 1
    assert (columns.bid[0], columns.last_price[0], columns.volume[0]) == (100, 100, 50)


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


def test_a_crossed_book_is_counted():
    decoder = a_decoder(with_books=True)
    decoder.seed_book("BTCUSDT", 100, [["9", "1"]], [["11", "1"]])
    decoder.take(a_difference(90, 101, 80, bids=[["12", "1"]]))
    assert decoder.counters.crossed == 1


@pytest.mark.parametrize(
    ("text", "counter"),
    [
        ("not json", "unreadable"),
        ('{"stream": "x", "data": {"e": "bookTicker", "s": "BTCUSDT"}}', "unreadable"),
        (best_prices("much", "1"), "unreadable"),
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


@given(st.binary(max_size=80) | st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(
    inner, max_size=3) | st.dictionaries(st.sampled_from(["e", "s", "data", "u"]), inner, max_size=3)).map(json.dumps))  # fmt: skip
def test_no_frame_raises(text):
    decoder = a_decoder(with_books=True)
    decoder.take(text)
    assert decoder.counters.frames == 1


@pytest.mark.reference
def test_the_recorded_book_is_never_crossed_and_agrees_with_the_best_prices_sent_beside_it():
    decoder, agreed, differed = MarketDecoder(["BTCUSDT"], with_books=True), 0, 0
    row, book = decoder.rows["BTCUSDT"], decoder.books["BTCUSDT"]
    with gzip.open(reference_file(RECORDING)) as lines:
        for line in lines:
            decoder.take(line.split(b" ", 1)[1])
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
