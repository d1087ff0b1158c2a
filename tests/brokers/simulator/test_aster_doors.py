"""Who is let in at the simulated Aster: signatures, clocks, nonces, weights, bans."""

import pytest

from brokers.simulator.aster.limits import Ceilings
from brokers.simulator.aster.orders import AsterRefusal
from brokers.simulator.aster.traders import (
    DEMO_TRADER,
    SPARE_AGENT_KEY,
    SPARE_TRADER,
    Trader,
    TraderInvalid,
    text_of_trader,
    trader_from_text,
)
from tests.brokers.simulator.aster_site import Caller, an_aster


@pytest.fixture
def caller():
    site, _, clock = an_aster()
    caller = Caller(site)
    caller.clock = clock
    return caller


def code(answer):
    return answer.status_code, answer.json()["code"]


async def test_both_generations_reach_the_same_account(caller):
    old, new = await caller.v1("GET", "balance", version="v2"), await caller.v3("GET", "balance")

    assert old.json() == new.json()
    assert old.json()[0]["balance"] == "100000.00000000"


@pytest.mark.parametrize(
    ("ahead_ms", "refused"),
    [(999, False), (1_000, True), (-5_000, False), (-5_001, True)],
)
async def test_a_time_must_lie_within_a_second_ahead_and_the_window_behind(caller, ahead_ms, refused):
    answer = await caller.v1(
        "GET", "order", symbol="BTCUSDT", orderId="1", timestamp=caller.clock.ns // 10**6 + ahead_ms
    )

    assert code(answer) == ((400, -1021) if refused else (400, -2013))


async def test_the_window_may_be_widened_to_a_minute(caller):
    late = caller.clock.ns // 10**6 - 50_000

    assert (await caller.v1("GET", "balance", version="v2", timestamp=late, recvWindow="60000")).status_code == 200
    assert code(await caller.v1("GET", "balance", version="v2", timestamp=late, recvWindow="60001")) == (400, -1130)


async def test_a_wrong_secret_and_an_unknown_key_are_told_apart(caller):
    stranger = Caller(caller.site, Trader(**{**_fields(DEMO_TRADER), "api_key": "nobodyskey0000000001"}))

    assert code(await caller.v1("GET", "balance", version="v2", secret="x" * 20)) == (400, -1022)
    assert code(await stranger.v1("GET", "balance", version="v2")) == (401, -2015)
    assert code(await caller.client.get("/fapi/v2/balance")) == (401, -2014)


def _fields(trader):
    names = ("user", "agent", "api_key", "api_secret", "usdt", "maker_fee", "taker_fee", "may_withdraw")
    return {name: getattr(trader, name) for name in names}


async def test_an_agent_signs_for_its_own_wallet_alone(caller):
    posing = Caller(caller.site, Trader(**{**_fields(DEMO_TRADER), "agent": SPARE_TRADER.agent}))

    assert code(await caller.v3("GET", "balance", key=SPARE_AGENT_KEY)) == (400, -1022)
    assert code(await posing.v3("GET", "balance", key=SPARE_AGENT_KEY)) == (401, -2015)


async def test_what_was_changed_after_signing_is_refused(caller):
    await caller.v3("GET", "openOrders", symbol="BTCUSDT")
    sent = []
    caller.client.event_hooks["request"].append(lambda request: _keep(sent, request))
    await caller.v3("GET", "openOrders", symbol="BTCUSDT")

    forged = str(sent[0].url).replace("BTCUSDT", "ETHUSDT")

    assert code(await caller.client.get(forged)) == (400, -1022)


async def _keep(sent, request):
    sent.append(request)


async def test_a_nonce_serves_once_and_within_ten_seconds(caller):
    now = caller.clock.ns // 1_000

    assert (await caller.v3("GET", "balance", nonce=now)).status_code == 200
    assert code(await caller.v3("GET", "balance", nonce=now)) == (400, -4225)
    assert code(await caller.v3("GET", "balance", nonce=now + 10_000_001)) == (400, -4225)
    assert code(await caller.v3("GET", "balance", nonce=now - 10_000_001)) == (400, -4225)


