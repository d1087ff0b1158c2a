"""The builder's answers: templates, their legs from the chain as it stands, and what a combination comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from accounts.models import User
from brokers.domain.errors import Invalid, NotFound
from brokers.domain.india import CHARGES, INDIA
from brokers.domain.orders import Product, Side
from options.builder_market import Leg, Market, legs_of, market_of, refused
from options.builder_rows import (
    Document,
    figure,
    first_chain,
    leg_document,
    money,
    picked_of,
    price_of,
    template_documents,
    text,
)
from options.builder_words import bound_document
from options.domain.combination import (
    Combination,
    WhatIf,
    chance_of_profit,
    deviation_levels,
    extremes,
    greeks,
    profit,
    shown_levels,
)
from options.domain.entry_costs import Trade, charges_of
from options.domain.expiries import YEAR_S
from options.domain.margin_estimate import MarginEstimate, estimate_margin
from options.domain.payoff import Leg as PayoffLeg
from options.domain.surface import Fitted, Smile, fit_smile
from options.domain.template_widths import possible_widths, usual_width
from options.domain.templates import TEMPLATES, Picked, Template, build
from options.live import LiveChain

DAY_S = 86_400.0
SHOWN_DEVIATIONS = (-2, -1, 1, 2)


def templates_answer(user: User, underlying: str) -> Document:
    """Return every template, and the expiries of an underlying on which they can be built."""
    market = market_of(user, underlying)
    return {**_head(market), "results": (rows := template_documents()), "count": len(rows)}


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
        **_head(market),
        "template": template,
        "title": known.title,
        "expiry": chains[0].expiry.isoformat(),
        "width": chosen,
        "widths": list(widths),
        **_rows(legs),
    }


def legs_answer(user: User, *, underlying: str, legs: Sequence[Mapping[str, Any]]) -> Document:
    """Return the wanted legs at what the market asks and bids, each with what is wrong with its cell."""
    market = market_of(user, underlying)
    return {**_head(market), **_rows(legs_of(market, legs))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A combination with the market it was priced on; `before` holds no charges, `after` those of entering."""

    market: Market
    legs: tuple[Leg, ...]
    picked: tuple[Picked, ...]
    live: LiveChain
    fitted: Fitted
    before: Combination
    after: Combination
    entry: Decimal


def priced(user: User, *, underlying: str, legs: Sequence[Mapping[str, Any]], product: Product) -> Priced:
    """Price the wanted legs at the sides that they trade.

    Raises `Invalid` for a leg without a sound quote on its side or without a volatility, and for a chain without a forward.
    """
    market = market_of(user, underlying)
    rows = legs_of(market, legs)
    live = first_chain(rows)
    if not live.chain.forward.is_known:
        raise refused(
            f"{live.chain.forward.source.sentence.rstrip('.')} for {live.expiry}",
            code="chain.no_forward",
            field="underlying",
            value=underlying,
            allowed="an underlying with a spot price or with quotes on both sides",
        )
    fitted = fit_smile(live.chain)
    picked = tuple(picked_of(leg, expiry=market.chains.index(leg.live), against=live) for leg in rows)
    payoff = tuple(_payoff_leg(leg, one, live, fitted) for leg, one in zip(rows, picked, strict=True))
    before = Combination(
        legs=payoff, forward=live.chain.forward.price, years=live.chain.years, spot=_spot(live.chain.market.spot)
    )
    entry = _charges(rows, [_sure(price_of(leg, one)) for leg, one in zip(rows, picked, strict=True)], live, product)
    after = replace(before, charges=float(entry))
    return Priced(
        market=market, legs=rows, picked=picked, live=live, fitted=fitted, before=before, after=after, entry=entry
    )


def evaluate(
    user: User,
    *,
    underlying: str,
    legs: Sequence[Mapping[str, Any]],
    what_if: Mapping[str, Any] | None = None,
    product: Product = Product.CARRY,
) -> Document:
    """Return what a combination comes to now, at another place, and at its first expiry; raises as `priced` does."""
    found = priced(user, underlying=underlying, legs=legs, product=product)
    what = _what_if(what_if or {}, found)
    return {
        **_head(found.market),
        **_rows(found.legs, found.picked),
        "expiry": found.live.expiry.isoformat(),
        "forward": figure(found.live.chain.forward.price),
        "forward_source": found.live.chain.forward.source.sentence,
        "level": found.before.level,
        "days_left": found.live.chain.years * YEAR_S / DAY_S,
        "is_of_one_expiry": found.before.is_of_one_expiry,
        "net_premium": money(-sum(leg.cost for leg in found.before.legs)),
        "charges": {"entry": text(found.entry), "leaving_now": _leaving(found, product)},
        "before_charges": _outcome(found.before),
        "after_charges": _outcome(found.after),
        "probability_of_profit": _chance(found),
        "greeks": _greeks(found.after),
        "what_if": _elsewhere(found, what),
        "curve": _curve(found, what),
        "margin": margin_document(estimate_of(found)),
    }


