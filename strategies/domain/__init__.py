"""The strategy interface: pure, importable with Django absent."""

from strategies.domain.params import Direction, StrategyParams, param, wrong
from strategies.domain.session import SessionColumns, SessionInfo, Sessions
from strategies.domain.signals import Signal
from strategies.domain.strategy import SignalStrategy, judge, schema_for, standing, wanted_exposure

__all__ = [
    "Direction",
    "SessionColumns",
    "SessionInfo",
    "Sessions",
    "Signal",
    "SignalStrategy",
    "StrategyParams",
    "judge",
    "param",
    "schema_for",
    "standing",
    "wanted_exposure",
    "wrong",
]
