"""Positions and holdings in full: conversion of a position, and the holder's authorisation to sell shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from brokers.adapters.kite import payloads, protocol
from brokers.adapters.kite.calls import Act, Ask, act, ask
from brokers.adapters.kite.protocol import KiteRequest
from brokers.adapters.kite.reading import Fields, list_of, row_of, unreadable
from brokers.domain.custody import (
    AuctionHolding,
    AuthorisedShare,
    CompactHolding,
    Holding,
    HoldingsAuthorisation,
    HoldingsSummary,
    MarginFunded,
    PositionConversion,
)
from brokers.domain.instruments import split_key
from brokers.domain.orders import UnreadableRow
from brokers.domain.reports import PositionReport, PositionReports, Turnover

HOLDINGS = "/portfolio/holdings"
AUTHORISE_URL = "https://kite.zerodha.com/connect/portfolio/authorise/holdings"


def positions() -> Ask[PositionReports]:
    """Ask for what is held now and what was done today."""
    return ask(protocol.positions(), position_reports_of)


def convert(conversion: PositionConversion) -> Act[bool]:
    """Move a position from one product to another."""
    exchange, symbol = split_key(conversion.instrument)
    form = {
        "exchange": exchange,
        "tradingsymbol": symbol,
        "transaction_type": conversion.side.value,
        "position_type": conversion.age.value,
        "quantity": protocol.plain(conversion.quantity),
        "old_product": conversion.old_product.value,
        "new_product": conversion.new_product.value,
    }
    return act(KiteRequest(method="PUT", path="/portfolio/positions", kind=protocol.READ, form=form), is_done)


def holdings() -> Ask[list[Holding]]:
    """Ask for the delivery holdings."""
    return ask(protocol.holdings(), holdings_of)


def holdings_summary() -> Ask[HoldingsSummary]:
    """Ask for the holdings as one sum (not in Kite's public reference)."""
    return ask(protocol.reading(f"{HOLDINGS}/summary"), summary_of)


def holdings_compact() -> Ask[list[CompactHolding]]:
    """Ask how much is held of what (not in Kite's public reference)."""
    return ask(protocol.reading(f"{HOLDINGS}/compact"), compact_of)


def auctions() -> Ask[list[AuctionHolding]]:
    """Ask which holdings are wanted in an auction."""
    return ask(protocol.reading(f"{HOLDINGS}/auctions"), auctions_of)


def authorise(api_key: str, shares: Sequence[AuthorisedShare] = ()) -> Act[HoldingsAuthorisation]:
    """Ask for an authorisation to sell these shares, or all; the holder completes it at the returned address."""
    form: dict[str, list[str]] = {}
    if shares:
        form = {
            "isin": [share.isin for share in shares],
            "quantity": [protocol.plain(share.quantity) for share in shares],
        }
    request = KiteRequest(method="POST", path=f"{HOLDINGS}/authorise", kind=protocol.READ, form=form)
    return act(request, lambda data: authorisation_of(data, api_key))


def is_done(data: object) -> bool:
    """Read the answer of a write that says only that it was done."""
    if data is not True:
        raise unreadable("the venue did not say that it was done")
    return True


def position_reports_of(data: object) -> PositionReports:
    """Read both lists of positions."""
    rows = row_of(data)
    return PositionReports(net=_book(rows.get("net")), day=_book(rows.get("day")))


def position_report(row: Mapping[str, object]) -> PositionReport:
    """Read all of one position."""
    position, fields = payloads.position(row), Fields(row)
    fields.drop("exchange", "tradingsymbol", "product", "quantity", "average_price", "last_price")
    fields.drop("realised", "unrealised")
    return PositionReport(
        position=position,
        instrument_token=fields.whole("instrument_token"),
        overnight_quantity=fields.number("overnight_quantity"),
        multiplier=fields.number("multiplier") or Decimal(1),
        close_price=fields.number("close_price"),
        value=fields.number("value"),
        pnl=fields.number("pnl"),
        m2m=fields.number("m2m"),
        bought=_turnover(fields, "buy"),
        sold=_turnover(fields, "sell"),
        bought_m2m=fields.number("buy_m2m"),
        sold_m2m=fields.number("sell_m2m"),
        bought_today=_turnover(fields, "day_buy"),
        sold_today=_turnover(fields, "day_sell"),
        extra=fields.rest(),
    )


def holdings_of(data: object) -> list[Holding]:
    """Read the holdings."""
    return [_holding(Fields(row)) for row in list_of(data)]


def auctions_of(data: object) -> list[AuctionHolding]:
    """Read the holdings that are wanted in an auction."""
    found = []
    for data_row in list_of(data):
        row = Fields(data_row)
        number = row.need("auction_number")
        found.append(AuctionHolding(auction_number=number, holding=_holding(row)))
    return found


def summary_of(data: object) -> HoldingsSummary:
    """Read the sum of the holdings."""
    row = Fields(data)
    return HoldingsSummary(
        invested=row.number("invested_amount"),
        current_value=row.number("current_value"),
        total_pnl=row.number("total_pnl"),
        total_pnl_percent=row.number("total_pnl_percent"),
        today_pnl=row.number("today_pnl"),
        today_pnl_percent=row.number("today_pnl_percent"),
        extra=row.rest(),
    )


def compact_of(data: object) -> list[CompactHolding]:
    """Read how much is held of what."""
    return [_compact(Fields(row)) for row in list_of(data)]


def authorisation_of(data: object, api_key: str) -> HoldingsAuthorisation:
    """Read the number of a request and say where it is completed."""
    row = Fields(data)
    request_id = row.need("request_id")
    url = f"{AUTHORISE_URL}/{api_key}/{request_id}"
    return HoldingsAuthorisation(request_id=request_id, url=url, extra=row.rest())


def _book(rows: object) -> tuple[PositionReport | UnreadableRow, ...]:
    return tuple(payloads.book_of(rows, position_report, book="positions", id_field="instrument_token"))


def _turnover(fields: Fields, side: str) -> Turnover:
    return Turnover(
        quantity=fields.number(f"{side}_quantity"),
        price=fields.number(f"{side}_price"),
        value=fields.number(f"{side}_value"),
    )


def _holding(row: Fields) -> Holding:
    return Holding(
        instrument=row.key(),
        instrument_token=row.whole("instrument_token"),
        isin=row.text("isin"),
        product=row.text("product"),
        price=row.number("price"),
        quantity=row.number("quantity"),
        used_quantity=row.number("used_quantity"),
        t1_quantity=row.number("t1_quantity"),
        realised_quantity=row.number("realised_quantity"),
        authorised_quantity=row.number("authorised_quantity"),
        authorised_at=row.at("authorised_date"),
        authorisation=row.mapping("authorisation"),
        opening_quantity=row.number("opening_quantity"),
        short_quantity=row.number("short_quantity"),
        collateral_quantity=row.number("collateral_quantity"),
        collateral_type=row.text("collateral_type"),
        has_discrepancy=row.flag("discrepancy"),
        average_price=row.number("average_price"),
        last_price=row.number("last_price"),
        close_price=row.number("close_price"),
        pnl=row.number("pnl"),
        day_change=row.number("day_change"),
        day_change_percent=row.number("day_change_percentage"),
        margin_funded=_margin_funded(row.maybe("mtf")),
        extra=row.rest(),
    )


def _margin_funded(row: Fields | None) -> MarginFunded | None:
    if row is None:
        return None
    return MarginFunded(
        quantity=row.number("quantity"),
        used_quantity=row.number("used_quantity"),
        average_price=row.number("average_price"),
        value=row.number("value"),
        initial_margin=row.number("initial_margin"),
        extra=row.rest(),
    )


def _compact(row: Fields) -> CompactHolding:
    return CompactHolding(
        instrument=row.key(),
        instrument_token=row.whole("instrument_token"),
        quantity=row.number("quantity"),
        t1_quantity=row.number("t1_quantity"),
        extra=row.rest(),
    )
