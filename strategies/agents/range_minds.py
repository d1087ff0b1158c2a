"""The minds that doubt a move: volatility, mean reversion, order flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from brokers.domain.market import Float64Array1D
from strategies.agents.columns import Columns
from strategies.agents.specialist import Character, Specialist, beyond, evidence_of, in_moves, price, share, squashed
from strategies.agents.vote import Thesis

# a move of three bars beyond so many usual ones is a spike
SPIKE = 1.5
HIGH_RANK = 0.75
# from here a price counts as stretched
STRETCHED = 1.5
ADX_TRENDING = 25.0
# a rate of a period from which longs (or shorts) pay so much that they are crowded
CROWDED_RATE = 0.0003
WIDE_SPREAD = 0.002


def _volatility(read: Columns) -> Float64Array1D:
    """Fade a spike while volatility is high against its own past; say nothing of a calm market's way."""
    move = in_moves(read["ret_3"], read["atr_frac"], 3)
    is_high = (read["atr_rank"] >= HIGH_RANK) | (read["rv_ratio"] >= SPIKE)
    faded = -np.sign(move) * squashed(np.abs(move) - SPIKE, 1.5) * np.clip(read["rv_ratio"] / 2.0, 0.25, 0.8)
    return np.where(is_high & (np.abs(move) > SPIKE), faded, 0.0)


def _tell_volatility(of: Mapping[str, Any], score: float) -> Thesis:
    cites = ("ret_3", "rv_ratio", "atr_rank", *(name for name in ("iv_atm", "iv_rank") if of[name] is not None))
    ranked = f"the range is wider than {of['atr_rank'] * 100:.0f} % of its past"
    if score == 0.0:
        return evidence_of(of, f"{_premium(of)}; {ranked} and no spike to fade: flat.", cites)
    text = (
        f"A spike of {share(of['ret_3'])} in 3 bars at {of['rv_ratio']:.1f} times the usual volatility; {ranked}. "
        f"Such moves are given back in part."
    )
    return evidence_of(of, text, cites, beyond(of["last"], of["atr_frac"], score, 1.5))


def _premium(of: Mapping[str, Any]) -> str:
    if of["iv_atm"] is None:
        return f"Volatility runs at {of['rv_ratio']:.1f} times its longer average"
    rank = "" if of["iv_rank"] is None else f", rank {of['iv_rank'] * 100:.0f}"
    return f"Options imply {of['iv_atm'] * 100:.1f} % a year{rank}"


def _reversion(read: Columns) -> Float64Array1D:
    """Expect a stretched price back at its mean where nothing trends and the oscillator agrees."""
    z, rsi = read["z_vwap"], read["rsi_14"]
    agrees = np.where(z > 0.0, rsi >= 60.0, rsi <= 40.0) & (np.sign(read["bb_position"]) == np.sign(z))
    quiet = np.clip((ADX_TRENDING + 5.0 - read["adx_14"]) / 10.0, 0.0, 1.0)
    pull = -np.sign(z) * squashed(np.abs(z) - STRETCHED + 0.4, 1.5) * 0.9
    return np.where(agrees & (np.abs(z) >= STRETCHED), pull * quiet, 0.0)


def _tell_reversion(of: Mapping[str, Any], score: float) -> Thesis:
    cites = ("z_vwap", "rsi_14", "bb_position", "adx_14", "vwap_48")
    where = f"{abs(of['z_vwap']):.1f} deviations {'above' if of['z_vwap'] > 0 else 'below'} VWAP {price(of['vwap_48'])}"
    if score == 0.0:
        is_stretched = abs(of["z_vwap"]) >= STRETCHED
        why = f"ADX {of['adx_14']:.0f} or RSI {of['rsi_14']:.0f} speak against it" if is_stretched else "not stretched"
        return evidence_of(of, f"Price stands {where}, {why}: flat.", cites)
    text = f"Price stands {where} with RSI at {of['rsi_14']:.0f} and ADX {of['adx_14']:.0f}: a pull back is likelier."
    return evidence_of(of, text, cites, beyond(of["last"], of["atr_frac"], score, 2.0))


def _flow(read: Columns) -> Float64Array1D:
    """Go with the heavier side of the book and the tape, less where the crowd is there already or the spread is wide."""
    rows = read["depth_imbalance"].shape
    side = squashed(0.9 * read["depth_imbalance"] + 1.1 * read["flow_12"], 0.8)
    informed = np.clip(0.5 + read["vpin_48"], 0.5, 1.0)
    wide = np.clip(1.0 - _or(read, "spread_frac", 0.0, rows) / WIDE_SPREAD, 0.0, 1.0)
    funding, change = _or(read, "funding_rate", 0.0, rows), _or(read, "oi_change", 0.0, rows)
    crowded = np.where((np.sign(funding) == np.sign(side)) & (np.abs(funding) >= CROWDED_RATE), 0.6, 1.0)
    fresh = np.where(change > 0.0, 1.0, np.where(change < 0.0, 0.8, 0.9))
    agree = np.sign(read["depth_imbalance"]) == np.sign(read["flow_12"])
    return side * informed * wide * crowded * fresh * np.where(agree, 1.0, 0.4)


def _or(read: Columns, name: str, otherwise: float, rows: tuple[int, ...]) -> Float64Array1D:
    values = read.get(name, np.full(rows, np.nan))
    return np.where(np.isfinite(values), values, otherwise)


def _tell_flow(of: Mapping[str, Any], score: float) -> Thesis:
    known = tuple(name for name in ("spread_frac", "oi_change", "funding_rate") if of[name] is not None)
    cites = ("depth_imbalance", "flow_12", "vpin_48", *known)
    book = "Bids outweigh offers" if of["depth_imbalance"] > 0 else "Offers outweigh bids"
    tape = "buyers" if of["flow_12"] > 0 else "sellers"
    extra = []
    if of["oi_change"] is not None:
        extra.append(f"open interest {share(of['oi_change'])}")
    if of["funding_rate"] is not None:
        extra.append(f"funding {of['funding_rate'] * 100:+.4f} %".replace("-", "−"))
    more = f"; {', '.join(extra)}" if extra else ""
    text = f"{book} by {abs(of['depth_imbalance']) * 100:.0f} % and {tape} pressed over the last 12 bars{more}."
    return evidence_of(of, text, cites, "void once the book leans the other way" if score else "")


VOLATILITY = Specialist(
    key="volatility",
    name="Volatility Harvester",
    speciality="volatility, fades spikes",
    character=Character.VOLATILITY,
    horizon_bars=6,
    needs=("last", "ret_3", "atr_frac", "atr_rank", "rv_ratio"),
    uses=("iv_atm", "iv_rank"),
    lean=_volatility,
    tell=_tell_volatility,
)
REVERSION = Specialist(
    key="reversion",
    name="Mean Reversion",
    speciality="stretched moves",
    character=Character.RANGE,
    horizon_bars=6,
    needs=("last", "z_vwap", "rsi_14", "bb_position", "adx_14", "vwap_48", "atr_frac"),
    lean=_reversion,
    tell=_tell_reversion,
)
FLOW = Specialist(
    key="flow",
    name="Whale Tracker",
    speciality="order flow, microstructure",
    character=Character.FLOW,
    horizon_bars=3,
    needs=("depth_imbalance", "flow_12", "vpin_48"),
    uses=("spread_frac", "oi_change", "funding_rate"),
    lean=_flow,
    tell=_tell_flow,
)
