"""What the pages show, as plain data: rows in the API's own shapes, numbers as strings.

A topic is a mapping of top-level keys to JSON values, rows keyed by their id. It shows the
journalled state and the latest quotes; it is never a second truth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from math import isnan

from brokers.domain.market import at_of
from brokers.domain.orders import Book, Fill
from brokers.domain.portfolio import PortfolioView, Position, PositionKey
from execution.domain.allowance import used as orders_at_venue
from execution.domain.allowance import why_no_exit
from execution.domain.codec import encode, rfc3339
from execution.domain.commands import Json
from execution.domain.desk import Desk
from execution.domain.events import Link
from execution.domain.gateway import charges_of, mark_of, portfolio
from execution.domain.lifecycle import OrderRecord
from execution.domain.state import DEPLOYMENT_SCOPE, Deployment
from risk.domain.switch import SwitchState

ZERO = Decimal(0)
_PAISA = Decimal("0.01")
_FIGURE = Decimal("0.0001")
Topic = dict[str, Json]


def all_topics(desk: Desk) -> dict[str, Topic]:
    """Return every topic's state."""
    return {
        "quotes": quotes(desk),
        "positions": positions(desk),
        "orders": orders(desk),
        "portfolio": portfolios(desk),
        "strategies": strategies(desk),
        "risk": risk(desk),
        "feeds": feeds(desk),
        "switches": switches(desk),
        "inbox": inbox(desk),
    }


def quotes(desk: Desk) -> Topic:
    """Return the latest quote of every tracked instrument that has one."""
    shown = (name for name in desk.market.shown() if desk.market.mark(name) is not None)
    return {name: _quote_row(desk, name) for name in shown}


def _quote_row(desk: Desk, name: str) -> Json:
    figures = desk.market.figures(name)
    made_ns, received_ns = desk.market.times(name)
    quote = desk.market.quote(name, desk.at)
    assert quote is not None
    age_s = quote.age_s
    return {
        "symbol": name,
        "last_price": _price(quote.last_price),
        "tick_size": _text(desk.market.instruments[name].tick_size),
        "bid": _price(quote.bid),
        "ask": _price(quote.ask),
        "volume": _whole(figures["volume"]),
        "oi": _whole(figures["oi"]),
        "previous_close": _price(Decimal(repr(figures["previous_close"]))) if figures["previous_close"] > 0 else None,
        "exchange_at": _time(at_of(made_ns)),
        "received_at": _time(at_of(received_ns)),
        "age_s": f"{age_s:.3f}",
        "source": desk.market.source,
        "stale": quote.is_stale or age_s > desk.limits.max_quote_age_s,
    }


def positions(desk: Desk) -> Topic:
    """Return every position of the day, closed ones included: they hold realised P&L."""
    by_key: dict[PositionKey, list[Fill]] = defaultdict(list)
    for fill in desk.state.fills_today:
        key = PositionKey(
            book=fill.book,
            instrument=fill.instrument,
            product=fill.product,
            strategy_key=fill.deployment_id or "",
        )
        by_key[key].append(fill)
    return {_position_id(p.key): _position_row(desk, p, by_key[p.key]) for p in desk.state.positions.all()}


def _position_id(key: PositionKey) -> str:
    return f"{key.book}|{key.instrument}|{key.product}|{key.strategy_key}"


def _position_row(desk: Desk, position: Position, fills: Sequence[Fill]) -> Json:
    key = position.key
    goal = desk.state.goals.get(key)
    wants_exit = goal is not None and goal.quantity == 0 and position.is_open
    blocked = (desk.why_not_sending(key.book) or why_no_exit(desk, key.book)) if wants_exit else None
    last_price = desk.market.mark(key.instrument)
    return {
        **_whose(desk),
        "id": _position_id(key),
        "book": key.book,
        "symbol": key.instrument,
        "product": key.product,
        "quantity": _text(position.quantity),
        "average_price": _money(position.average_price),
        "last_price": _price(last_price),
        "pnl_realised": _money(position.realised_today_quote),
        "pnl_unrealised": _money(position.unrealised_quote(mark_of(desk, position))),
        "charges": _money(charges_of(desk, key, fills)),
        "currency": desk.config.currency,
        "strategy": _label(desk, key.strategy_key),
        "strategy_key": key.strategy_key,
        "queued_exit": blocked,
        "as_of": rfc3339(desk.market.now(desk.at)),
    }


