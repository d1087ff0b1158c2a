"""The simulator's command line, and the site that it describes."""

import argparse
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np

from brokers.domain.india import INDIA
from brokers.simulator.aster.options import AsterOptionInvalid, build_aster
from brokers.simulator.aster.options import add_arguments as add_aster_arguments
from brokers.simulator.aster.site import AsterSite
from brokers.simulator.candles import MadeHistory
from brokers.simulator.kite_budgets import ORDERS_PER_DAY, Budgets
from brokers.simulator.kite_server import KiteSite
from brokers.simulator.kite_sessions import (
    DEMO_APP,
    AccountInvalid,
    App,
    Sessions,
    app_from_text,
    apps_from_file,
)
from brokers.simulator.ledger import Ledger
from brokers.simulator.market import LIVELY, SyntheticMarket
from brokers.simulator.orders import Ids
from brokers.simulator.pace import Pace, step_seconds
from brokers.simulator.portfolio import Account, Holding
from brokers.simulator.sessions import IST, SECOND_NS, epoch_s, is_trading_day, ist, trading_day_on_or_before
from brokers.simulator.universe import STOCKS
from brokers.simulator.venue import Market, Venue
from brokers.simulator.wide import MOST

OPEN = time(9, 15)
IDLE_SECONDS, REPLAY_IDLE_SECONDS = 10.0, 3.0
ALL_DAYS = 10_000
DEMO_HOLDINGS = (("RELIANCE", "INE001S01010", 40), ("HDFCBANK", "INE002S01018", 120), ("ITC", "INE003S01016", 250))


class OptionInvalid(Exception):
    """The command line asks for something impossible; the message is one plain sentence."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe every option of the simulator."""
    parser.add_argument("--port", type=int, default=7070, help="port on 127.0.0.1; 0 takes a free one (default 7070)")
    parser.add_argument("--port-file", type=Path, help="file to write the port to, once the server listens")
    parser.add_argument("--state-file", type=Path, help="file to write addresses, accounts and seed to, as JSON")
    parser.add_argument("--speed", type=float, default=1.0, help="market seconds per wall second (default 1)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the made market (default 7)")
    parser.add_argument(
        "--instruments", type=int, default=0, help="list at least so many, up to 20000 (default: about 2400)"
    )
    parser.add_argument("--frames", type=float, help="frames per wall second (default: at least two)")
    parser.add_argument(
        "--lively",
        type=float,
        default=LIVELY,
        help="share of instruments that tick in a frame though their price stood still (default 0.35); 1 lets every one tick",
    )
    parser.add_argument("--start", help="market time to begin at, ISO in Indian time (default: latest day, 09:15)")
    parser.add_argument("--replay", type=Path, help="Parquet recording to replay instead of the made market")
    parser.add_argument(
        "--replay-from", help="ISO time in the recording from which to emit; what lies before is history"
    )
    parser.add_argument(
        "--hold",
        action=argparse.BooleanOptionalAction,
        help="stand still until the first websocket subscription (default: in a replay)",
    )
    parser.add_argument("--idle", type=float, help="wall seconds between two sessions (default 10, in a replay 3)")
    parser.add_argument("--account", action="append", default=[], help="user_id:api_key:api_secret:redirect_url:cash")
    parser.add_argument("--accounts", type=Path, help="JSON file with a list of such accounts")
    parser.add_argument("--budgets", action="store_true", help="enforce the venue's request budgets")
    parser.add_argument(
        "--orders-per-day", type=int, default=ORDERS_PER_DAY, help="an account's orders a day (default 5000)"
    )
    parser.add_argument(
        "--second-shift", type=float, default=0.0, help="shift the budgets' seconds by this much (default 0)"
    )
    parser.add_argument(
        "--refresh-tokens", action="store_true", help="hand out refresh tokens, as approved platforms get"
    )
    parser.add_argument("--endless-tokens", action="store_true", help="let no session end at the market's 06:00")
    parser.add_argument(
        "--slices",
        choices=("parent", "list"),
        default="parent",
        help="shape of a sliced order's answer (default parent)",
    )
    parser.add_argument("--faults", action="store_true", help="allow fault scripts at POST /sim/faults")
    parser.add_argument(
        "--ledger", type=Path, help="file to append every execution to, as JSON lines; Aster's go beside it"
    )
    add_aster_arguments(parser)


