"""Perpetual contracts at the desk: their product, their fees, and how near a position is to its liquidation.

A strategy's product parameter speaks of shares and futures; a perpetual has one product, whatever it says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.orders import Book, Fill, OrderIntent, Product, Validity, VenuePosition
from brokers.domain.perpetual import MarginBracket, PerpetualPosition, liquidation_price, most_notional
from brokers.domain.perpetual_terms import MarginMode, PositionSide
from execution.domain.desk import Desk
from execution.domain.records import MarginSeen
from risk.domain.exposure import ZERO, PerpetualView

# without an account's own rates: what the exchange announced for everybody, always shown as an assumption
ASSUMED_MAKER, ASSUMED_TAKER = Decimal("0.0001"), Decimal("0.00035")
VENUE_FEE, ACCOUNT_RATE, ASSUMED_RATE = "venue", "account rate", "assumed rate"
BY_VENUE = "venue"
# the venue's own default where nobody has set a leverage
DEFAULT_LEVERAGE = 20
# a margin row is written again once its liquidation price has moved by this much
_MOVED_FRACTION = Decimal("0.005")


def is_perpetual(instrument: Instrument | None) -> bool:
    """Tell whether an instrument is a perpetual contract."""
    return instrument is not None and instrument.kind is InstrumentKind.PERPETUAL


def product_of(instrument: Instrument, wanted: Product) -> Product:
    """Return the product in which a deployment trades an instrument."""
    return Product.PERPETUAL if is_perpetual(instrument) else wanted


def validity_of(product: Product) -> Validity:
    """Return how long an order of a product stands: orders of a venue that never closes have no day."""
    return Validity.GOOD_TILL_CANCELLED if product is Product.PERPETUAL else Validity.DAY


def with_fee(desk: Desk, fill: Fill, intent: OrderIntent) -> tuple[Fill, str]:
    """Return a fill with its fee and who told it; a fill that a schedule charges stays as it is.

    Where the venue told none, the account's own rate counts, and without one the announced rate as an assumption.
    The desk's orders take liquidity unless they were placed to make it.
    """
    if fill.fee_quote is not None:
        return fill, VENUE_FEE
    if fill.product is not Product.PERPETUAL:
        return fill, ""
    known = desk.terms.contracts.get(fill.instrument)
    is_maker = intent.validity is Validity.POST_ONLY
    if known is not None:
        rate, source = known.maker_fee if is_maker else known.taker_fee, ACCOUNT_RATE
    else:
        rate, source = ASSUMED_MAKER if is_maker else ASSUMED_TAKER, ASSUMED_RATE
    return replace(fill, fee_quote=fill.value_quote * rate), source


def perpetual_view(desk: Desk, intent: OrderIntent, instrument: Instrument) -> PerpetualView | None:
    """Return what the gate may know of a perpetual contract; None of any other instrument."""
    if not is_perpetual(instrument):
        return None
    terms = desk.terms
    leverage = _leverage(desk, instrument.key)
    known = terms.contracts.get(instrument.key)
    return PerpetualView(
        mark_price=desk.market.fair(instrument.key),
        leverage=leverage,
        most_notional_quote=most_notional(known.brackets, leverage) if known and leverage else None,
        mode_objection=mode_objection(desk) if intent.book is Book.LIVE else "",
        leaving=desk.rules.leaving.get(instrument.key, ""),
        par=desk.rules.par,
    )


def mode_objection(desk: Desk) -> str:
    """Return why strategies may open nothing live in this account's modes, or an empty text."""
    terms = desk.terms
    if terms.is_hedge is None:
        return "the account's position mode has not been read from the venue yet"
    if terms.is_hedge:
        return (
            "the account is in hedge mode, where a LONG and a SHORT of one contract stand side by side: strategies need "
            "one-way mode; change it at the venue while nothing is open"
        )
    if terms.is_multi_assets:
        return (
            "the account shares its margin between assets (multi-assets mode), and what they count for is not known here: "
            "strategies need single-asset mode; change it at the venue"
        )
    return ""


def take_positions(desk: Desk, rows: Iterable[VenuePosition]) -> None:
    """Keep what the venue says of its perpetual positions, and journal their margin where it says something new."""
    shown = {(row.instrument, row.position_side): row for row in rows if row.product is Product.PERPETUAL}
    if shown != desk.terms.positions:
        desk.terms.positions = shown
        desk.valued.clear()
    for key, row in sorted(shown.items()):
        if row.quantity or (Book.LIVE, *key) in desk.state.margins:
            _keep(desk, _margin_of(desk, row))
    for book, instrument, side in list(desk.state.margins):
        if book is Book.LIVE and (instrument, side) not in shown:
            known = desk.state.margins[book, instrument, side]
            desk.record(replace(known, quantity=ZERO))


