"""Templates turned into legs of the chain as it stands, and legs as the market prices them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from accounts.models import User
from brokers.domain.errors import NotFound
from brokers.domain.orders import Side
from options.builder_market import legs_of, market_of, refused
from options.builder_pricing import head_document, rows_document
from options.builder_rows import Document, template_documents
from options.domain.template_widths import possible_widths, usual_width
from options.domain.templates import TEMPLATES, Picked, Template, build
from options.live import LiveChain


def templates_answer(user: User, underlying: str) -> Document:
    """Return every template, and the expiries of an underlying on which they can be built."""
    market = market_of(user, underlying)
    return {**head_document(market), "results": (rows := template_documents()), "count": len(rows)}


def template_legs(
    user: User,
    *,
    underlying: str,
    template: str,
    expiry: date | None = None,
    width: float | None = None,
    lots: int = 1,
) -> Document:
    """Return a template's legs from the chain as it stands, at the usual width unless one is named.

    Raises `Invalid` where the chain lacks a forward, an expiry or a strike for it, `NotFound` for an unknown template.
    """
    market = market_of(user, underlying)
    known = _template(template)
    chains = market.from_expiry(expiry)
    if len(chains) < known.expiries:
        raise refused(
            f"{known.title} needs {known.expiries} expiries and {len(chains)} is followed from there",
            code="template.expiries",
            field="expiry",
            value=chains[0].expiry,
            allowed=[one.expiry.isoformat() for one in market.chains[: -known.expiries + 1]],
        )
    widths = possible_widths(known, [one.chain for one in chains])
    chosen = _width(known, chains, width, widths)
    picked = build(known, [one.chain for one in chains], width=chosen, lot_size=1, lots=lots)
    legs = legs_of(market, [_wanted(one, chains) for one in picked])
    return {
        **head_document(market),
        "template": template,
        "title": known.title,
        "expiry": chains[0].expiry.isoformat(),
        "width": chosen,
        "widths": list(widths),
        **rows_document(legs),
    }


def legs_answer(user: User, *, underlying: str, legs: Sequence[Mapping[str, Any]]) -> Document:
    """Return the wanted legs at what the market asks and bids, each with what is wrong with its cell."""
    market = market_of(user, underlying)
    return {**head_document(market), **rows_document(legs_of(market, legs))}


def _template(name: str) -> Template:
    if name not in TEMPLATES:
        raise NotFound(
            f"There is no template named {name}.",
            code="template.unknown",
            field="template",
            details={"value": name, "allowed": sorted(TEMPLATES)},
        )
    return TEMPLATES[name]


def _width(template: Template, chains: Sequence[LiveChain], width: float | None, possible: tuple[float, ...]) -> float:
    near = chains[0].chain
    if not near.forward.is_known:
        raise refused(
            f"{near.forward.source.sentence.rstrip('.')} for {chains[0].expiry}",
            code="chain.no_forward",
            field="underlying",
            value=chains[0].underlying,
            allowed="an underlying with a spot price or with quotes on both sides",
        )
    chosen = usual_width(template, [one.chain for one in chains]) if width is None else width
    if chosen is None or chosen not in possible:
        raise refused(
            f"{template.title} finds no listed strikes {'at any width' if chosen is None else f'{chosen:g} apart'}",
            code="template.width",
            field="width",
            value=chosen,
            allowed=list(possible),
        )
    return chosen


def _wanted(picked: Picked, chains: Sequence[LiveChain]) -> Document:
    live = chains[picked.expiry]
    kind = "CE" if picked.is_call else "PE"
    key = live.instruments.get((picked.strike, kind))
    if key is None:
        raise refused(
            f"{picked.strike:g} {kind} of {live.expiry} is not listed",
            code="leg.no_strike",
            field="width",
            value=f"{picked.strike:g}",
            allowed="strikes with both a call and a put",
        )
    side = Side.BUY if picked.quantity > 0 else Side.SELL
    return {"instrument": key, "side": side.value, "lots": int(abs(picked.quantity))}
