"""What a combination comes to: now, elsewhere, and at its first expiry."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from accounts.models import User
from brokers.domain.india import INDIA
from brokers.domain.orders import Product, Side
from options.builder_market import Leg
from options.builder_pricing import Priced, charges_in, head_document, priced, rows_document, sure
from options.builder_rows import Document, figure, money, price_of, text
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
from options.domain.expiries import YEAR_S
from options.domain.margin_estimate import MarginEstimate, estimate_margin
from options.domain.surface import Smile

DAY_S = 86_400.0
SHOWN_DEVIATIONS = (-2, -1, 1, 2)


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
        **head_document(found.market),
        **rows_document(found.legs, found.picked),
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


def _what_if(asked: Mapping[str, Any], found: Priced) -> WhatIf:
    passed = float(asked.get("days") or 0) * DAY_S / YEAR_S
    return WhatIf(
        move=float(asked.get("spot_shift_percent") or 0) / 100.0,
        points=float(asked.get("volatility_shift_points") or 0) / 100.0,
        # a date after the first expiry is that expiry: nothing is known of what becomes of the position there
        passed=min(passed, found.before.years),
    )


# --- what is answered


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
        spread += (prices[-1] - sure(price_of(leg, picked))) * leg.units
    charges = charges_in(closing, prices, found.live, product)
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