def orders(desk: Desk) -> Topic:
    """Return the day's orders and whatever older one is not settled."""
    return {client_id: _order_row(desk, order) for client_id, order in desk.state.orders.items()}


def _order_row(desk: Desk, order: OrderRecord) -> Json:
    intent = order.intent
    average = order.average_price
    return {
        **_whose(desk),
        "id": order.client_id,
        "client_id": order.client_id,
        "venue_order_id": order.venue_order_id,
        "book": intent.book,
        "symbol": intent.instrument,
        "side": intent.side,
        "quantity": _text(intent.quantity),
        "filled": _text(order.filled_quantity),
        "average_price": None if average is None else _money(average),
        "price": _price(order.price),
        "trigger_price": _price(order.trigger_price),
        "type": intent.order_type,
        "product": intent.product,
        "purpose": intent.purpose,
        "status": order.status,
        "origin": intent.origin,
        "strategy": _label(desk, intent.deployment_id or ""),
        "reason": intent.reason,
        "message": order.message,
        "market_at": _time(order.market_at or (order.fills[0].filled_at if order.fills else None)),
        "filled_at": _time(order.fills[-1].filled_at if order.fills else None),
        "created_at": rfc3339(order.created_at),
        "updated_at": rfc3339(order.updated_at),
    }


def portfolios(desk: Desk) -> Topic:
    """Return the live book's day, and each book's own beside it: paper never mixes into live."""
    books = {book: portfolio(desk, book) for book in Book}
    shown: Topic = dict(_portfolio(desk, books[Book.LIVE]))
    shown["accounts"] = [desk.config.account_id]
    shown["as_of"] = rfc3339(desk.market.now(desk.at))
    for book, view in books.items():
        shown[book.value] = _portfolio(desk, view)
    return shown


def _portfolio(desk: Desk, view: PortfolioView) -> dict[str, Json]:
    cash = desk.config.cash_quote
    return {
        "currency": desk.config.currency.value,
        "cash": None if cash is None else _money(cash),
        "equity": None if cash is None else _money(cash + view.net_quote),
        "pnl_today": {
            "realised": _money(view.realised_quote),
            "unrealised": _money(view.unrealised_quote),
            "charges": _money(view.charges.total),
            "funding": "0.00",
            "net": _money(view.net_quote),
        },
        "exposure": {"gross": _money(view.gross_exposure_quote), "net": _money(view.net_exposure_quote)},
        "unmarked": list(view.unmarked),
    }


def strategies(desk: Desk) -> Topic:
    """Return every deployment with its last reason, in words."""
    return {key: _strategy_row(desk, deployment) for key, deployment in desk.state.deployments.items()}


def _strategy_row(desk: Desk, deployment: Deployment) -> Json:
    spec = deployment.spec
    reason, reason_at = desk.notes.get(spec.deployment_id, (deployment.reason, deployment.reason_at))
    on_paper = desk.why_not_opening(spec.mode) if deployment.is_running else None
    return {
        "id": spec.deployment_id,
        "account": desk.config.account_id,
        "strategy": spec.strategy,
        "label": spec.label or spec.strategy,
        "instruments": list(spec.instruments),
        "params": encode(dict(spec.params)),
        "mode": spec.mode,
        "state": deployment.state,
        "last_reason": reason if on_paper is None else f"{on_paper}; {reason}",
        "last_reason_at": _time(reason_at),
        "exposures": {name: f"{value:g}" for name, value in deployment.exposures.items()},
    }


def risk(desk: Desk) -> Topic:
    """Return each limit with what of it is used, by the fuller of the two books."""
    limits, live, paper = desk.limits, portfolio(desk, Book.LIVE), portfolio(desk, Book.PAPER)
    second = sum(1 for at in desk.state.order_times if (desk.at - at).total_seconds() < 1)
    used = {
        "daily_loss": (max(-live.net_quote, -paper.net_quote, ZERO), limits.max_daily_loss_quote),
        "gross_exposure": (
            max(live.gross_exposure_quote, paper.gross_exposure_quote),
            limits.max_gross_exposure_quote,
        ),
        "position_value": (_largest_position(desk), limits.max_position_value_quote),
        "order_value": (_largest_order(desk), limits.max_order_value_quote),
        "orders_per_second": (Decimal(second), Decimal(limits.max_orders_per_second)),
        "orders_per_day": (Decimal(desk.state.orders_today), Decimal(limits.max_orders_per_day)),
        "orders_at_venue": (Decimal(orders_at_venue(desk)), Decimal(desk.config.order_share.venue_per_day)),
        "orders_modified": (_most_modified(desk), Decimal(desk.config.order_share.modifications_per_order)),
    }
    rows: Topic = {name: _limit_row(desk, name, *figures) for name, figures in used.items()}
    rows["price_band"] = _limit_row(desk, "price_band", None, limits.price_band_fraction)
    rows["stale_quote"] = _limit_row(desk, "stale_quote", None, limits.max_quote_age_s)
    return rows


