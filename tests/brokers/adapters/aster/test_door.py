from datetime import timedelta

import pytest

from brokers.adapters.aster.door import Door, RedisBoard, Shut, shut_of
from brokers.domain.errors import Rejected, Retryable
from brokers.domain.orders import OrderType, Purpose, Side
from tests.brokers.adapters.aster.exchange import INSTRUMENT, a_perpetual_order, a_venue, an_order_row, refusal, reply
from tests.brokers.adapters.doubles import START, OpenBudget, SteppingClock, permit
from tests.brokers.adapters.memory import MemoryRedis

NOW_MS = round(START.timestamp() * 1000)
EXIT = {"side": Side.SELL, "purpose": Purpose.EXIT, "reduce_only": True, "order_type": OrderType.MARKET}


def banned(until_ms=None, *, status=418, headers=None):
    end = f" IP banned until {until_ms}." if until_ms else ""
    return refusal(-1003, f"Way too many requests;{end} Please use the websocket.", status, headers)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (banned(NOW_MS + 90_000), 90),
        (banned(NOW_MS + 90_000, headers={"Retry-After": "30"}), 30),
        (banned(headers={"retry-after": "7"}), 7),
        (banned(), 60),
        (banned(NOW_MS - 5_000), 60),
        (banned(1), 60),
        (banned(headers={"Retry-After": "soon"}), 60),
        (banned(status=429), 60),
        (reply(b"<html>forbidden</html>", 403), 60),
    ],
)
async def test_a_ban_ends_when_the_exchange_says_or_after_a_minute(answer, seconds):
    venue, exchange = a_venue()
    await venue.wallets()
    exchange.script("GET", "balance", answer)

    with pytest.raises(Retryable) as stopped:
        await venue.wallets()
    exchange.clock.elapsed_s += seconds - 0.1
    before = len(exchange.calls)
    with pytest.raises(Retryable, match="stay away"):
        await venue.wallets()
    exchange.clock.elapsed_s += 5.2
    assert await venue.wallets() == []

    assert stopped.value.code == "venue.throttled"
    assert len(exchange.calls) == before + 1


async def test_nothing_at_all_is_sent_while_the_address_is_banned():
    venue, exchange = a_venue()
    await venue.place(a_perpetual_order(), INSTRUMENT, permit)
    exchange.script("POST", "order", banned())
    with pytest.raises(Rejected) as refused:
        await venue.place(a_perpetual_order(), INSTRUMENT, permit)
    before = len(exchange.calls)

    for order in (a_perpetual_order(), a_perpetual_order(**EXIT)):
        with pytest.raises(Retryable):
            await venue.place(order, INSTRUMENT, permit)
    with pytest.raises(Retryable):
        await venue.cancel("BTCUSDT:7", permit)
    with pytest.raises(Retryable):
        await venue.measure_clock()

    assert refused.value.details["until_ms"] == NOW_MS + 60_000
    assert len(exchange.calls) == before


async def test_when_the_door_opens_cancels_and_exits_go_first():
    venue, exchange = a_venue()
    await venue.place(a_perpetual_order(), INSTRUMENT, permit)
    exchange.script("GET", "balance", banned(headers={"Retry-After": "10"}))
    with pytest.raises(Retryable):
        await venue.wallets()
    exchange.clock.elapsed_s += 10

    with pytest.raises(Retryable, match="only cancels and exits"):
        await venue.place(a_perpetual_order(), INSTRUMENT, permit)
    with pytest.raises(Retryable, match="only cancels and exits"):
        await venue.wallets()
    await venue.place(a_perpetual_order(**EXIT), INSTRUMENT, permit)
    exchange.script("DELETE", "order", reply(an_order_row(status="CANCELED")))
    await venue.cancel("BTCUSDT:7", permit)
    exchange.clock.elapsed_s += 5

    await venue.place(a_perpetual_order(), INSTRUMENT, permit)


async def test_a_ban_that_comes_again_lasts_longer_and_is_forgotten_in_time():
    clock = SteppingClock()
    door = Door(clock=clock)
    lasting = []
    for _ in range(8):
        await door.shut(status=418, headers={}, banned_until_ms=None)
        lasting.append(round(door.shut_s))
        clock.elapsed_s += door.shut_s + 1
    clock.elapsed_s += 601
    await door.shut(status=418, headers={}, banned_until_ms=None)

    assert lasting == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert round(door.shut_s) == 60


async def test_a_shorter_word_does_not_open_the_door_sooner():
    door = Door(clock=SteppingClock())
    await door.shut(status=418, headers={"Retry-After": "600"}, banned_until_ms=None)

    await door.shut(status=429, headers={"Retry-After": "1"}, banned_until_ms=None)

    assert round(door.shut_s) == 600


async def test_one_process_that_is_banned_stops_the_others_of_its_address_alone():
    redis, clock = MemoryRedis(), SteppingClock()
    first, second = (Door(clock=clock, board=RedisBoard(redis, address="exchange|1.2.3.4")) for _ in range(2))
    other = Door(clock=clock, board=RedisBoard(redis, address="exchange|5.6.7.8"))

    await first.shut(status=418, headers={}, banned_until_ms=NOW_MS + 120_000)

    with pytest.raises(Retryable, match="04:02:00 UTC"):
        await second.require_open(is_urgent=True)
    await other.require_open(is_urgent=False)
    assert (START + timedelta(seconds=120)).strftime("%H:%M:%S") == "04:02:00"


async def test_without_redis_a_process_keeps_its_own_door_shut():
    door = Door(clock=SteppingClock(), board=RedisBoard(MemoryRedis(is_away=True), address="exchange"))
    await door.require_open(is_urgent=False)

    await door.shut(status=418, headers={}, banned_until_ms=None)

    with pytest.raises(Retryable):
        await door.require_open(is_urgent=True)


async def test_an_account_s_too_many_orders_rest_its_orders_and_shut_no_door():
    venue, exchange = a_venue()
    budget = venue._transport._budget
    exchange.script("POST", "order", refusal(-1015, "Too many new orders; current limit is 300 orders per 10s."))

    with pytest.raises(Rejected):
        await venue.place(a_perpetual_order(), INSTRUMENT, permit)

    assert budget.pauses == [("order", 10.0)]
    await venue.wallets()


@pytest.mark.parametrize("text", [None, b"", b"soon", b"1", b"\xff 2", "12 x"])
def test_nonsense_on_the_board_is_an_open_door(text):
    assert shut_of(text) == Shut()


def test_what_is_written_is_read():
    shut = Shut(until_ms=123, times=4)
    assert shut_of(shut.text()) == shut == shut_of(shut.text().encode())


class ShutMeanwhile(OpenBudget):
    """A budget in whose queue a call waits while another process is told to stay away."""

    def __init__(self, door):
        super().__init__()
        self.door = door

    async def acquire(self, kind, *, urgent=False, weight=1):
        await super().acquire(kind, urgent=urgent, weight=weight)
        await self.door.shut(status=418, headers={}, banned_until_ms=None)


@pytest.mark.parametrize("call", ["wallets", "measure_clock"])
async def test_what_waited_for_its_turn_when_the_ban_came_is_not_sent(call):
    door = Door(clock=SteppingClock())
    venue, exchange = a_venue(budget=ShutMeanwhile(door), door=door)

    with pytest.raises(Retryable, match="stay away"):
        await getattr(venue, call)()

    assert exchange.calls == []
