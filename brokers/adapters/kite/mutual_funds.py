"""Mutual funds: orders, plans, holdings and the list of funds. Kite has closed its routes that would change them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from brokers.adapters.kite import errors, protocol
from brokers.adapters.kite.calls import Ask, ask
from brokers.adapters.kite.reading import Fields, ist_day, list_of, number_of, unreadable
from brokers.domain.errors import DataError
from brokers.domain.mutual_funds import FundHolding, FundListing, FundOrder, FundPlan

LISTING_TIMEOUT_S = 60.0
_NEEDED_COLUMNS = frozenset({"tradingsymbol", "amc", "name", "last_price"})


def orders() -> Ask[list[FundOrder]]:
    """Ask for the orders of the last seven days."""
    return ask(protocol.reading("/mf/orders"), orders_of)


def order(order_id: str) -> Ask[FundOrder]:
    """Ask for one order."""
    return ask(protocol.reading(f"/mf/orders/{order_id}"), order_of)


def plans() -> Ask[list[FundPlan]]:
    """Ask for the investment plans."""
    return ask(protocol.reading("/mf/sips"), plans_of)


def plan(plan_id: str) -> Ask[FundPlan]:
    """Ask for one plan."""
    return ask(protocol.reading(f"/mf/sips/{plan_id}"), plan_of)


def holdings() -> Ask[list[FundHolding]]:
    """Ask for what is held."""
    return ask(protocol.reading("/mf/holdings"), holdings_of)


def listing() -> Ask[list[FundListing]]:
    """Ask for every fund of the broker's list."""
    return Ask(
        request=protocol.reading("/mf/instruments"),
        parse=lambda reply: listing_of(errors.text_of(reply)),
        timeout_s=LISTING_TIMEOUT_S,
    )


def receipt_of(data: object) -> str:
    """Read the number that a fund's order or plan was given."""
    row = Fields(data)
    return row.text("order_id") or row.need("sip_id")


def orders_of(data: object) -> list[FundOrder]:
    """Read a list of orders."""
    return [order_of(row) for row in list_of(data)]


def order_of(data: object) -> FundOrder:
    """Read one order."""
    row = Fields(data)
    return FundOrder(
        order_id=row.need("order_id"),
        exchange_order_id=row.text("exchange_order_id"),
        symbol=row.text("tradingsymbol"),
        fund=row.text("fund"),
        folio=row.text("folio"),
        status=row.text("status"),
        status_message=row.text("status_message"),
        side=row.text("transaction_type"),
        purchase_type=row.text("purchase_type"),
        variety=row.text("variety"),
        amount=row.number("amount"),
        quantity=row.number("quantity"),
        average_price=row.number("average_price"),
        last_price=row.number("last_price"),
        last_price_day=row.day("last_price_date"),
        settlement_id=row.text("settlement_id"),
        tag=row.text("tag"),
        placed_by=row.text("placed_by"),
        placed_at=row.at("order_timestamp"),
        exchange_day=row.day("exchange_timestamp"),
        extra=row.rest(),
    )


def plans_of(data: object) -> list[FundPlan]:
    """Read a list of plans."""
    return [plan_of(row) for row in list_of(data)]


def plan_of(data: object) -> FundPlan:
    """Read one plan."""
    row = Fields(data)
    return FundPlan(
        plan_id=row.need("sip_id"),
        symbol=row.text("tradingsymbol"),
        fund=row.text("fund"),
        status=row.text("status"),
        side=row.text("transaction_type"),
        plan_type=row.text("sip_type"),
        registration=row.text("sip_reg_num"),
        dividend_type=row.text("dividend_type"),
        frequency=row.text("frequency"),
        instalment_amount=row.number("instalment_amount"),
        instalments=row.whole("instalments"),
        pending_instalments=row.whole("pending_instalments"),
        completed_instalments=row.whole("completed_instalments"),
        instalment_day=row.whole("instalment_day"),
        next_instalment=row.day("next_instalment"),
        last_instalment_at=row.at("last_instalment"),
        step_up=row.mapping("step_up"),
        trigger_price=row.number("trigger_price"),
        fund_source=row.text("fund_source"),
        tag=row.text("tag"),
        created_at=row.at("created"),
        extra=row.rest(),
    )


def holdings_of(data: object) -> list[FundHolding]:
    """Read what is held."""
    return [_holding(Fields(row)) for row in list_of(data)]


def listing_of(text: str) -> list[FundListing]:
    """Read the list of funds; rows that make no sense are left out, a wrong header raises DataError."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        if not _NEEDED_COLUMNS.issubset(reader.fieldnames or ()):
            raise unreadable("the venue's list of funds has an unknown header")
        return [fund for fund in map(_fund, reader) if fund is not None]
    except csv.Error as error:
        raise unreadable(f"the venue's list of funds is no CSV: {error}") from None


def _holding(row: Fields) -> FundHolding:
    return FundHolding(
        folio=row.text("folio"),
        symbol=row.text("tradingsymbol"),
        fund=row.text("fund"),
        quantity=row.number("quantity"),
        pledged_quantity=row.number("pledged_quantity"),
        average_price=row.number("average_price"),
        last_price=row.number("last_price"),
        last_price_day=row.day("last_price_date"),
        pnl=row.number("pnl"),
        extra=row.rest(),
    )


def _fund(row: Mapping[str | None, str | None]) -> FundListing | None:
    def number(name: str) -> Decimal:
        return number_of(row.get(name) or None, name)

    def text(name: str) -> str:
        return row.get(name) or ""

    def day(name: str) -> date | None:
        return ist_day(row.get(name))

    if not text("tradingsymbol"):
        return None
    try:
        return FundListing(
            symbol=text("tradingsymbol"),
            house=text("amc"),
            name=text("name"),
            can_be_bought=text("purchase_allowed") == "1",
            can_be_redeemed=text("redemption_allowed") == "1",
            minimum_purchase=number("minimum_purchase_amount"),
            purchase_multiple=number("purchase_amount_multiplier"),
            minimum_additional_purchase=number("minimum_additional_purchase_amount"),
            minimum_redemption_quantity=number("minimum_redemption_quantity"),
            redemption_multiple=number("redemption_quantity_multiplier"),
            dividend_type=text("dividend_type"),
            scheme_type=text("scheme_type"),
            plan=text("plan"),
            settlement_type=text("settlement_type"),
            last_price=number("last_price"),
            last_price_day=day("last_price_date"),
        )
    except DataError:
        return None