def keep_paper(desk: Desk, instrument: str) -> None:
    """Journal the margin of what paper holds of a perpetual contract, by our own formula."""
    if not is_perpetual(desk.config.instruments.get(instrument)):
        return
    held = [p for p in desk.state.positions.open(Book.PAPER) if p.key.instrument == instrument]
    quantity = sum((p.quantity for p in held), ZERO)
    cost = sum((p.quantity * p.average_price for p in held), ZERO)
    entry = cost / quantity if quantity else ZERO
    leverage = _leverage(desk, instrument) or DEFAULT_LEVERAGE
    alone = PerpetualPosition(
        symbol=instrument,
        quantity=quantity,
        cost_quote=cost,
        leverage=leverage,
        mode=MarginMode.ISOLATED,
        isolated_margin=abs(cost) / leverage,
    )
    price = _estimate(desk, alone, alone.isolated_margin)
    _keep(
        desk,
        MarginSeen(
            book=Book.PAPER,
            instrument=instrument,
            position_side=PositionSide.BOTH,
            quantity=quantity,
            entry_price=entry,
            leverage=leverage,
            margin_mode=MarginMode.ISOLATED,
            isolated_margin_quote=alone.isolated_margin,
            mark_price=desk.market.fair(instrument),
            liquidation_price=price,
            liquidation_source=f"estimate: paper money, as if isolated at {leverage}x" if price is not None else "",
        ),
    )


def sides_held(desk: Desk) -> list[VenuePosition]:
    """Return the LONG and SHORT positions of an account in hedge mode, which do not net."""
    return [
        row for (_, side), row in desk.terms.positions.items() if side is not PositionSide.BOTH and row.quantity != ZERO
    ]


def _margin_of(desk: Desk, row: VenuePosition) -> MarginSeen:
    price, source = row.liquidation_price, BY_VENUE
    if price is None and row.quantity:
        price, source = _estimate(desk, _position_of(row), _backing(desk, row)), "estimate: our own formula"
    return MarginSeen(
        book=Book.LIVE,
        instrument=row.instrument,
        position_side=row.position_side,
        quantity=row.quantity,
        entry_price=row.average_price,
        leverage=row.leverage,
        margin_mode=row.margin_mode,
        isolated_margin_quote=row.isolated_margin_quote,
        mark_price=row.mark_price,
        liquidation_price=price,
        liquidation_source=source if price is not None else "",
    )


def _position_of(row: VenuePosition) -> PerpetualPosition:
    return PerpetualPosition(
        symbol=row.instrument,
        position_side=row.position_side,
        quantity=row.quantity,
        cost_quote=row.quantity * row.average_price,
        leverage=row.leverage or DEFAULT_LEVERAGE,
        mode=row.margin_mode or MarginMode.CROSSED,
        isolated_margin=row.isolated_margin_quote or ZERO,
    )


def _backing(desk: Desk, row: VenuePosition) -> Decimal | None:
    """Return what stands behind a position: its own margin, or the crossed wallet with the others' open profit."""
    if row.margin_mode is MarginMode.ISOLATED:
        return row.isolated_margin_quote
    instrument = desk.config.instruments.get(row.instrument)
    wallet = desk.terms.wallets.get(instrument.currency.value) if instrument else None
    if wallet is None:
        return None
    others = [one for one in desk.terms.positions.values() if one is not row and one.margin_mode is MarginMode.CROSSED]
    return wallet.cross_wallet_quote + sum((one.unrealised_quote for one in others), ZERO)


def _estimate(desk: Desk, position: PerpetualPosition, backing: Decimal | None) -> Decimal | None:
    brackets = _brackets(desk, position.symbol)
    if backing is None or not brackets:
        return None
    price = liquidation_price(position, backing_quote=backing, brackets=brackets)
    instrument = desk.config.instruments.get(position.symbol)
    return price if price is None or instrument is None else instrument.price_of(price)


def _brackets(desk: Desk, instrument: str) -> tuple[MarginBracket, ...]:
    known = desk.terms.contracts.get(instrument)
    return known.brackets if known is not None else ()


def _leverage(desk: Desk, instrument: str) -> int | None:
    rows = (row for (name, _), row in desk.terms.positions.items() if name == instrument)
    return next((row.leverage for row in rows if row.leverage), None)


def _keep(desk: Desk, seen: MarginSeen) -> None:
    known = desk.state.margins.get((seen.book, seen.instrument, seen.position_side))
    if known is None and not seen.quantity:
        return
    if known is None or _is_other(known, seen):
        desk.record(seen)


def _is_other(known: MarginSeen, seen: MarginSeen) -> bool:
    """Tell whether a margin row says something new: a mark that moved by itself does not."""
    same = replace(seen, mark_price=known.mark_price, liquidation_price=known.liquidation_price)
    if same != known:
        return True
    before, now = known.liquidation_price, seen.liquidation_price
    if before is None or now is None:
        return before is not now
    return abs(now - before) > before * _MOVED_FRACTION