_RULES = {"orders_per_second": "order_rate", "orders_per_day": "order_rate", "orders_at_venue": "venue_orders"}


def _limit_row(desk: Desk, name: str, used: Decimal | None, limit: Decimal) -> Json:
    fired = desk.state.refusals.get(_RULES.get(name, name))
    return {
        "name": name,
        "used": _figure(used),
        "limit": _figure(limit),
        "headroom": None if used is None else _figure(max(limit - used, ZERO)),
        "last_fired_at": _time(fired[1]) if fired else None,
        "last_reason": fired[0] if fired else "",
    }


def _largest_position(desk: Desk) -> Decimal:
    return max((abs(p.value_quote(mark_of(desk, p))) for p in desk.state.positions.open()), default=ZERO)


def _largest_order(desk: Desk) -> Decimal:
    return max((order.reserved_quote for order in desk.state.orders.values()), default=ZERO)


def _most_modified(desk: Desk) -> Decimal:
    return Decimal(max((order.modifications for order in desk.state.open_orders()), default=0))


def feeds(desk: Desk) -> Topic:
    """Return the feed's and the session's state, and the age of the newest quote."""
    age_s = desk.market.youngest_age_s(desk.at)
    return {
        "account": desk.config.account_id,
        "state": desk.market.link,
        "reason": desk.market.link_reason,
        "age_s": None if age_s is None else f"{age_s:.3f}",
        "instruments": len(desk.market.tracked()),
        "stale": desk.market.link is not Link.CONNECTED,
        "session": desk.state.session,
        "session_reason": desk.state.session_reason,
        "reconciled": desk.is_reconciled,
        "books_error": desk.books_error,
        "market_at": rfc3339(desk.market.now(desk.at)) if desk.market.now_ns else None,
    }


def switches(desk: Desk) -> Topic:
    """Return every switch above this account."""
    known = desk.state.switches
    rows: Topic = {
        "desk": _switch_row("desk", desk.config.desk_id, known.desk),
        "account": _switch_row("account", desk.config.account_id, known.account),
    }
    for deployment_id, switch in known.deployments.items():
        rows[f"deployment:{deployment_id}"] = _switch_row(DEPLOYMENT_SCOPE, deployment_id, switch)
    return rows


def _switch_row(scope: str, target_id: str, switch: SwitchState) -> Json:
    return {
        "scope": scope,
        "target_id": target_id,
        "engaged": switch.is_engaged,
        "reason": switch.reason,
        "epoch": switch.epoch,
    }


def inbox(desk: Desk) -> Topic:
    """Return what waits for a human."""
    return {
        f"{kind}:{subject}": {"kind": kind, "subject": subject, "sentence": sentence, "found_at": rfc3339(at)}
        for (kind, subject), (sentence, at) in desk.state.discrepancies.items()
    }


def _whose(desk: Desk) -> dict[str, Json]:
    return {"account": desk.config.account_id, "venue": desk.config.venue}


def _label(desk: Desk, deployment_id: str) -> str:
    deployment = desk.state.deployments.get(deployment_id)
    if deployment is None:
        return deployment_id
    return deployment.spec.label or deployment.spec.strategy


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _price(value: Decimal | None) -> str | None:
    # two places as the market writes them, more where the tick has more
    if value is None:
        return None
    rounded = value.quantize(_PAISA)
    return f"{rounded if rounded == value else value.normalize():f}"


def _figure(value: Decimal | None) -> str | None:
    # limits are typed with few places; what is used of them may be a product with many
    return None if value is None else f"{value.quantize(_FIGURE).normalize():f}"


def _money(value: Decimal) -> str:
    # a thousandth of a paisa can be left of an average; the page adds up what it shows
    return f"{value.quantize(_PAISA):f}"


def _whole(value: float) -> str | None:
    return None if isnan(value) else f"{value:.0f}"


def _time(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
