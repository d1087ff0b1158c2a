"""One expiry as rows of plain figures in a fixed order: what a socket sends, small and soon made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from options.domain.chain import Chain
from options.domain.documents import interest_of
from options.domain.open_interest import change
from options.domain.pricing import Refusal
from options.domain.quotes import CALL, PUT, Mark
from options.domain.received import Worked

_HEAD = {"strike": 4, "moneyness": 6, "iv": 6}
# of each leg, with the decimals that a reader can use: what is rounded alike is not sent again
_LEG = {
    "bid": 4,
    "ask": 4,
    "last_price": 4,
    "price": 4,
    "iv": 6,
    "delta": 5,
    "gamma": 9,
    "theta": 4,
    "vega": 4,
    "oi": 2,
    "oi_change": 2,
    "volume": 2,
    "quoted_at": 1,
    "marks": 0,
    "refusal": 0,
}
COLUMNS = (*_HEAD, *(f"{side}.{name}" for side in ("ce", "pe") for name in _LEG))
_GREEKS = ("delta", "gamma", "theta", "vega")


def figures_of(found: Worked) -> npt.NDArray[np.float64]:
    """Return a chain as (k, len(COLUMNS)), rounded; NaN where there is none.

    `quoted_at` is in seconds of the epoch on the market's clock, to a tenth: it stands still while the quote does.
    """
    chain = found.chain
    rows = [chain.strike, chain.moneyness, chain.volatility]
    rows = [np.round(row, decimals) for row, decimals in zip(rows, _HEAD.values(), strict=True)]
    moved = np.full_like(chain.quotes.open_interest, np.nan)
    if found.before is not None:
        moved = change(interest_of(chain), found.before.interest)
    for side in (CALL, PUT):
        rows += _leg(chain, side, moved[side])
    return np.ascontiguousarray(np.stack(rows, axis=1))


def key_of(strike: float) -> str:
    """Return a strike as a key: 24500, or 24512.5."""
    return str(int(strike)) if strike == int(strike) else repr(strike)


def legend() -> dict[str, object]:
    """Say what the columns are, what each mark's bit means, and what each refusal's code."""
    return {
        "columns": list(COLUMNS),
        "marks": {str(mark.value): mark.sentences[0] for mark in Mark},
        "refusals": {str(code.value): code.sentence for code in Refusal if code is not Refusal.NONE},
    }


def _leg(chain: Chain, side: int, moved: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    quotes = chain.quotes
    columns = {
        "bid": quotes.bid[side],
        "ask": quotes.ask[side],
        "last_price": quotes.last_price[side],
        "price": chain.price[side],
        "iv": chain.own_volatility[side],
        **{name: chain.cells(name)[side] for name in _GREEKS},
        "oi": quotes.open_interest[side],
        "oi_change": moved,
        "volume": quotes.volume[side],
        "quoted_at": chain.market.now.timestamp() - quotes.age_s[side],
        "marks": chain.marks[side].astype(np.float64),
        "refusal": chain.refusal[side].astype(np.float64),
    }
    return [np.round(columns[name], decimals) for name, decimals in _LEG.items()]
