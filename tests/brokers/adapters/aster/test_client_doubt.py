"""What an order is when its answer is lost, doubtful or refused; what may be asked again."""

import pytest

from brokers.domain.errors import Ambiguous, Rejected, Retryable
from brokers.domain.orders import Purpose, Side
from tests.brokers.adapters.aster.exchange import (
    INSTRUMENT,
    a_perpetual_order,
    a_venue,
    an_order_row,
    refusal,
    reply,
)
from tests.brokers.adapters.doubles import permit

HEDGED = {"positionSide/dual": {"dualSidePosition": True}}


@pytest.mark.parametrize(
    "answer",
    [
        Ambiguous("no whole answer came"),
        reply(b"", 503),
        reply(b"<html>busy</html>", 502),
        reply(b"<html>fine</html>"),
        reply([]),
        reply({"orderId": None}),
        refusal(-1007, "Timeout waiting for response from backend server.", 503),
        refusal(-1006, "An unexpected response was received."),
        refusal(-1000, "An unknown error occured."),
        refusal(-1001, "Internal error."),
    ],
)
async def test_an_order_without_a_clear_answer_is_in_doubt_and_never_sent_again(answer):
    venue, exchange = a_venue()
    exchange.script("POST", "order", answer)

    with pytest.raises(Ambiguous):
        await venue.place(a_perpetual_order(), INSTRUMENT, permit)

    assert len(exchange.writes()) == 1


async def test_nothing_left_is_nothing_sent():
    venue, exchange = a_venue()
    unsent = Retryable("the connection was refused")
    unsent.is_unsent = True
    exchange.script("POST", "order", unsent)

    with pytest.raises(Retryable):
        await venue.place(a_perpetual_order(), INSTRUMENT, permit)

    assert exchange.writes() == []


@pytest.mark.parametrize("code", [-1021, -4225])
async def test_an_order_refused_for_its_time_is_looked_for_and_not_sent_again(code):
    venue, exchange = a_venue()
    exchange.script("POST", "order", refusal(code, "Nonce Expired"))

    with pytest.raises(Rejected) as refused:
        await venue.place(a_perpetual_order(), INSTRUMENT, permit)

    assert refused.value.details["class"] == "clock"
    assert len(exchange.writes()) == 1
    [look] = exchange.named("GET", "order")
    assert look.params["origClientOrderId"] == "W1TEST00001"
    assert len(exchange.named("GET", "time")) == 10  # once at the start, and once more after the refusal


async def test_an_order_refused_for_its_time_that_stands_in_the_book_is_adopted():
    venue, exchange = a_venue()
    exchange.script("POST", "order", refusal(-4225, "Nonce Expired"))
    exchange.script("GET", "order", reply(an_order_row(orderId=99)))

    receipt = await venue.place(a_perpetual_order(), INSTRUMENT, permit)

    assert receipt.venue_order_id == "BTCUSDT:99"


async def test_an_order_refused_for_its_time_that_cannot_be_looked_for_is_in_doubt():
    venue, exchange = a_venue()
    exchange.script("POST", "order", refusal(-1021))
    exchange.script("GET", "order", *[Retryable("away")] * 4)

    with pytest.raises(Ambiguous):
        await venue.place(a_perpetual_order(), INSTRUMENT, permit)


@pytest.mark.parametrize("code", [-1021, -4225])
async def test_a_read_refused_for_its_time_is_signed_anew_once(code):
    venue, exchange = a_venue()
    exchange.script("GET", "balance", refusal(code), reply([]))

    assert await venue.wallets() == []

    exchange.script("GET", "balance", refusal(code), refusal(code))
    with pytest.raises(Rejected):
        await venue.wallets()
    assert len(exchange.named("GET", "balance")) == 4


async def test_a_lost_read_is_asked_again_with_patience_and_another_nonce():
    venue, exchange = a_venue()
    exchange.script("GET", "balance", Retryable("lost"), reply(b"busy", 502))

    assert await venue.wallets() == []

    calls = exchange.named("GET", "balance")
    assert len({call.params["nonce"] for call in calls}) == len(calls) == 3


async def test_a_refused_order_keeps_the_exchange_s_sentence():
    venue, exchange = a_venue()
    exchange.script("POST", "order", refusal(-2019, "Margin is insufficient."))

    with pytest.raises(Rejected, match="Margin is insufficient") as refused:
        await venue.place(a_perpetual_order(), INSTRUMENT, permit)

    assert (refused.value.code, refused.value.details["venue_code"]) == ("aster.funds", -2019)


async def test_after_a_broken_rule_the_list_is_read_again_and_after_a_wrong_side_the_mode():
    venue, exchange = a_venue()
    await venue.place(a_perpetual_order(), INSTRUMENT, permit)
    exchange.script("POST", "order", refusal(-4014, "Price not increased by tick size."), refusal(-4061, "side"))
    for _ in range(2):
        with pytest.raises(Rejected):
            await venue.place(a_perpetual_order(), INSTRUMENT, permit)
    exchange.books |= HEDGED

    await venue.place(a_perpetual_order(), INSTRUMENT, permit)

    assert len(exchange.named("GET", "exchangeInfo")) == 2
    assert exchange.named("POST", "order")[-1].params["positionSide"] == "LONG"


async def test_an_exit_waits_for_no_new_rules_and_whoever_polls_brings_them():
    venue, exchange = a_venue()
    await venue.orders()
    exchange.script("POST", "order", refusal(-4014, "Price not increased by tick size."))
    leaving = a_perpetual_order(side=Side.SELL, purpose=Purpose.EXIT, reduce_only=True)
    with pytest.raises(Rejected):
        await venue.place(leaving, INSTRUMENT, permit)
    before = len(exchange.calls)

    await venue.place(leaving, INSTRUMENT, permit)
    placed = [call.name for call in exchange.calls[before:]]
    await venue.orders()

    assert placed == ["order"]
    assert len(exchange.named("GET", "exchangeInfo")) == 2