def estimate_of(found: Priced) -> MarginEstimate:
    """Estimate what the combination would block."""
    today = INDIA.day_of(found.live.chain.market.now)
    return estimate_margin(found.before, underlying=found.market.underlying, expires_today=found.live.expiry == today)


def margin_document(estimate: MarginEstimate, reason: str = "") -> Document:
    """Give an own estimate, with the reason why the venue's calculator did not speak."""
    return {
        "source": "estimate",
        "said": f"Own estimate: scenarios and exposure, not the exchange's figures. {reason}".strip(),
        "final": text(estimate.final),
        "peak": text(estimate.peak),
        "scenarios": text(estimate.scenarios),
        "exposure": text(estimate.exposure),
        "premium_paid": text(estimate.premium_paid),
        "account": None,
    }


# --- what was asked for


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


def _what_if(asked: Mapping[str, Any], found: Priced) -> WhatIf:
    passed = float(asked.get("days") or 0) * DAY_S / YEAR_S
    return WhatIf(
        move=float(asked.get("spot_shift_percent") or 0) / 100.0,
        points=float(asked.get("volatility_shift_points") or 0) / 100.0,
        # a date after the first expiry is that expiry: nothing is known of what becomes of the position there
        passed=min(passed, found.before.years),
    )


def _payoff_leg(leg: Leg, picked: Picked, live: LiveChain, fitted: Fitted) -> PayoffLeg:
    if picked.leg is None:
        quotes = leg.chain.quotes
        side = quotes.ask if leg.side is Side.BUY else quotes.bid
        raise refused(
            f"{leg.instrument.key} cannot be {'bought' if leg.side is Side.BUY else 'sold'} now: {' '.join(picked.why)}".rstrip(
                ".: "
            ),
            code="leg.unpriced",
            field=f"legs.{leg.number}",
            value=figure(float(side[leg.row, leg.place])),
            allowed="a price above 0 on the side that it trades, bid not above ask",
        )
    volatility = picked.leg.volatility
    if not math.isfinite(volatility):
        smile = fitted.smile if leg.live is live else fit_smile(leg.chain).smile
        volatility = math.nan if smile is None else float(smile.volatility(leg.strike))
    if not (math.isfinite(volatility) and math.isfinite(picked.leg.forward_gap)):
        raise refused(
            f"{leg.instrument.key} has no implied volatility, and its expiry no fitted smile",
            code="leg.no_volatility",
            field=f"legs.{leg.number}",
            value=None,
            allowed="a contract whose expiry is quoted at six strikes or more",
        )
    return replace(picked.leg, price=float(_sure(price_of(leg, picked))), volatility=volatility)


def _sure(price: Decimal | None) -> Decimal:
    if price is None:
        raise Invalid("a leg without a price was to be counted", code="leg.unpriced")
    return price


def _spot(spot: float | None) -> float | None:
    return spot if spot is not None and math.isfinite(spot) and spot > 0.0 else None


# --- what is answered


def _head(market: Market) -> Document:
    near = market.nearest
    return {
        "underlying": market.underlying,
        "currency": "INR",
        "lot_size": near.lot_size,
        "spot": figure(near.chain.market.spot),
        "as_of": near.chain.market.now.isoformat(),
        "age_s": figure(near.age_s),
        "said": list(near.said),
        "expiries": [one.expiry.isoformat() for one in market.chains],
    }


def _rows(legs: Sequence[Leg], picked: Sequence[Picked] | None = None) -> Document:
    live = first_chain(legs)
    found = picked or [picked_of(leg, expiry=0, against=live) for leg in legs]
    rows = [leg_document(leg, one) for leg, one in zip(legs, found, strict=True)]
    return {"legs": rows, "is_complete": all(row["price"] is not None for row in rows)}


