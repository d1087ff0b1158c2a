from datetime import timedelta
from decimal import Decimal

import pytest

from brokers.domain.errors import NeedsLogin, Rejected, Retryable
from brokers.domain.orders import OrderStatus
from brokers.domain.perpetual_terms import FillSource
from brokers.ports import FeedDoubt, FeedFunding, FeedMessage, FeedOrder, FeedTrade, FeedWallet
from tests.brokers.adapters.aster.stream_doubles import (
    Desk,
    a_fill,
    a_payment,
    a_position,
    an_order,
    an_update,
    balances,
    now_ms,
    settled,
)

HOUR = 3600
DEAD = Rejected("this listenKey does not exist", code="aster.stream_key")


def reasons(desk):
    return [event.reason for event in desk.of(FeedDoubt)]


def statuses(desk):
    return [(event.order.status, str(event.order.filled_quantity)) for event in desk.of(FeedOrder)]


def trades(desk):
    return [event.trade.trade_id for event in desk.of(FeedTrade)]


async def quiet(desk):
    """Let the books be taken over."""
    await desk.advance(2)


async def test_an_opening_is_a_reason_to_read_the_books():
    async with Desk() as desk:
        await quiet(desk)
        (account,) = desk.exchange.accounts
        assert account.url == "wss://user.test/ws/key-1"
        assert desk.states() == ["connected"]
        assert reasons(desk) == ["The account's stream is open: what happened before stands in the books alone."]
        assert [name for name, _ in desk.calls.asked] == ["stream_key", "doubt", "orders", "positions"]


async def test_orders_and_fills_are_told_with_their_fee_and_client_id():
    async with Desk() as desk:
        await quiet(desk)
        await desk.hear(an_update(), a_fill(11, "4", fill="4", n="0.036"), a_fill(12, "10", fill="6", n="0.054"))
        assert statuses(desk) == [
            (OrderStatus.OPEN, "0"),
            (OrderStatus.PARTIALLY_FILLED, "4"),
            (OrderStatus.FILLED, "10"),
        ]
        assert {event.order.tags for event in desk.of(FeedOrder)} == {("bot-1",)}
        first, second = (event.trade for event in desk.of(FeedTrade))
        assert (first.trade_id, first.quantity, first.fee_quote) == ("11", Decimal(4), Decimal("0.036"))
        assert (second.venue_order_id, second.instrument) == ("BTCUSDT:7", "ASTER:BTCUSDT")
        assert second.source is FillSource.TRADE


async def test_a_fill_is_told_once_and_an_order_never_goes_back():
    async with Desk() as desk:
        await quiet(desk)
        last, first = a_fill(12, "10", fill="9", at=2_000), a_fill(11, "1", at=1_500)
        await desk.hear(last, first, an_update(), last, first)
        assert trades(desk) == ["12", "11"]
        assert statuses(desk) == [(OrderStatus.FILLED, "10")]


async def test_what_arrives_before_the_books_are_read_is_told_by_the_exchanges_time():
    world = Desk()
    world.calls.books_come.clear()
    async with world as desk:
        await desk.hear(a_fill(12, "10", fill="9", at=3_000), an_update(at=1_000), a_fill(11, "1", at=2_000))
        assert desk.of(FeedOrder) == []
        desk.calls.books_come.set()
        await quiet(desk)
        assert statuses(desk) == [
            (OrderStatus.OPEN, "0"),
            (OrderStatus.PARTIALLY_FILLED, "1"),
            (OrderStatus.FILLED, "10"),
        ]
        assert trades(desk) == ["11", "12"]


async def test_what_the_books_know_to_be_further_is_not_told_as_less_far():
    async with Desk() as desk:
        desk.calls.open_orders = [an_order(filled="4", status=OrderStatus.CANCELLED)]
        await desk.advance(70)
        await desk.hear(a_fill(11, "4", fill="4"), an_update("CANCELED", "CANCELED", filled="4", at=3_000))
        assert statuses(desk) == [(OrderStatus.CANCELLED, "4")]
        assert trades(desk) == ["11"]


