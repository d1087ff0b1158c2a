"""The three calculators: the only calls with a JSON body. They change nothing, so they take orders not yet approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from brokers.adapters.kite import protocol
from brokers.adapters.kite.calls import Ask, ask
from brokers.adapters.kite.protocol import KiteRequest
from brokers.adapters.kite.reading import Fields, list_of
from brokers.domain.errors import Invalid
from brokers.domain.instruments import Instrument
from brokers.domain.margins import BasketMargin, ContractNote, GoodsTax, OrderMargin, VenueCharges
from brokers.domain.orders import OrderIntent
from brokers.domain.terms import REGULAR, OrderTerms

Wanted = tuple[OrderIntent, Instrument]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """An execution, real or imagined, whose charges are asked for."""

    name: str
    intent: OrderIntent
    instrument: Instrument
    average_price: Decimal

    def __post_init__(self) -> None:
        if self.average_price <= 0:
            raise Invalid("charges need a price above 0", code="charges.price", field="average_price")


def order_margins(wanted: Sequence[Wanted], *, is_compact: bool = False) -> Ask[list[OrderMargin]]:
    """Ask what each order would block by itself."""
    params = (("mode", "compact"),) if is_compact else ()
    return ask(_calculator("/margins/orders", _margin_rows(wanted), *params), order_margins_of)


def basket_margins(
    wanted: Sequence[Wanted], *, consider_positions: bool = True, is_compact: bool = False
) -> Ask[BasketMargin]:
    """Ask what orders would block together, with the benefit of their spreads."""
    params = [("consider_positions", "true" if consider_positions else "false")]
    if is_compact:
        params.append(("mode", "compact"))
    return ask(_calculator("/margins/basket", _margin_rows(wanted), *params), basket_margin_of)


def contract_notes(executions: Sequence[Execution]) -> Ask[list[ContractNote]]:
    """Ask what executions would cost; the notes come back in the same order, without their names."""
    rows = [_note_row(execution) for execution in executions]
    return ask(_calculator("/charges/orders", rows), contract_notes_of)


def order_margins_of(data: object) -> list[OrderMargin]:
    """Read a margin for each order."""
    return [_margin(Fields(row)) for row in list_of(data)]


def basket_margin_of(data: object) -> BasketMargin:
    """Read a basket's margin; its top-level charges mean nothing, as Kite's reference says."""
    row = Fields(data)
    row.drop("charges")
    return BasketMargin(
        initial=_margin(row.inner("initial")),
        final=_margin(row.inner("final")),
        orders=tuple(map(_margin, row.each("orders"))),
        extra=row.rest(),
    )


def contract_notes_of(data: object) -> list[ContractNote]:
    """Read a note for each execution."""
    return [_note(Fields(row)) for row in list_of(data)]


def _calculator(path: str, rows: list[dict[str, object]], *params: tuple[str, str]) -> KiteRequest:
    if not rows:
        raise Invalid("a calculator needs an order", code="margins.orders", field="orders")
    return KiteRequest(method="POST", path=path, kind=protocol.READ, params=params, json=rows)


def _margin_rows(wanted: Sequence[Wanted]) -> list[dict[str, object]]:
    return [_common(intent, instrument) | _prices(intent) for intent, instrument in wanted]


def _common(intent: OrderIntent, instrument: Instrument, terms: OrderTerms = REGULAR) -> dict[str, object]:
    words = protocol.order_fields(intent, instrument, terms)
    names = ("exchange", "tradingsymbol", "transaction_type", "product", "order_type")
    row: dict[str, object] = {name: words[name] for name in names}
    return row | {"variety": terms.variety.value, "quantity": protocol.json_number(intent.quantity)}


def _prices(intent: OrderIntent) -> dict[str, object]:
    zero = Decimal(0)
    return {
        "price": protocol.json_number(intent.price or zero),
        "trigger_price": protocol.json_number(intent.trigger_price or zero),
    }


def _note_row(execution: Execution) -> dict[str, object]:
    row = {"order_id": execution.name} | _common(execution.intent, execution.instrument)
    return row | {"average_price": protocol.json_number(execution.average_price)}


def _margin(row: Fields) -> OrderMargin:
    pnl = row.inner("pnl")
    exchange, symbol = row.text("exchange"), row.text("tradingsymbol")
    return OrderMargin(
        segment=row.text("type"),
        instrument=f"{exchange}:{symbol}" if symbol else "",
        span=row.number("span"),
        exposure=row.number("exposure"),
        option_premium=row.number("option_premium"),
        additional=row.number("additional"),
        bracket=row.number("bo"),
        cash=row.number("cash"),
        value_at_risk=row.number("var"),
        realised=pnl.number("realised"),
        unrealised=pnl.number("unrealised"),
        leverage=row.number("leverage"),
        charges=_charges(row.maybe("charges")),
        total=row.number("total"),
        extra=row.rest(),
    )


def _note(row: Fields) -> ContractNote:
    return ContractNote(
        instrument=row.key(),
        side=row.text("transaction_type"),
        variety=row.text("variety"),
        product=row.text("product"),
        order_type=row.text("order_type"),
        quantity=row.number("quantity"),
        price=row.number("price"),
        charges=_charge_note(row.inner("charges")),
        extra=row.rest(),
    )


def _charges(row: Fields | None) -> VenueCharges | None:
    return None if row is None else _charge_note(row)


def _charge_note(row: Fields) -> VenueCharges:
    tax = row.inner("gst")
    return VenueCharges(
        transaction_tax=row.number("transaction_tax"),
        transaction_tax_type=row.text("transaction_tax_type"),
        exchange_turnover_charge=row.number("exchange_turnover_charge"),
        sebi_turnover_charge=row.number("sebi_turnover_charge"),
        brokerage=row.number("brokerage"),
        stamp_duty=row.number("stamp_duty"),
        goods_tax=GoodsTax(
            integrated=tax.number("igst"),
            central=tax.number("cgst"),
            state=tax.number("sgst"),
            total=tax.number("total"),
            extra=tax.rest(),
        ),
        total=row.number("total"),
        extra=row.rest(),
    )
