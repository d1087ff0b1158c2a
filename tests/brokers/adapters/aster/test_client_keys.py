"""Which keys sign, by what clock, and that none of them shows."""

from datetime import timedelta

import pytest

from brokers.domain.errors import Invalid, NeedsLogin, Retryable
from brokers.domain.orders import Purpose, Side
from brokers.ports import AuthScheme, Credentials
from tests.brokers.adapters.aster.exchange import (
    AGENT,
    AGENT_KEY,
    INSTRUMENT,
    SECRET,
    USER,
    V1,
    V3,
    a_perpetual_order,
    a_venue,
    an_order_row,
    refusal,
    reply,
)
from tests.brokers.adapters.doubles import START, permit


@pytest.mark.parametrize(
    ("agents", "reason"),
    [
        ([{"agentAddress": AGENT, "canPerpTrade": True, "canWithdraw": True}], "may withdraw"),
        ([{"agentAddress": AGENT, "canPerpTrade": True}], "may withdraw"),
        ([{"agentAddress": AGENT, "canPerpTrade": False, "canWithdraw": False}], "may not trade"),
        (
            [{"agentAddress": AGENT, "canPerpTrade": True, "canWithdraw": False, "expired": 1700000000000}],
            "has expired",
        ),
        ([], "does not know"),
    ],
)
async def test_an_agent_that_must_not_sign_for_money_signs_no_write(agents, reason):
    venue, exchange = a_venue()
    exchange.books["agent"] = agents

    with pytest.raises(NeedsLogin, match=reason):
        await venue.place(a_perpetual_order(), INSTRUMENT, permit)
    with pytest.raises(NeedsLogin, match=reason):
        await venue.profile()

    assert exchange.writes() == []


async def test_an_exchange_that_tells_no_rights_is_traded_at():
    venue, exchange = a_venue()
    exchange.script("GET", "agent", reply(b"not found", 404))

    await venue.place(a_perpetual_order(), INSTRUMENT, permit)

    assert len(exchange.writes()) == 1


async def test_an_agent_is_looked_at_once_and_a_key_of_v1_not_at_all():
    venue, exchange = a_venue()
    for _ in range(3):
        await venue.place(a_perpetual_order(), INSTRUMENT, permit)
    other, its_exchange = a_venue(credentials=V1)
    await other.place(a_perpetual_order(), INSTRUMENT, permit)

    assert len(exchange.named("GET", "agent")) == 1
    assert its_exchange.named("GET", "agent") == []


@pytest.mark.parametrize("code", [-2015, -2014, -1022, -1002])
async def test_a_key_that_the_exchange_refuses_asks_for_another(code):
    venue, exchange = a_venue()
    exchange.script("GET", "balance", refusal(code, "Invalid API-key, IP, or permissions for action.", 401))

    with pytest.raises(NeedsLogin):
        await venue.margins()


async def test_no_secret_is_in_anything_that_is_raised_or_shown():
    shown = []
    for credentials in (V1, V3):
        venue, exchange = a_venue(credentials=credentials)
        exchange.script("POST", "order", refusal(-1022, "Signature for this request is not valid."))
        with pytest.raises(NeedsLogin) as refused:
            await venue.place(a_perpetual_order(), INSTRUMENT, permit)
        shown += [repr(refused.value), str(refused.value.details), repr(vars(venue)), repr(credentials)]
    with pytest.raises(Invalid) as wrong:
        a_venue(credentials=Credentials(user_id=USER, api_key=USER, access_token=AGENT_KEY, scheme=AuthScheme.AGENT))
    shown += [str(wrong.value), repr(wrong.value)]

    assert not any(secret in text for text in shown for secret in (SECRET, AGENT_KEY, AGENT_KEY[2:]))


async def test_a_login_is_no_key():
    with pytest.raises(Invalid):
        a_venue(credentials=Credentials(user_id="x", api_key="y", access_token="z"))


async def test_a_closed_session_makes_no_more_calls():
    venue, exchange = a_venue()
    await venue.close()

    with pytest.raises(Retryable):
        await venue.margins()
    assert exchange.calls == []


@pytest.mark.parametrize("ahead_ms", [-3000, 1500])
@pytest.mark.parametrize("credentials", [V1, V3])
async def test_signatures_carry_the_exchange_s_time(credentials, ahead_ms):
    venue, exchange = a_venue(credentials=credentials, ahead_ms=ahead_ms)

    await venue.wallets()

    [call] = exchange.named("GET", "balance")
    expected_ms = round(START.timestamp() * 1000) + ahead_ms
    if credentials is V1:
        assert int(call.params["timestamp"]) == expected_ms
    else:
        assert abs(int(call.params["nonce"]) - expected_ms * 1000) < 1000
    assert (await venue.measure_clock()).milliseconds == ahead_ms


async def test_five_seconds_off_stop_entries_and_leave_exits_and_cancels():
    venue, exchange = a_venue(ahead_ms=5_100)

    with pytest.raises(Retryable, match=r"5\.1 s off") as stopped:
        await venue.place(a_perpetual_order(), INSTRUMENT, permit)
    await venue.place(a_perpetual_order(side=Side.SELL, purpose=Purpose.EXIT, reduce_only=True), INSTRUMENT, permit)
    exchange.script("DELETE", "order", reply(an_order_row(status="CANCELED")))
    await venue.cancel("BTCUSDT:7", permit)

    assert stopped.value.details["class"] == "clock"
    assert [call.method for call in exchange.writes()] == ["POST", "DELETE"]


async def test_the_clock_is_measured_again_after_some_minutes():
    venue, exchange = a_venue()
    await venue.wallets()
    exchange.clock.elapsed_s += 301
    exchange.ahead_ms = 700

    await venue.wallets()

    assert len(exchange.named("GET", "time")) == 10
    assert (
        int(exchange.named("GET", "balance")[-1].params["nonce"]) // 1000 % 1_000_000
        == (round((START + timedelta(seconds=301)).timestamp() * 1000) + 700) % 1_000_000
    )