async def test_events_do_not_wait_for_books_that_cannot_be_read():
    world = Desk()
    world.calls.fail["orders"] = [Retryable("banned")] * 50
    async with world as desk:
        await desk.hear(an_update())
        assert desk.of(FeedOrder) == []
        await desk.advance(12)
        assert statuses(desk) == [(OrderStatus.OPEN, "0")]
        assert desk.states() == ["connected"]


async def test_events_do_not_wait_for_books_that_take_their_time():
    world = Desk()
    world.calls.books_come.clear()
    async with world as desk:
        await desk.hear(an_update())
        await desk.advance(12)
        assert statuses(desk) == [(OrderStatus.OPEN, "0")]


async def test_the_key_is_extended_every_half_hour_and_again_within_a_minute():
    async with Desk() as desk:
        await quiet(desk)
        desk.calls.fail["extend"] = [None, Retryable("no"), Rejected("odd", code="aster.other"), None]
        for _ in range(3):
            desk.clock.skip(HOUR / 2 - 60)
            await desk.advance(90)
        first, *later = desk.calls.times("extend")
        assert first == pytest.approx(1_800, abs=35)
        assert later[1] - later[0] <= 60
        assert later[2] - later[1] <= 60
        assert desk.exchange.accounts == desk.exchange.accounts[:1]


async def test_a_dead_key_is_replaced_by_another_on_a_new_connection():
    async with Desk() as desk:
        await quiet(desk)
        desk.calls.fail["extend"] = [DEAD]
        desk.clock.skip(HOUR / 2)
        await desk.advance(10)
        assert [account.url for account in desk.exchange.accounts] == [
            "wss://user.test/ws/key-1",
            "wss://user.test/ws/key-2",
        ]
        assert desk.exchange.accounts[0].is_closed
        assert desk.states() == ["connected", "disconnected", "connected"]
        assert len(reasons(desk)) == 2


async def test_an_expired_key_is_replaced_although_the_socket_stays_open():
    async with Desk() as desk:
        await quiet(desk)
        await desk.hear({"e": "listenKeyExpired", "E": 1})
        await desk.advance(5)
        assert desk.exchange.accounts[1].url.endswith("key-2")
        assert desk.states() == ["connected", "disconnected", "connected"]
        assert reasons(desk)[1] == "The key of the account's stream has expired."
        assert len(reasons(desk)) == 3


async def test_a_lost_connection_is_opened_again_and_doubted():
    async with Desk() as desk:
        await quiet(desk)
        desk.exchange.accounts[0].hang_up()
        await desk.advance(5)
        assert desk.states() == ["connected", "disconnected", "connected"]
        assert len(reasons(desk)) == 2


async def test_a_new_connection_may_count_orders_and_fills_anew():
    async with Desk() as desk:
        await quiet(desk)
        await desk.hear(a_fill(1, "10", fill="10", at=9_000))
        desk.exchange.accounts[0].hang_up()
        await desk.advance(5)
        await desk.hear(a_fill(1, "10", fill="10", at=1_000), balances(at=1_000))
        assert trades(desk) == ["1", "1"]
        assert len(statuses(desk)) == 2
        assert len(desk.of(FeedWallet)) == 1


@pytest.mark.parametrize(
    ("orders", "held", "word"),
    [
        ([an_order(7), an_order(8)], [], "order BTCUSDT:8 is open"),
        ([an_order(7, filled="3")], [], "has filled 3"),
        ([an_order(7)], [a_position("2")], "is 2, the stream said 0"),
        ([], [], "order BTCUSDT:7 is over"),
    ],
)
async def test_a_silent_stream_is_found_out_by_the_books(orders, held, word):
    world = Desk()
    world.calls.open_orders = [an_order(7)]
    async with world as desk:
        await quiet(desk)
        desk.calls.open_orders, desk.calls.held = orders, held
        await desk.advance(75)
        assert desk.states() == ["connected", "silent", "connected"]
        assert any(word in reason for reason in reasons(desk))
        assert len(desk.exchange.accounts) == 2
        await desk.advance(300)
        assert len(desk.exchange.accounts) == 2


