"""A made market as wide as a run asks for."""

from brokers.simulator.kite_packets import FULL, Frames
from brokers.simulator.kite_stream import MAX_TOKENS, Socket
from tests.brokers.simulator.site import a_client, a_site

WIDE = ("--instruments", "9100", "--frames", "1", "--lively", "1")
FULL_MODE = 2


def tradable(site):
    return [listing for listing in site.venue.board.listings if not listing.is_index]


def test_lists_as_many_instruments_as_asked_each_with_its_own_token_and_name():
    site, _ = a_site(*WIDE)

    listings = site.venue.board.listings

    assert len(listings) == 9_100
    assert len({listing.token for listing in listings}) == len({(x.exchange, x.symbol) for x in listings}) == 9_100
    assert {listing.kind for listing in listings} == {"EQ", "FUT", "CE", "PE"}
    assert {listing.exchange for listing in listings} == {"NSE", "BSE", "NFO", "BFO"}
    assert all(listing.token < 2**32 for listing in listings)


def test_every_one_of_three_full_sockets_ticks_in_every_frame():
    site, _ = a_site(*WIDE)
    tokens = [listing.token for listing in tradable(site)][: 3 * MAX_TOKENS]
    sockets = [Socket("AB1234", site.venue.board, site.monotonic_ns) for _ in range(3)]
    for number, socket in enumerate(sockets):
        socket.command({"a": "mode", "v": ["full", tokens[number * MAX_TOKENS : (number + 1) * MAX_TOKENS]]})

    step = site.venue.advance(0)

    frames = Frames(site.venue.board)
    for socket in sockets:
        rows, modes = socket.wants(step)
        message = frames.message(rows, modes)
        assert (len(rows), set(modes.tolist())) == (MAX_TOKENS, {FULL_MODE})
        assert len(message) == 2 + MAX_TOKENS * FULL.itemsize


def test_every_instrument_has_a_price_and_a_book():
    site, _ = a_site(*WIDE)
    board = site.venue.board

    site.venue.advance(0)

    assert (board.last > 0).all()
    assert (board.depth_price[~board.is_index, 5] > 0).all()
    assert (board.last % board.tick == 0).all()


def test_the_markets_own_instruments_stay_what_they_are():
    usual, _ = a_site()
    wide, _ = a_site(*WIDE)

    own = [listing.symbol for listing in usual.venue.board.listings]

    assert [listing.symbol for listing in wide.venue.board.listings][: len(own)] == own


async def test_a_small_stock_has_todays_candles_and_no_past():
    site, _ = a_site("--instruments", "6000")
    client = a_client(site)
    small = next(listing for listing in tradable(site) if listing.symbol == "SMALL00001")

    answer = await client.get(
        f"/instruments/historical/{small.token}/minute", params={"from": "2026-11-16", "to": "2026-11-20 15:00:00"}
    )

    candles = answer.json()["data"]["candles"]
    assert candles
    assert {candle[0][:10] for candle in candles} == {"2026-11-20"}


def test_the_next_day_lists_as_many():
    site, _ = a_site(*WIDE, "--speed", "600")

    site.venue.close_session(0)
    site.venue.open_next_day()

    site.venue.advance(0)
    assert len(site.venue.board.listings) == 9_100
