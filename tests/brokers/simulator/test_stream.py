"""The websocket: subscriptions, frames, heartbeats, order updates."""

import asyncio
import contextlib
import json

from brokers.simulator.kite_server import KiteApplication
from brokers.simulator.kite_stream import MAX_TOKENS, Socket
from brokers.simulator.runner import _step
from tests.brokers.simulator.site import KEY, a_client, a_site, access_token, an_order
from tests.brokers.simulator.test_packets import read

NIFTY = 256265


class Connection:
    """A websocket client that talks ASGI directly."""

    def __init__(self, site, token, path="/", key=KEY):
        self._incoming, self.sent = asyncio.Queue(), asyncio.Queue()
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": f"api_key={key}&access_token={token}".encode(),
            "headers": [(b"host", b"127.0.0.1:7070")],
        }
        self._incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(KiteApplication(site)(scope, self._incoming.get, self.sent.put))

    async def next(self):
        return await asyncio.wait_for(self.sent.get(), 2)

    def say(self, message):
        self._incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    async def settle(self):
        for _ in range(10):
            await asyncio.sleep(0)

    async def frames(self):
        """All frames that have been sent, bytes or text."""
        await self.settle()
        found = []
        while not self.sent.empty():
            message = self.sent.get_nowait()
            found.append(message.get("bytes") or message.get("text"))
        return found

    async def close(self):
        self._incoming.put_nowait({"type": "websocket.disconnect"})
        await self.task


@contextlib.asynccontextmanager
async def connected(*arguments):
    site, clock = a_site(*arguments)
    client = a_client(site)
    connection = Connection(site, access_token(client))
    assert (await connection.next())["type"] == "websocket.accept"
    try:
        yield site, clock, client, connection
    finally:
        await connection.close()


def token_of(site, symbol, exchange="NSE"):
    board = site.venue.board
    return board.listings[board.row_of_key[exchange, symbol]].token


async def test_dead_token_is_refused_at_the_handshake():
    site, _ = a_site()

    for path, token in (("/", "nonsense"), ("/elsewhere", access_token(a_client(site)))):
        connection = Connection(site, token, path)
        assert (await connection.next())["type"] == "websocket.close"
        await connection.task


async def test_subscription_answers_at_once_with_the_last_tick_in_quote_mode():
    async with connected() as (site, _, _, connection):
        connection.say({"a": "subscribe", "v": [NIFTY, token_of(site, "RELIANCE")]})

        (frame,) = await connection.frames()

    assert sorted(len(body) for _, body in read(frame)) == [28, 44]


async def test_mode_sets_the_packet_length_of_later_steps():
    async with connected() as (site, _, _, connection):
        reliance = token_of(site, "RELIANCE")
        connection.say({"a": "subscribe", "v": [NIFTY, reliance]})
        connection.say({"a": "mode", "v": ["full", [reliance]]})
        await connection.frames()

        lengths = {}
        for _ in range(20):
            _step(site)
            for frame in await connection.frames():
                lengths |= {token: len(body) for token, body in read(frame)}

    assert lengths == {NIFTY: 28, reliance: 184}


async def test_unsubscribed_instrument_is_silent():
    async with connected() as (site, _, _, connection):
        connection.say({"a": "subscribe", "v": [NIFTY]})
        connection.say({"a": "unsubscribe", "v": [NIFTY]})
        await connection.frames()

        _step(site)

        assert await connection.frames() == []


async def test_unknown_tokens_are_ignored_and_too_many_are_an_error_frame():
    async with connected() as (_, _, _, connection):
        connection.say({"a": "subscribe", "v": [1]})
        nothing = await connection.frames()
        connection.say({"a": "subscribe", "v": list(range(MAX_TOKENS + 1))})
        (error,) = await connection.frames()

    assert nothing == []
    assert json.loads(error)["type"] == "error"


async def test_nonsense_gets_an_error_frame_and_the_connection_lives():
    async with connected() as (_, _, _, connection):
        for nonsense in ("hello", {"a": "fly"}, {"a": "subscribe", "v": "all"}, {"a": "subscribe", "v": ["x"]}):
            connection.say(nonsense)
        errors = await connection.frames()
        connection.say({"a": "subscribe", "v": [NIFTY]})

        assert [json.loads(error)["type"] for error in errors] == ["error"] * 4
        assert len(await connection.frames()) == 1


