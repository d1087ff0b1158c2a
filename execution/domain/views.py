"""What the pages show, as plain data: rows in the API's own shapes, numbers as strings.

A topic is a mapping of top-level keys to JSON values, rows keyed by their id. It shows the
journalled state and the latest quotes; it is never a second truth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from brokers.domain.market import at_of
from brokers.domain.orders import Book, Fill, Product
from brokers.domain.portfolio import PortfolioView, Position, PositionKey
from execution.domain.allowance import used as orders_at_venue
from execution.domain.allowance import why_no_exit
from execution.domain.codec import encode, rfc3339
from execution.domain.commands import Json
from execution.domain.desk import Desk
from execution.domain.events import Link
from execution.domain.gateway import charges_of, mark_of, portfolio
from execution.domain.lifecycle import OrderRecord, order_id_of, source_of
from execution.domain.state import DEPLOYMENT_SCOPE, Deployment
from execution.domain.texts import average, figure, money, price, text, time, whole
from risk.domain.switch import SwitchState

ZERO = Decimal(0)
NO_MARGIN: dict[str, Json] = {
    "position_side": "",
    "leverage": None,
    "margin_mode": None,
    "isolated_margin": None,
    "mark_price": None,
    "liquidation_price": None,
    "liquidation_source": "",
}
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
        "last_price": price(quote.last_price),
        "mark_price": price(desk.market.told_mark(name)),
        "tick_size": text(desk.market.instruments[name].tick_size),
        "bid": price(quote.bid),
        "ask": price(quote.ask),
        "volume": whole(figures["volume"]),
        "oi": whole(figures["oi"]),
        "previous_close": price(Decimal(repr(figures["previous_close"]))) if figures["previous_close"] > 0 else None,
        "exchange_at": time(at_of(made_ns)),
        "received_at": time(at_of(received_ns)),
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
    charges = charges_of(desk, position, fills)
    unrealised = position.unrealised_quote(mark_of(desk, position))
    net = position.realised_today_quote + unrealised - charges + position.funding_today_quote
    return {
        **_whose(desk),
        "id": _position_id(key),
        "book": key.book,
        "symbol": key.instrument,
        "product": key.product,
        "quantity": text(position.quantity),
        "average_price": average(position.average_price, desk.config.currency),
        "last_price": price(last_price),
        "pnl_realised": _money(desk, position.realised_today_quote),
        "pnl_unrealised": _money(desk, unrealised),
        "charges": _money(desk, charges),
        "fees": _money(desk, -charges),
        "funding": _money(desk, position.funding_today_quote),
        "pnl_net": _money(desk, net),
        **_margin(desk, key),
        "notional": _money(desk, abs(position.value_quote(mark_of(desk, position)))),
        "currency": desk.config.currency,
        "strategy": _label(desk, key.strategy_key),
        "strategy_key": key.strategy_key,
        "queued_exit": blocked,
        "as_of": rfc3339(desk.market.now(desk.at)),
    }


def _margin(desk: Desk, key: PositionKey) -> dict[str, Json]:
    """Return a perpetual position's margin as it was last seen; the venue's net position is of all holders together."""
    sides = [m for (book, name, _), m in desk.state.margins.items() if (book, name) == (key.book, key.instrument)]
    if key.product is not Product.PERPETUAL or not sides:
        return NO_MARGIN | {"mark_price": price(desk.market.told_mark(key.instrument))}
    seen = max(sides, key=lambda margin: abs(margin.quantity))
    return {
        "position_side": seen.position_side if len(sides) == 1 else "LONG and SHORT",
        "leverage": seen.leverage,
        "margin_mode": seen.margin_mode,
        "isolated_margin": None if seen.isolated_margin_quote is None else _money(desk, seen.isolated_margin_quote),
        "mark_price": price(desk.market.told_mark(key.instrument) or seen.mark_price),
        "liquidation_price": price(seen.liquidation_price),
        "liquidation_source": seen.liquidation_source,
    }


def orders(desk: Desk) -> Topic:
    """Return the day's orders and whatever older one is not settled."""
    return {client_id: _order_row(desk, order) for client_id, order in desk.state.orders.items()}


