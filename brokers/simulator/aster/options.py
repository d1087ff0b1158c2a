"""The command line of the simulated Aster, and the site that it describes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from brokers.simulator.aster.accounts import PerpetualAccount
from brokers.simulator.aster.clock import DAY_MS, MS_NS
from brokers.simulator.aster.contracts import CONTRACTS
from brokers.simulator.aster.ledger import PerpetualLedger
from brokers.simulator.aster.limits import Ceilings
from brokers.simulator.aster.market import MadePerpetuals, PerpetualMarket
from brokers.simulator.aster.minutes import MadePast
from brokers.simulator.aster.security import Doorkeeper
from brokers.simulator.aster.site import AsterSite
from brokers.simulator.aster.traders import DEMO_TRADER, Trader, TraderInvalid, trader_from_text
from brokers.simulator.aster.venue import Past, PerpetualVenue
from brokers.simulator.pace import Pace
from brokers.simulator.sessions import SECOND_NS

FRAMES_A_SECOND = 4.0
MAINNET = 1666


class AsterOptionInvalid(Exception):
    """The command line asks for something impossible; the message is one plain sentence."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of the simulated Aster."""
    parser.add_argument(
        "--aster",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="serve an Aster under /fapi beside Kite (default: yes)",
    )
    parser.add_argument(
        "--aster-account", action="append", default=[], help="user=0x…,agent=0x…,key=…,secret=…[,usdt=…][,maker=…]"
    )
    parser.add_argument("--aster-chain", type=int, default=MAINNET, help="chain that agents sign for (default 1666)")
    parser.add_argument("--aster-start", help="market time to begin at, ISO, UTC (default: when Kite's begins)")
    parser.add_argument("--aster-replay", type=Path, help="klines (.parquet) or a websocket recording (.jsonl.gz)")
    parser.add_argument("--aster-replay-from", help="ISO time in the recording from which to emit")
    parser.add_argument(
        "--aster-shift", default="0", help="days to add to the recording's times, or kite: begin when Kite begins"
    )


def build_aster(
    options: argparse.Namespace,
    *,
    start_ns: int,
    wall_ns: Callable[[], int],
    monotonic_ns: Callable[[], int],
    sink: Callable[[str], object] | None,
) -> AsterSite | None:
    """Return the site, ready at its starting market time; raises `AsterOptionInvalid`."""
    if not options.aster:
        return None
    traders = _traders(options)
    if options.aster_start:
        start_ns = instant(options.aster_start, "--aster-start")
    shift_ns = 0
    market: PerpetualMarket
    past: Past | None
    if options.aster_replay:
        from brokers.simulator.aster.recorded import replayed

        market, start_ns, shift_ns, past = replayed(options, kite_start_ns=start_ns)
    else:
        past = MadePast(CONTRACTS, seed=options.seed, anchor_ms=start_ns // MS_NS)
        market = MadePerpetuals(
            start_ns=start_ns, rng=np.random.default_rng([options.seed, 70]), step_seconds=step_seconds(options)
        )
    venue = PerpetualVenue(
        market=market,
        accounts=[PerpetualAccount(trader=trader, wallet=trader.usdt) for trader in traders],
        ledger=PerpetualLedger(sink),
        run=wall_ns() // SECOND_NS,
        past=past,
    )
    venue.run_until(start_ns, wall_ns())
    stands = bool(options.replay or options.aster_replay) if options.hold is None else options.hold
    return AsterSite(
        venue=venue,
        doorkeeper=Doorkeeper(traders, chain_id=options.aster_chain),
        ceilings=Ceilings(enforced=options.budgets),
        pace=Pace(speed=options.speed, market_ns=max(market.now_ns, start_ns), wall_ns=monotonic_ns()),
        seed=options.seed,
        replay=str(options.aster_replay) if options.aster_replay else None,
        shift_s=shift_ns / SECOND_NS,
        held=stands,
        wall_ns=wall_ns,
        monotonic_ns=monotonic_ns,
    )


def step_seconds(options: argparse.Namespace) -> float:
    """Return the market seconds between two steps: four steps a wall second, and four a market minute at least."""
    frames = options.frames or max(FRAMES_A_SECOND, FRAMES_A_SECOND * options.speed / 60.0)
    return float(options.speed / frames)


def _traders(options: argparse.Namespace) -> list[Trader]:
    try:
        traders = [trader_from_text(text) for text in options.aster_account] or [DEMO_TRADER]
    except TraderInvalid as error:
        raise AsterOptionInvalid(str(error)) from error
    for name in ("user", "agent", "api_key"):
        values = [getattr(trader, name).lower() for trader in traders]
        if len(set(values)) < len(values):
            raise AsterOptionInvalid(f"Two Aster accounts share the same {name}.")
    return traders


def instant(text: str, option: str) -> int:
    """Return an ISO time as nanoseconds of the epoch, UTC without a zone; raises `AsterOptionInvalid`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise AsterOptionInvalid(f"{option} {text!r} is not an ISO date or time.") from None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return int(aware.timestamp()) * SECOND_NS


def shift_of(text: str, *, first_ns: int, kite_start_ns: int, grain_ns: int) -> int:
    """Return the nanoseconds to add to a recording whose first moment to emit is given; raises `AsterOptionInvalid`."""
    if text == "kite":
        # whole candles, so that they keep their bounds
        return (kite_start_ns - first_ns) // grain_ns * grain_ns
    try:
        return round(float(text) * DAY_MS) * MS_NS
    except (ValueError, OverflowError):
        raise AsterOptionInvalid(f"--aster-shift {text!r} is neither a number of days nor kite.") from None