async def test_a_nonce_below_the_last_hundred_has_expired_and_one_among_them_has_not(caller):
    now = caller.clock.ns // 1_000
    for step in range(100):
        await caller.v3("GET", "openOrders", symbol="BTCUSDT", nonce=now + 2 * step)

    assert (await caller.v3("GET", "balance", nonce=now + 1)).status_code == 200
    assert code(await caller.v3("GET", "balance", nonce=now - 1)) == (400, -4225)


async def test_a_refused_signature_uses_up_no_nonce(caller):
    now = caller.clock.ns // 1_000
    await caller.v3("GET", "balance", nonce=now, key=SPARE_AGENT_KEY)

    assert (await caller.v3("GET", "balance", nonce=now)).status_code == 200


async def test_stream_keys_need_the_header_alone_in_v1_and_a_signature_in_v3(caller):
    by_header = await caller.client.post("/fapi/v1/listenKey", headers={"X-MBX-APIKEY": DEMO_TRADER.api_key})
    unsigned = await caller.client.post("/fapi/v3/listenKey")

    assert by_header.json() == (await caller.v3("POST", "listenKey")).json()
    assert unsigned.json()["code"] == -1102


async def test_what_v1_never_had_is_not_there(caller):
    for method, name in (("PUT", "order"), ("GET", "stpMode"), ("GET", "balance"), ("GET", "nonsense")):
        assert code(await caller.v1(method, name)) == (404, -1020)


async def test_every_answer_tells_the_weight_used_and_orders_tell_their_count(caller):
    first = await caller.open("ticker/24hr")
    placed = await caller.v3("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")

    assert first.headers["X-MBX-USED-WEIGHT-1M"] == "40"
    assert placed.headers["X-MBX-USED-WEIGHT-1M"] == "41"
    assert (placed.headers["X-MBX-ORDER-COUNT-1M"], placed.headers["X-MBX-ORDER-COUNT-10S"]) == ("1", "1")
    assert placed.json()["status"] == "NEW"


def test_going_on_beyond_the_ceiling_means_a_ban_that_grows():
    ceilings, minute = Ceilings(enforced=True), 60 * 10**9
    found = [_spent(ceilings, 400, minute + step) for step in range(17)]
    after = _spent(ceilings, 1, 4 * minute)
    again = [_spent(ceilings, 2_400, 4 * minute + step) for step in range(1, 13)]

    assert found == [200] * 6 + [429] * 10 + [418]
    assert after == 200
    assert again[-1] == 418
    with pytest.raises(AsterRefusal, match=r"IP banned until (\d+)"):
        ceilings.spend("127.0.0.1", 1, 4 * minute + 479 * 10**9)


def _spent(ceilings, weight, wall_ns):
    try:
        ceilings.spend("127.0.0.1", weight, wall_ns)
    except AsterRefusal as refusal:
        return refusal.http
    return 200


def test_an_account_places_no_more_than_three_hundred_orders_in_ten_seconds():
    ceilings = Ceilings(enforced=True)
    for _ in range(300):
        ceilings.spend_order("a", 0)

    with pytest.raises(AsterRefusal, match="300 orders per 10 SECOND"):
        ceilings.spend_order("a", 0)
    ceilings.spend_order("b", 0)


def test_an_account_is_described_in_one_line_and_read_back():
    assert trader_from_text(text_of_trader(SPARE_TRADER)) == SPARE_TRADER


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("user=0x1", "forty hexadecimal"),
        ("colour=red", "no field 'colour'"),
        (text_of_trader(DEMO_TRADER).replace("usdt=100000", "usdt=much"), "not a number"),
        (text_of_trader(DEMO_TRADER).replace("usdt=100000", "usdt=-1"), "not a usable number"),
        (text_of_trader(DEMO_TRADER).replace("key=sim", "key=-"), "16 letters"),
    ],
)
def test_a_wrong_account_is_refused_in_one_sentence(text, words):
    with pytest.raises(TraderInvalid, match=words) as refused:
        trader_from_text(text)

    assert DEMO_TRADER.api_secret not in str(refused.value)
    assert DEMO_TRADER.api_secret not in repr(DEMO_TRADER)
