"""What goes wrong by somebody's mistake: its class, one sentence that says so, and the action that is documented."""

import pytest

from brokers.adapters.aster.errors import ACTIONS, ErrorClass
from brokers.domain.errors import NeedsLogin, Rejected, Retryable, VenueError
from brokers.domain.orders import OrderType, Purpose, Side
from tests.brokers.adapters.aster.exchange import INSTRUMENT, V1, V3, a_perpetual_order, a_venue, refusal
from tests.brokers.adapters.doubles import START, permit

NOW_MS = round(START.timestamp() * 1000)
BANNED = "Way too many requests; IP banned until {}. Please use the websocket for live updates to avoid bans."


async def raised(venue, order=None, instrument=INSTRUMENT):
    with pytest.raises(VenueError) as error:
        await venue.place(order or a_perpetual_order(), instrument, permit)
    return error.value


def check(error, kind, tree, *, says):
    """One sentence for a person, one class for the desk, one action for both."""
    assert isinstance(error, tree)
    assert error.details["class"] == kind
    assert error.details["action"] == ACTIONS[kind]
    assert says in error.message
    assert "\n" not in error.message
    assert 0 < len(error.message) <= 300


@pytest.mark.parametrize(
    ("credentials", "answer", "kind", "tree", "says"),
    [
        (V1, refusal(-1022, "Signature for this request is not valid."), ErrorClass.CREDENTIAL, NeedsLogin, "Signature"),
        (V3, refusal(-1022, "Signature for this request is not valid."), ErrorClass.CREDENTIAL, NeedsLogin, "Signature"),
        (V3, refusal(-4225, "Nonce Expired"), ErrorClass.CLOCK, Rejected, "Nonce Expired"),
        (
            V1,
            refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time."),
            ErrorClass.CLOCK,
            Rejected,
            "ahead of the server",
        ),
        (V3, refusal(-1003, BANNED.format(NOW_MS + 90_000), 418), ErrorClass.THROTTLED, Rejected, "banned until"),
        (V3, refusal(-1003, "Way too many requests.", 418), ErrorClass.THROTTLED, Rejected, "too many"),
        (V3, refusal(-4140, "Invalid symbol status for opening position"), ErrorClass.SYMBOL_STATE, Rejected, "symbol status"),
        (V3, refusal(-4164, "Order's notional must be no smaller than 5.0"), ErrorClass.FILTER, Rejected, "no smaller than"),
        (V3, refusal(-4061, "Order's position side does not match user's setting."), ErrorClass.POSITION_MODE, Rejected, "position side"),
    ],
)  # fmt: skip
async def test_what_the_exchange_refuses_has_a_class_a_sentence_and_an_action(credentials, answer, kind, tree, says):
    venue, exchange = a_venue(credentials=credentials)
    exchange.script("POST", "order", answer)

    check(await raised(venue), kind, tree, says=says)

    assert len(exchange.writes()) == 1


@pytest.mark.parametrize(("answer", "seconds"), [(BANNED.format(NOW_MS + 90_000), 90), ("Way too many requests.", 60)])
async def test_after_a_ban_the_next_refusal_is_ours_and_says_until_when(answer, seconds):
    venue, exchange = a_venue()
    exchange.script("POST", "order", refusal(-1003, answer, 418))
    await raised(venue)

    ours = await raised(venue)

    assert isinstance(ours, Retryable)
    assert ours.details["until_ms"] == NOW_MS + seconds * 1000
    assert ours.message.endswith("UTC; nothing was sent")
    assert len(exchange.writes()) == 1


async def test_a_delisted_symbol_and_dust_are_refused_here_by_the_same_classes():
    venue, exchange = a_venue()
    leaving = next(one for one in (await venue.listing()).instruments if one.symbol == "OLDUSDT")

    delisted = await raised(venue, a_perpetual_order(instrument=leaving.key), leaving)
    dust = await raised(venue, a_perpetual_order(quantity="0.0002"))

    check(delisted, ErrorClass.SYMBOL_STATE, Rejected, says="OLDUSDT is SETTLING")
    check(dust, ErrorClass.FILTER, Rejected, says="the smallest order is 0.001")
    assert exchange.writes() == []


async def test_after_a_mismatch_of_the_mode_the_next_order_says_its_side():
    venue, exchange = a_venue()
    exchange.script("POST", "order", refusal(-4061, "Order's position side does not match user's setting."))
    await venue.is_hedge()
    exchange.books["positionSide/dual"] = {"dualSidePosition": True}
    await raised(venue)

    stop = a_perpetual_order(
        side=Side.SELL, purpose=Purpose.STOP, reduce_only=True, order_type=OrderType.STOP_MARKET, trigger="50000"
    )
    await venue.place(stop, INSTRUMENT, permit)

    said = exchange.named("POST", "order")[-1].params
    assert said["positionSide"] == "LONG"
    assert "reduceOnly" not in said