async def test_an_event_that_comes_a_moment_after_the_books_is_no_difference():
    async with Desk() as desk:
        await quiet(desk)
        desk.calls.open_orders = [an_order(7)]
        while len(desk.calls.times("orders")) < 2:
            await desk.advance(1)
        await desk.hear(an_update())
        await desk.advance(100)
        assert desk.states() == ["connected"]


async def test_what_the_stream_told_agrees_with_the_books_for_an_hour():
    async with Desk() as desk:
        await quiet(desk)
        await desk.hear(an_update(), a_fill(11, "4", fill="4"), balances(position="4"))
        desk.calls.open_orders, desk.calls.held = [an_order(7, filled="4")], [a_position("4")]
        await desk.advance(600)
        assert desk.states() == ["connected"]
        assert 10 <= desk.feed.figures()["account_checks"] <= 21
        await desk.hear(a_fill(12, "10", fill="6"), balances(position="10", at=3_000))
        desk.calls.open_orders, desk.calls.held = [], [a_position("10")]
        await desk.advance(600)
        assert desk.states() == ["connected"]


async def test_a_change_over_after_23_hours_tells_nothing_twice():
    async with Desk() as desk:
        await quiet(desk)
        desk.clock.skip(23 * HOUR)
        while len(desk.exchange.accounts) < 2:
            await desk.advance(0.25)
        for account in desk.exchange.accounts:
            account.push(an_update(), a_fill(11, "4", fill="4"))
        await desk.advance(10)
        assert trades(desk) == ["11"]
        assert [account.is_closed for account in desk.exchange.accounts] == [True, False]
        assert {account.url for account in desk.exchange.accounts} == {"wss://user.test/ws/key-1"}
        assert desk.states() == ["connected"]
        assert len(reasons(desk)) == 1


async def test_a_refused_account_ends_the_feed():
    async with Desk() as desk:
        await quiet(desk)
        desk.calls.fail["extend"] = [NeedsLogin("the key is refused")]
        desk.clock.skip(HOUR / 2)
        await desk.advance(5)
        assert desk.states() == ["connected", "needs_login"]
        assert desk.is_over


async def test_a_front_door_that_turns_the_stream_away_is_asked_again_with_a_new_key():
    async with Desk(refuse=[NeedsLogin("the venue refused the stream with HTTP 403")]) as desk:
        await desk.advance(5)
        assert desk.states() == ["disconnected", "connected"]
        assert desk.exchange.accounts[0].url.endswith("key-2")


async def test_balances_are_told_and_funding_is_read_where_it_has_a_name():
    async with Desk() as desk:
        await quiet(desk)
        at = desk.clock.now()
        await desk.hear(balances("FUNDING_FEE", at=now_ms(desk.clock)))
        (wallet,) = desk.of(FeedWallet)
        assert (wallet.reason, wallet.wallets[0].wallet_quote) == ("FUNDING_FEE", Decimal(1000))
        assert wallet.wallets[0].available_quote is None
        await desk.advance(4)
        desk.calls.payments = [a_payment(1, at), a_payment(2, at, "ETHUSDT"), a_payment(0, at - timedelta(hours=8))]
        await desk.advance(60)
        assert [event.payment.payment_id for event in desk.of(FeedFunding)] == ["1", "2"]
        assert len(desk.calls.times("funding")) == 2
        assert len(reasons(desk)) == 1


