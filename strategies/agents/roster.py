"""Who votes: the roster is data, an eighth specialist is one more row."""

from __future__ import annotations

from collections.abc import Mapping

from strategies.agents import reasoner
from strategies.agents.range_minds import FLOW, REVERSION, VOLATILITY
from strategies.agents.specialist import Specialist
from strategies.agents.trend_minds import BREAKOUT, MOMENTUM, TREND

SPECIALISTS: tuple[Specialist, ...] = (MOMENTUM, BREAKOUT, TREND, VOLATILITY, REVERSION, FLOW)
ROSTER: Mapping[str, Specialist] = {one.key: one for one in SPECIALISTS}
KEYS: tuple[str, ...] = (*ROSTER, reasoner.KEY)
NAMES: Mapping[str, str] = {**{one.key: one.name for one in SPECIALISTS}, reasoner.KEY: reasoner.NAME}
SPECIALITIES: Mapping[str, str] = {
    **{one.key: one.speciality for one in SPECIALISTS},
    reasoner.KEY: reasoner.SPECIALITY,
}