def build_site(options: argparse.Namespace, *, wall_ns: Callable[[], int], monotonic_ns: Callable[[], int]) -> KiteSite:
    """Return the site, ready at its starting market time; raises `OptionInvalid`."""
    _check(options)
    apps = _apps(options)
    market, start_ns = _replay(options) if options.replay else _made(options, wall_ns())
    venue = Venue(
        market=market,
        accounts=[_account(app, with_holdings=options.replay is None) for app in apps],
        ids=Ids(wall_ns() // SECOND_NS),
        ledger=Ledger(_sink(options.ledger)),
        made_history=None if options.replay else MadeHistory(seed=options.seed, anchor=market.session.day),
        kept_days=ALL_DAYS if options.replay else 5,
    )
    venue.run_until(start_ns, wall_ns())
    return KiteSite(
        venue=venue,
        sessions=Sessions(apps, endless=options.endless_tokens, renewable=options.refresh_tokens),
        budgets=Budgets(enforced=options.budgets, orders_per_day=options.orders_per_day, shift_s=options.second_shift),
        pace=Pace(speed=options.speed, market_ns=max(venue.market.now_ns, start_ns), wall_ns=monotonic_ns()),
        seed=options.seed,
        replay=str(options.replay) if options.replay else None,
        faults_allowed=options.faults,
        slices_as_list=options.slices == "list",
        held=bool(options.replay) if options.hold is None else options.hold,
        aster=_beside(options, max(venue.market.now_ns, start_ns), wall_ns, monotonic_ns),
        wall_ns=wall_ns,
        monotonic_ns=monotonic_ns,
    )


def _beside(
    options: argparse.Namespace,
    start_ns: int,
    wall_ns: Callable[[], int],
    monotonic_ns: Callable[[], int],
) -> AsterSite | None:
    # a ledger of its own: its rows are others
    beside = options.ledger and options.ledger.with_name(f"{options.ledger.stem}.aster{options.ledger.suffix}")
    sink = _sink(beside) if options.aster else None
    try:
        return build_aster(options, start_ns=start_ns, wall_ns=wall_ns, monotonic_ns=monotonic_ns, sink=sink)
    except AsterOptionInvalid as error:
        raise OptionInvalid(str(error)) from error


def idle_seconds(options: argparse.Namespace) -> float:
    """Return the wall seconds between two sessions."""
    if options.idle is not None:
        return float(options.idle)
    return REPLAY_IDLE_SECONDS if options.replay else IDLE_SECONDS


def _check(options: argparse.Namespace) -> None:
    if not 0 < options.speed <= 10_000:
        raise OptionInvalid(f"The speed {options.speed:g} is not between 0 and 10000.")
    if not 0 <= options.port <= 65_535:
        raise OptionInvalid(f"The port {options.port} is not between 0 and 65535.")
    if not 0 <= options.instruments <= MOST:
        raise OptionInvalid(f"The number of instruments {options.instruments} is not between 0 and {MOST}.")
    if options.frames is not None and not 0.01 <= options.frames <= 100:
        raise OptionInvalid(f"{options.frames:g} frames a second are not between 0.01 and 100.")
    if not 0 <= options.lively <= 1:
        raise OptionInvalid(f"The lively share {options.lively:g} is not between 0 and 1.")
    if options.seed < 0:
        raise OptionInvalid(f"The seed {options.seed} is negative.")
    if options.replay_from and not options.replay:
        raise OptionInvalid("--replay-from needs --replay.")
    if options.start and options.replay:
        raise OptionInvalid("--start is for the made market; a replay begins at --replay-from.")


def _apps(options: argparse.Namespace) -> list[App]:
    try:
        apps = [app_from_text(text) for text in options.account]
        if options.accounts:
            apps += apps_from_file(options.accounts)
    except AccountInvalid as error:
        raise OptionInvalid(str(error)) from error
    apps = apps or [DEMO_APP]
    for name in ("user_id", "api_key"):
        values = [getattr(app, name) for app in apps]
        if len(set(values)) < len(values):
            raise OptionInvalid(f"Two accounts share the same {name}.")
    return apps


def _made(options: argparse.Namespace, wall_ns: int) -> tuple[Market, int]:
    start = _instant(options.start, "--start") if options.start else None
    today = ist(start if start is not None else wall_ns).date()
    if start is not None and not is_trading_day(today):
        raise OptionInvalid(f"{today} is not a trading day.")
    # Without a start the market opens on a day that the desk's calendar knows, so that it may trade.
    day = today if start is not None else trading_day_on_or_before(INDIA.covered_on_or_before(today))
    market = SyntheticMarket(
        day=day,
        rng=np.random.default_rng(options.seed),
        step_seconds=step_seconds(options.speed, options.frames),
        instruments=options.instruments,
        lively=options.lively,
    )
    return market, start if start is not None else _open_ns(day)


def _replay(options: argparse.Namespace) -> tuple[Market, int]:
    # DuckDB costs 40 MB and 0.2 s: only a replay loads it.
    from brokers.marketdata.replay import ReplayUnreadable, default_start, read_recording
    from brokers.simulator.recorded import RecordedMarket

    try:
        recording = read_recording(options.replay)
    except ReplayUnreadable as error:
        raise OptionInvalid(str(error)) from error
    start_ns = default_start(recording) * SECOND_NS
    if options.replay_from:
        start_ns = _instant(options.replay_from, "--replay-from")
        if start_ns // SECOND_NS > int(recording.at_s[-1]):
            raise OptionInvalid(f"--replay-from {options.replay_from} lies after the recording's last tick.")
    return RecordedMarket(recording=recording, rng=np.random.default_rng(options.seed)), start_ns


def _instant(text: str, option: str) -> int:
    """Return an ISO time as nanoseconds of the epoch; without a zone it is Indian, without a time 09:15."""
    try:
        if len(text) <= 10:
            return _open_ns(date.fromisoformat(text))
        at = datetime.fromisoformat(text)
    except ValueError:
        raise OptionInvalid(f"{option} {text!r} is not an ISO date or time.") from None
    aware = at if at.tzinfo else at.replace(tzinfo=IST)
    return int(aware.astimezone(UTC).timestamp()) * SECOND_NS


def _open_ns(day: date) -> int:
    return epoch_s(day, OPEN) * SECOND_NS


def _account(app: App, *, with_holdings: bool) -> Account:
    price = {stock.symbol: round(stock.price * 92) for stock in STOCKS}
    holdings = {
        symbol: Holding(symbol=symbol, isin=isin, quantity=quantity, average=price[symbol])
        for symbol, isin, quantity in (DEMO_HOLDINGS if with_holdings else ())
    }
    return Account(user_id=app.user_id, cash=app.cash, holdings=holdings)


def _sink(path: Path | None) -> Callable[[str], object] | None:
    if path is None:
        return None
    try:
        # Line buffered: a killed simulator leaves whole lines.
        file = path.open("a", buffering=1)
    except OSError as error:
        raise OptionInvalid(f"The ledger file {path} cannot be written: {error.strerror}.") from error
    return file.write