def _charges(legs: Sequence[Leg], prices: Sequence[Decimal], live: LiveChain, product: Product) -> Decimal:
    trades = [
        Trade(instrument=leg.instrument, side=leg.side, quantity=Decimal(abs(leg.units)), price=price)
        for leg, price in zip(legs, prices, strict=True)
    ]
    return charges_of(trades, product=product, day=INDIA.day_of(live.chain.market.now), schedule=CHARGES).total


def _leaving(found: Priced, product: Product) -> Document | None:
    """What leaving at once would cost: the spreads and the charges of the closing orders; None without quotes on both sides."""
    closing: list[Leg] = []
    prices: list[Decimal] = []
    spread = Decimal(0)
    for leg, picked in zip(found.legs, found.picked, strict=True):
        quotes = leg.chain.quotes
        other = float((quotes.bid if leg.side is Side.BUY else quotes.ask)[leg.row, leg.place])
        if not (math.isfinite(other) and other > 0.0):
            return None
        prices.append(leg.instrument.price_of(other))
        closing.append(replace(leg, side=leg.side.opposite))
        spread += (prices[-1] - _sure(price_of(leg, picked))) * leg.units
    charges = _charges(closing, prices, found.live, product)
    return {"spread": text(spread), "charges": text(-charges), "total": text(spread - charges)}


def _outcome(combination: Combination) -> Document:
    found = extremes(combination)
    return {
        "max_profit": bound_document(found.max_profit, found.max_profit_ranges, is_profit=True),
        "max_loss": bound_document(found.max_loss, found.max_loss_ranges, is_profit=False),
        "breakevens": [round(level, 2) for level in found.breakevens],
        "is_exact": combination.is_of_one_expiry,
    }


def _chance(found: Priced) -> Document:
    smile = found.fitted.smile
    failures = [failure.value for failure in found.fitted.failures]
    if smile is None:
        return {"value": None, "source": None, "said": failures}
    return {"value": chance_of_profit(found.after, smile), "source": "fitted smile, after charges", "said": failures}


def _greeks(combination: Combination, what: WhatIf | None = None) -> Document:
    found = greeks(combination, what)
    level = combination.level * (1.0 + (what.move if what else 0.0))
    delta, gamma = found["delta"], found["gamma"]
    return {
        "delta": figure(delta),
        "delta_money_per_percent": figure(delta * level * 0.01),
        "gamma_per_percent": figure(gamma * level * 0.01),
        "vega": figure(found["vega"]),
        "theta": figure(found["theta"]),
        "rho": figure(found["rho"]),
    }


def _elsewhere(found: Priced, what: WhatIf) -> Document:
    level = found.after.level * (1.0 + what.move)
    there = profit(found.after, np.array([level]), points=what.points, passed=what.passed)
    return {
        "level": level,
        "spot_shift_percent": what.move * 100.0,
        "volatility_shift_points": what.points * 100.0,
        "days": what.passed * YEAR_S / DAY_S,
        "at": (found.live.chain.market.now + timedelta(seconds=what.passed * YEAR_S)).isoformat(),
        "is_expiry": what.passed >= found.after.years,
        "profit": money(float(there[0])),
        "greeks": _greeks(found.after, what),
    }


def _curve(found: Priced, what: WhatIf) -> Document:
    volatility = found.live.chain.atm_volatility
    level = shown_levels(found.after, volatility)
    at_expiry = profit(found.after, level, passed=found.after.years)
    smile = found.fitted.smile
    return {
        "level": level.round(2).tolist(),
        "now": profit(found.after, level).round(2).tolist(),
        "then": profit(found.after, level, points=what.points, passed=what.passed).round(2).tolist(),
        "expiry": at_expiry.round(2).tolist(),
        "chance_below": None if smile is None else smile.probability_below(level).round(6).tolist(),
        "density": None if smile is None else _density(smile, level),
        "now_profit": money(float(profit(found.after, np.array([found.after.level]))[0])),
        "volatility": figure(volatility),
        "deviations": []
        if not math.isfinite(volatility)
        else [
            {"count": count, "level": round(at, 2)}
            for count, at in zip(
                SHOWN_DEVIATIONS, deviation_levels(found.after, volatility, SHOWN_DEVIATIONS), strict=True
            )
        ],
    }


def _density(smile: Smile, level: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    """The density of the settlement at each level, its peak being 1; a fit that fails its checks is cut off at nothing."""
    half = 0.001 * level
    density = np.maximum(smile.probability_below(level + half) - smile.probability_below(level - half), 0.0) / half
    peak = float(density.max())
    scaled: list[float] = (density / peak).round(5).tolist() if peak > 0.0 else np.zeros(level.size).tolist()
    return scaled
