"""Kernels as the Python that they are written in: slowly, and seen by a coverage measurement."""

import sys

import numba
import pytest


@pytest.fixture
def interpreted(monkeypatch):
    """Take the compiled form off every kernel of the backtests."""

    def take_off():
        modules = [module for name, module in sys.modules.items() if name.startswith("strategies.domain.backtest")]
        for module in modules:
            for name, member in list(vars(module).items()):
                if isinstance(member, numba.core.registry.CPUDispatcher):
                    monkeypatch.setattr(module, name, member.py_func)

    return take_off