async def test_funding_that_never_shows_in_the_income_is_a_doubt():
    async with Desk() as desk:
        await quiet(desk)
        desk.calls.fail["funding"] = [Retryable("busy")]
        await desk.hear(balances("FUNDING_FEE", at=now_ms(desk.clock)))
        await desk.advance(120)
        assert len(desk.calls.times("funding")) == 4
        assert "funding payment" in reasons(desk)[-1]
        assert desk.of(FeedFunding) == []


@pytest.mark.parametrize(
    ("client", "status", "source"),
    [
        ("autoclose-123", "FILLED", FillSource.LIQUIDATION),
        ("adl_autoclose", "FILLED", FillSource.DELEVERAGE),
        ("x", "NEW_ADL", FillSource.DELEVERAGE),
    ],
)
async def test_a_fill_by_the_exchanges_own_hand_bears_its_source(client, status, source):
    async with Desk() as desk:
        await quiet(desk)
        await desk.hear(a_fill(31, "10", fill="10", client=client, x="CALCULATED", X=status))
        (fill,) = desk.of(FeedTrade)
        assert fill.trade.source is source
        assert "closed BTCUSDT" in reasons(desk)[-1]


async def test_a_fee_in_another_asset_is_counted_by_its_mark_and_told_where_there_is_none():
    async with Desk("ASTERUSDT") as desk:
        await desk.hear(a_fill(1, "1", N="OTHER", n="2"))
        await desk.advance(3)
        await desk.hear(a_fill(2, "2", N="ASTER", n="2"))
        assert [event.trade.fee_quote for event in desk.of(FeedTrade)] == [None, Decimal("200.0")]
        assert "2 OTHER" in desk.of(FeedMessage)[0].text


async def test_margin_calls_and_changed_settings_are_told_and_doubted():
    call = {"s": "ETHUSDT", "ps": "LONG", "pa": "1.3", "mt": "CROSSED", "iw": "0", "mp": "187", "up": "-1", "mm": "1.6"}
    async with Desk() as desk:
        await quiet(desk)
        await desk.hear(
            {"e": "MARGIN_CALL", "E": 1, "cw": "3", "p": [call]},
            {"e": "ACCOUNT_CONFIG_UPDATE", "E": 2, "T": 2, "ac": {"s": "BTCUSDT", "l": 25}},
            {"e": "ACCOUNT_CONFIG_UPDATE", "E": 3, "T": 3, "ai": {"j": True}},
            {"e": "announcement", "en": {"t": "A new listing", "c": "NEW_LISTING"}},
        )
        first, *others = [message.text for message in desk.of(FeedMessage)]
        assert first.startswith("Margin call: ETHUSDT LONG 1.3")
        assert others == [
            "The leverage of BTCUSDT is 25 now.",
            "The account's margin is joined over all assets now.",
            "A new listing",
        ]
        assert len(reasons(desk)) == 4


async def test_an_unknown_event_is_told_once_and_an_unreadable_one_is_a_doubt():
    async with Desk() as desk:
        await quiet(desk)
        await desk.hear({"e": "GRID_UPDATE", "E": 1}, {"e": "GRID_UPDATE", "E": 2})
        assert [message.text for message in desk.of(FeedMessage)] == [
            "The account's stream says what this version does not know: GRID_UPDATE."
        ]
        await desk.hear({"e": "ORDER_TRADE_UPDATE", "E": 1, "o": {"s": "BTCUSDT"}}, "not json", "[1]")
        assert "cannot be read" in reasons(desk)[-1]
        assert desk.feed.figures()["account_unreadable"] == 3
        assert desk.states() == ["connected"]


async def test_a_paused_feed_opens_again():
    async with Desk("BTCUSDT") as desk:
        await quiet(desk)
        await desk.feed.pause()
        await settled()
        assert desk.is_over
        assert all(socket.is_closed for socket in desk.exchange.sockets)
        events = desk.feed.events()
        doubt = await anext(events)
        assert isinstance(doubt, FeedDoubt)
        await events.aclose()