def _order_row(desk: Desk, order: OrderRecord) -> Json:
    intent = order.intent
    paid = order.average_price
    told = [fill.fee_quote for fill in order.fills if fill.fee_quote is not None]
    fee = sum(told, ZERO) if told else None
    return {
        **_whose(desk),
        "id": order.client_id,
        "order_id": str(order_id_of(desk.config.account_id, order.client_id)),
        "client_id": order.client_id,
        "venue_order_id": order.venue_order_id,
        "book": intent.book,
        "symbol": intent.instrument,
        "side": intent.side,
        "quantity": text(intent.quantity),
        "filled": text(order.filled_quantity),
        "average_price": None if paid is None else average(paid, desk.config.currency),
        "fee": None if fee is None else _money(desk, fee),
        "price": price(order.price),
        "trigger_price": price(order.trigger_price),
        "type": intent.order_type,
        "product": intent.product,
        "validity": intent.validity,
        "reduce_only": intent.reduce_only,
        "source": source_of(order.fills),
        "purpose": intent.purpose,
        "status": order.status,
        "origin": intent.origin,
        "strategy": _label(desk, intent.deployment_id or ""),
        "reason": intent.reason,
        "message": order.message,
        "market_at": time(order.market_at or (order.fills[0].filled_at if order.fills else None)),
        "filled_at": time(order.fills[-1].filled_at if order.fills else None),
        "created_at": rfc3339(order.created_at),
        "updated_at": rfc3339(order.updated_at),
    }


def portfolios(desk: Desk) -> Topic:
    """Return the live book's day, and each book's own beside it: paper never mixes into live."""
    books = {book: portfolio(desk, book) for book in Book}
    shown: Topic = dict(_portfolio(desk, Book.LIVE, books[Book.LIVE]))
    shown["accounts"] = [desk.config.account_id]
    shown["as_of"] = rfc3339(desk.market.now(desk.at))
    for book, view in books.items():
        shown[book.value] = _portfolio(desk, book, view)
    return shown


def _portfolio(desk: Desk, book: Book, view: PortfolioView) -> dict[str, Json]:
    cash, equity = _cash(desk, book, view)
    return {
        "currency": desk.config.currency.value,
        "cash": None if cash is None else _money(desk, cash),
        "equity": None if equity is None else _money(desk, equity),
        "pnl_today": {
            "realised": _money(desk, view.realised_quote),
            "unrealised": _money(desk, view.unrealised_quote),
            "charges": _money(desk, view.costs_quote),
            "fees": _money(desk, -view.costs_quote),
            "funding": _money(desk, view.funding_quote),
            "net": _money(desk, view.net_quote),
        },
        "exposure": {"gross": _money(desk, view.gross_exposure_quote), "net": _money(desk, view.net_exposure_quote)},
        "unmarked": list(view.unmarked),
    }


def _cash(desk: Desk, book: Book, view: PortfolioView) -> tuple[Decimal | None, Decimal | None]:
    """Return a book's cash and its equity, where they are known.

    A margin wallet has the day's results in it already: its equity is the wallet and what is open since its entry.
    """
    wallet = desk.terms.wallets.get(desk.config.currency.value) if book is Book.LIVE else None
    if wallet is not None:
        held = desk.terms.positions.values()
        open_quote = sum(
            (row.quantity * ((desk.market.fair(row.instrument) or row.last_price) - row.average_price) for row in held),
            ZERO,
        )
        return wallet.wallet_quote, wallet.wallet_quote + open_quote
    cash = desk.config.cash_quote
    return cash, None if cash is None else cash + view.net_quote


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
        "last_reason_at": time(reason_at),
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
        "used": figure(used),
        "limit": figure(limit),
        "headroom": None if used is None else figure(max(limit - used, ZERO)),
        "last_fired_at": time(fired[1]) if fired else None,
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
    basket = desk.state.baskets.get(deployment_id)
    if basket is not None:
        return basket.taken.name
    deployment = desk.state.deployments.get(deployment_id)
    if deployment is None:
        return deployment_id
    return deployment.spec.label or deployment.spec.strategy


def _money(desk: Desk, value: Decimal) -> str:
    return money(value, desk.config.currency)