async def test_heartbeat_of_one_byte_when_nothing_was_said_for_a_second():
    async with connected() as (site, clock, _, connection):
        clock.move(1.5)
        site.hub.heartbeat()
        site.hub.heartbeat()

        assert await connection.frames() == [b"\x00"]


async def test_order_frames_reach_their_user_alone():
    accounts = [f"{user}:key{user}:secret{user}:http://localhost:1/x:100000" for user in ("AA0001", "BB0002")]
    site, _ = a_site("--account", accounts[0], "--account", accounts[1])
    first, second = (a_client(site, user=(f"key{user}", f"secret{user}")) for user in ("AA0001", "BB0002"))
    theirs = Connection(site, access_token(second), key="keyBB0002")
    ours = Connection(site, access_token(first), key="keyAA0001")
    for connection in (ours, theirs):
        await connection.next()
        await connection.settle()

    await first.post("/orders/regular", data=an_order())

    assert await ours.frames()
    assert await theirs.frames() == []
    await ours.close()
    await theirs.close()


async def test_order_frame_follows_the_order():
    async with connected() as (_, _, client, connection):
        await client.post("/orders/regular", data=an_order(tag="frame1"))

        frames = [json.loads(frame) for frame in await connection.frames()]

    assert {frame["type"] for frame in frames} == {"order"}
    assert frames[-1]["data"]["status"] == "COMPLETE"
    assert frames[-1]["data"]["tag"] == "frame1"


async def test_silent_socket_stays_open_and_says_nothing_for_its_time():
    async with connected() as (site, clock, client, connection):
        connection.say({"a": "subscribe", "v": [NIFTY]})
        await connection.frames()
        await client.post("/sim/faults", json={"kind": "silent_socket", "seconds": 5})

        clock.move(2)
        _step(site)
        silent = await connection.frames()
        clock.move(4)
        _step(site)

        assert silent == []
        assert await connection.frames()


async def test_logout_closes_the_socket():
    site, _ = a_site()
    connection = Connection(site, access_token(a_client(site)))
    await connection.next()
    await connection.settle()

    site.end_session("AB1234")

    assert (await connection.next())["type"] == "websocket.close"
    await connection.close()


async def test_client_that_does_not_read_is_closed_and_the_others_are_not(monkeypatch):
    monkeypatch.setattr("brokers.simulator.kite_stream.QUEUE_FRAMES", 4)
    async with connected() as (site, _, _, connection):
        connection.say({"a": "subscribe", "v": [NIFTY]})
        await connection.frames()
        stuck = Socket("AB1234", site.venue.board, site.monotonic_ns)
        stuck.command({"a": "subscribe", "v": [NIFTY]})
        site.hub.sockets.add(stuck)
        for _ in range(4):
            _step(site)
            await connection.settle()

        await site.hub.settle()

        assert stuck.frames.get_nowait() is None
        assert len(await connection.frames()) >= 1
        site.hub.sockets.discard(stuck)


async def test_last_price_mode_hears_of_trades_alone():
    async with connected() as (site, _, _, connection):
        tokens = [listing.token for listing in site.venue.board.listings if listing.is_option]
        connection.say({"a": "mode", "v": ["ltp", tokens]})
        await connection.frames()

        step = site.venue.advance(0)
        site.hub.broadcast(site.venue.board, step)
        frames = await connection.frames()

    heard = sum(len(read(frame)) for frame in frames)
    printed = sum(site.venue.board.listings[row].is_option for row in step.prints.rows.tolist())
    assert heard == printed < len(tokens)


async def test_subscriptions_of_an_endless_session_survive_the_night():
    async with connected("--speed", "600", "--endless-tokens") as (site, _, _, connection):
        connection.say({"a": "subscribe", "v": [NIFTY]})
        await connection.frames()
        site.venue.close_session(0)
        site.venue.open_next_day()
        site.hub.rebind(site.venue.board)

        _step(site)

        ((token, _),) = [packet for frame in await connection.frames() for packet in read(frame)]
        assert token == NIFTY


async def test_sessions_and_sockets_end_at_six_in_the_morning():
    async with connected("--speed", "600") as (site, _, client, connection):
        site.venue.close_session(0)
        evening = await client.get("/user/profile")
        site.venue.open_next_day()
        site.end_dead_sessions()

        morning = await client.get("/user/profile")

        assert (evening.status_code, morning.status_code) == (200, 403)
        assert morning.json()["error_type"] == "TokenException"
        assert (await connection.next())["type"] == "websocket.close"
