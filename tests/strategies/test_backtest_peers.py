"""vectorbt and backtesting.py make the same trades and the same money of the same rule."""

import json
import os
import subprocess

import numpy as np
import pytest

from bench.backtest import TERMS, crossed
from bench.backtest_peers import COMPARED, FAST, SLOW, made_market
from config.demo import toolchain
from strategies.domain.backtest import crossing_sweep

pytestmark = pytest.mark.slow

DONE_WITHIN_S = 300


@pytest.fixture(scope="module")
def told():
    """What the peers say, from their own environment."""
    python = toolchain.ROOT / ".venv-peers" / "backtest" / "bin" / "python"
    if os.environ.get("WINDHOVER_REQUIRE_PEERS") == "1":
        python = toolchain.peers_ready("backtest")
    elif not python.exists():
        pytest.skip("the peers are not installed: `./run bench backtest` or WINDHOVER_REQUIRE_PEERS=1 does it")
    ran = subprocess.run(
        [str(python), "-P", "-m", "bench.backtest_peers"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(toolchain.ROOT), "TZ": "UTC"},
        capture_output=True,
        text=True,
        timeout=DONE_WITHIN_S,
        check=False,
        cwd=toolchain.ROOT,
    )
    assert ran.returncode == 0, ran.stderr
    return {tuple(row["shape"]): row for row in json.loads(ran.stdout)}


@pytest.mark.parametrize("peer", ["vectorbt", "backtesting"])
@pytest.mark.parametrize("shape", COMPARED, ids=str)
def test_the_same_trades_and_the_same_money(told, peer, shape):
    theirs = told[shape][peer]

    result = crossed(made_market(*shape))
    trades = result.trades()
    closed = trades.exit_bar >= 0

    assert result.final_quote == pytest.approx(theirs["final"], rel=1e-10)
    rows = np.array(theirs["trades"])
    order = np.argsort(rows[:, 0])
    assert trades.entry_bar[closed].tolist() == rows[order, 0].tolist()
    assert trades.exit_bar[closed].tolist() == rows[order, 1].tolist()
    np.testing.assert_allclose(trades.profit_quote[closed], rows[order, 2], rtol=1e-6, atol=1e-6)
    assert closed.sum() > 30


def test_a_sweep_of_one_pair_is_that_pair_alone():
    bars = made_market(*COMPARED[0])

    figures = crossing_sweep(bars, [(FAST, SLOW)], TERMS, is_exponential=False, joins_late=False)

    assert figures.final_quote[0] == crossed(bars).final_quote
