"""What the pages say of an underlying beyond its rows: sums, profile, smile and exposure, as plain values.

Every figure is a number or None; the moments, sources and sentences around them are the caller's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date

import numpy as np

from brokers.domain.market import Float64Array1D
from options.domain.chain import Chain, rows_of
from options.domain.columns import key_of
from options.domain.documents import Document, chain_document, interest_document, interest_of
from options.domain.exposure import ASSUMPTION, delta_exposure, gamma_exposure, gamma_profile
from options.domain.open_interest import BuildUp, Interest, aligned, build_ups, change, told
from options.domain.quotes import CALL, PUT
from options.domain.received import Worked
from options.domain.surface import Fitted, fit_surface
from options.domain.volatility import constant_maturity, expected_move, skew, straddle_price, term_structure

SIDES = (("ce", CALL), ("pe", PUT))
Instruments = Mapping[tuple[float, str], str]


def head_of(found: Worked, *, expiries: Sequence[date]) -> Document:
    """Give what stands above an expiry's rows."""
    whole = interest_document(found.chain, expiry=found.expiry)
    chain = found.chain
    return {
        "expiry": found.expiry.isoformat(),
        "expiries": [day.isoformat() for day in expiries],
        "as_of": whole["as_of"],
        "forward": whole["forward"],
        "forward_source": chain.forward.source.value,
        "spot": whole["spot"],
        "years": chain.years,
        "atm_strike": figure(chain.atm_strike),
        "atm_iv": figure(chain.atm_volatility),
        "straddle": straddle_price(chain),
        **{name: whole[name] for name in ("max_pain", "pcr", "pcr_volume", "call_oi", "put_oi")},
        "oi_change_from": since_of(found),
        "said": found.said,
    }


def chain_of(found: Worked, *, underlying: str, expiries: Sequence[date], instruments: Instruments) -> Document:
    """Give one expiry's chain with its head, each leg named by the instrument that it is."""
    before = found.before.interest if found.before else None
    document = chain_document(found.chain, underlying=underlying, expiry=found.expiry, before=before)
    rows = document["strikes"]
    assert isinstance(rows, list)
    for row in rows:
        for side, _ in SIDES:
            row[side]["instrument"] = instruments.get((row["strike"], side.upper()))
    return document | head_of(found, expiries=expiries)


def summary_of(found: Sequence[Worked], near: Worked) -> Document:
    """Sum up open interest: the expiry `near` flat, and every expiry in a list."""
    return _interest(near) | {"expiries": [_interest(one) for one in found], "said": near.said}


def _interest(found: Worked) -> Document:
    before = found.before.interest if found.before else None
    document = interest_document(found.chain, expiry=found.expiry, before=before)
    return document | {"oi_change_from": since_of(found), "atm_iv": figure(found.chain.atm_volatility)}


def profile_of(found: Worked, before: Interest | None) -> Document:
    """Give open interest by strike, how it moved from `before`, and what that and the price say together."""
    now = interest_of(found.chain)
    none = np.full_like(now.open_interest, np.nan)
    moved, prices, classes = none, none, None
    if before is not None:
        moved, classes = change(now, before), build_ups(now, before)
        prices = now.last_price - aligned(before.last_price, before.strike, now.strike)
    whole = interest_document(found.chain, expiry=found.expiry, before=before)
    rows = [
        {
            "strike": strike,
            **{
                side: {
                    "oi": figure(float(now.open_interest[row, place])),
                    "change": figure(float(moved[row, place])),
                    "price_change": figure(float(prices[row, place])),
                    "build_up": (classes[row][place] if classes else BuildUp.NONE).value,
                }
                for side, row in SIDES
            },
        }
        for place, strike in enumerate(now.strike.tolist())
    ]
    return {**whole, "against": None if before is None else before.at.isoformat(), "strikes": rows}


def volatility_of(found: Sequence[Worked]) -> Document:
    """Give every expiry's smile with its fit and residuals, and the term structure."""
    chains = [one.chain for one in found]
    alive = [chain for chain in chains if chain.years > 0.0]
    points = term_structure(alive)
    day_of = {one.chain.years: one.expiry for one in found}
    fits = fit_surface(chains)
    return {
        "expiries": [_smile(one, fitted) for one, fitted in zip(found, fits, strict=True)],
        "term": [
            {"expiry": day_of[point.years].isoformat(), "years": point.years, "iv": point.volatility}
            for point in points
        ],
        "iv_30d": constant_maturity(points),
    }


