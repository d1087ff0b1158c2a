"""Chains and open interest as the API and the pages take them: plain values, None where there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date

import numpy as np

from options.domain.chain import Chain, rows_of
from options.domain.open_interest import Interest, Wall, change, max_pain, put_call_ratio, told, walls
from options.domain.quotes import CALL, PUT, Cells

Document = dict[str, object]
_SIDE = (
    "last_price",
    "bid",
    "ask",
    "price",
    "iv",
    "delta",
    "gamma",
    "theta",
    "vega",
    "volume",
    "age_s",
    "is_liquid",
    "why",
)


def chain_document(chain: Chain, *, underlying: str, expiry: date, before: Interest | None = None) -> Document:
    """Give one expiry's chain; `before` is what open interest has changed from, usually the previous close.

    `iv` of a side is what its own price implies, `iv` of the strike what its Greeks are taken at.
    """
    now = interest_of(chain)
    moved = change(now, before) if before is not None else np.full_like(now.open_interest, np.nan)
    return {
        "underlying": underlying,
        "expiry": expiry.isoformat(),
        "forward": _figure(chain.forward.price),
        "forward_source": chain.forward.source.value,
        "spot": _figure(chain.market.spot),
        "as_of": chain.market.now.isoformat(),
        "years": chain.years,
        "atm_strike": _figure(chain.atm_strike),
        "atm_iv": _figure(chain.atm_volatility),
        "strikes": [_strike(row, moved, place) for place, row in enumerate(rows_of(chain))],
        "max_pain": max_pain(chain.strike, chain.quotes.open_interest, chain.forward.price),
        "pcr": put_call_ratio(chain.quotes.open_interest),
        "pcr_volume": put_call_ratio(chain.quotes.volume),
    }


def interest_document(chain: Chain, *, expiry: date, before: Interest | None = None) -> Document:
    """Sum up one expiry's open interest: totals, ratios, max pain, walls, and the change from `before`."""
    now = interest_of(chain)
    calls, puts = told(now.open_interest).sum(axis=1).tolist()
    moved = None if before is None else told(change(now, before)).sum(axis=1).tolist()
    return {
        "expiry": expiry.isoformat(),
        "as_of": now.at.isoformat(),
        "forward": _figure(chain.forward.price),
        "spot": _figure(chain.market.spot),
        "call_oi": calls,
        "put_oi": puts,
        "call_oi_change": None if moved is None else moved[CALL],
        "put_oi_change": None if moved is None else moved[PUT],
        "pcr": put_call_ratio(now.open_interest),
        "pcr_volume": put_call_ratio(chain.quotes.volume),
        "max_pain": max_pain(now.strike, now.open_interest, chain.forward.price),
        "call_walls": _walls(walls(now.strike, now.open_interest[CALL])),
        "put_walls": _walls(walls(now.strike, now.open_interest[PUT])),
    }


def interest_of(chain: Chain) -> Interest:
    """Keep of a chain what a later change of open interest is taken against."""
    quotes = chain.quotes
    return Interest(
        at=chain.market.now, strike=quotes.strike, open_interest=quotes.open_interest, last_price=quotes.last_price
    )


def _strike(row: Mapping[str, object], moved: Cells, place: int) -> Document:
    sides = {}
    for name, side in (("ce", CALL), ("pe", PUT)):
        leg = row[name]
        assert isinstance(leg, Mapping)
        sides[name] = {figure: leg[figure] for figure in _SIDE} | {
            "oi": leg["open_interest"],
            "oi_change": _figure(float(moved[side, place])),
        }
    return {"strike": row["strike"], "moneyness": row["moneyness"], "iv": row["iv"], **sides}


def _walls(found: Sequence[Wall]) -> list[Document]:
    return [asdict(wall) for wall in found]


def _figure(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