def _smile(found: Worked, fitted: Fitted) -> Document:
    chain, lean = found.chain, skew(found.chain)
    return {
        "expiry": found.expiry.isoformat(),
        "years": chain.years,
        "forward": figure(chain.forward.price),
        "forward_source": chain.forward.source.value,
        "atm_strike": figure(chain.atm_strike),
        "atm_iv": figure(chain.atm_volatility),
        "expected_move": asdict(expected_move(chain)),
        "skew": None
        if lean is None
        else {"put": lean.put, "call": lean.call, "risk_reversal": lean.risk_reversal, "butterfly": lean.butterfly},
        "fit": _fit(fitted),
        "failures": [failure.value for failure in fitted.failures],
        "points": _points(chain, fitted),
        "said": found.said,
    }


def _fit(fitted: Fitted) -> Document | None:
    if fitted.smile is None:
        return None
    return {
        **fitted.smile.parameters._asdict(),
        "reach": list(fitted.smile.reach),
        "is_sound": fitted.is_sound,
        "failures": [failure.value for failure in fitted.failures],
    }


def _points(chain: Chain, fitted: Fitted) -> list[Document]:
    residual = fitted.residual.tolist()
    return [
        {
            "strike": row["strike"],
            "moneyness": row["moneyness"],
            "iv": row["iv"],
            "fit": None if row["iv"] is None else _less(row["iv"], apart),
            "residual": figure(apart),
            "ce_iv": _of(row, "ce", "iv"),
            "pe_iv": _of(row, "pe", "iv"),
            "is_liquid": bool(_of(row, "ce", "is_liquid") and _of(row, "pe", "is_liquid")),
        }
        for row, apart in zip(rows_of(chain), residual, strict=True)
    ]


def exposure_of(found: Sequence[Worked]) -> Document:
    """Give gamma and delta exposure by strike over the expiries given, and where the sign of gamma turns."""
    alive = [one for one in found if one.chain.forward.is_known and one.chain.years > 0.0]
    chains = [one.chain for one in alive]
    rows = _exposures(chains)
    turned = gamma_profile(chains)
    level = chains[0].forward.price if chains else math.nan
    return {
        "assumption": ASSUMPTION,
        "forward": figure(level),
        "expiries": [one.expiry.isoformat() for one in alive],
        "strikes": list(rows.values()),
        "gex": _total(rows, "gex"),
        "dex": _total(rows, "dex"),
        "profile": [
            {"move": move, "level": level * (1.0 + move), "gex": gex}
            for move, gex in zip(turned.moves.tolist(), turned.exposure.tolist(), strict=True)
        ]
        if chains
        else [],
        "flip": None if turned.flip is None else {"move": turned.flip, "level": level * (1.0 + turned.flip)},
    }


_PARTS = ("gex_call", "gex_put", "dex_call", "dex_put")


def _exposures(chains: Sequence[Chain]) -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = {}
    for chain in chains:
        gamma, delta = told(gamma_exposure(chain)), told(delta_exposure(chain))
        parts: list[Float64Array1D] = [gamma[CALL], gamma[PUT], delta[CALL], delta[PUT]]
        for place, strike in enumerate(chain.strike.tolist()):
            row = rows.setdefault(key_of(strike), {"strike": strike} | dict.fromkeys(_PARTS, 0.0))
            for name, part in zip(_PARTS, parts, strict=True):
                row[name] += float(part[place])
    for row in rows.values():
        row["gex"], row["dex"] = row["gex_call"] + row["gex_put"], row["dex_call"] + row["dex_put"]
    return dict(sorted(rows.items(), key=lambda item: item[1]["strike"]))


def _total(rows: Mapping[str, Mapping[str, float]], name: str) -> float:
    return math.fsum(row[name] for row in rows.values())


def since_of(found: Worked) -> str | None:
    """Name the moment from which open interest has changed."""
    return None if found.before is None else found.before.since.value


def figure(value: float | None) -> float | None:
    """Return a number, or None for what is none."""
    return value if value is not None and math.isfinite(value) else None


def _less(value: object, apart: float) -> float | None:
    return figure(value - apart) if isinstance(value, float) else None


def _of(row: Mapping[str, object], side: str, name: str) -> object:
    leg = row[side]
    assert isinstance(leg, Mapping)
    return leg[name]
