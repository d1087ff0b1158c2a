"""Deployments at work: their bars, their decisions, the day's beginning and its square-off.

A deployment wants an exposure (DESIGN: "long while the fast average is above the slow one"), so a
start in the middle of one takes it up or waits for the next change, as the strategy itself says
(`joins_late`). What was wanted before a restart is in the journal and is not decided again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

from brokers.domain.calendar import Segment, segment_of
from brokers.domain.errors import Invalid
from brokers.domain.market import Bar, BarSeries, ns_of
from brokers.domain.orders import Product
from brokers.domain.portfolio import PositionKey
from execution.domain.commands import Level, LoadHistory, Subscribe
from execution.domain.days import begin_day, square_off
from execution.domain.desk import Desk, Series
from execution.domain.events import HistoryFailed, HistoryLoaded, MarketFrame
from execution.domain.funding import book_early, pay_due
from execution.domain.perpetuals import product_of
from execution.domain.pursuit import journal_signal, set_goal
from execution.domain.records import (
    DeploymentMoved,
    DeploymentSpec,
    DeploymentState,
    GoalSet,
)
from execution.domain.state import Deployment
from risk.domain.sizing import fixed_lots, fixed_notional
from strategies.domain.session import Sessions
from strategies.domain.signals import Signal
from strategies.domain.strategy import SignalStrategy, judge, standing

ZERO = Decimal(0)
# a signal or why there is none, or the error of a strategy that failed
_Verdict: TypeAlias = "tuple[Signal | None, str] | Exception"
_EXTRA_BARS = 5


def frame(desk: Desk, event: MarketFrame) -> None:
    """Take quotes in; act on the bars they close and on the market time they bring."""
    columns = event.columns
    if len(columns) == 0:
        return
    newest = int(columns.exchange_ns.max())
    if newest > 0 and newest >= desk.next_day_ns:  # before its first trade a quote bears no time
        begin_day(desk, newest)
        book_early(desk)
    closed = desk.market.take(columns, event.source, newest)
    if closed:
        _bars_closed(desk, closed)
    if desk.market.now_ns >= desk.square_off_ns:
        square_off(desk)
    if desk.terms.rates:
        pay_due(desk)


def start(desk: Desk, spec: DeploymentSpec) -> None:
    """Start a deployment; raise Invalid when its strategy, parameters or instruments are wrong."""
    strategy = strategy_of(desk, spec)
    desk.record(
        DeploymentMoved(
            deployment_id=spec.deployment_id,
            state=DeploymentState.STARTING,
            reason="reading the history it needs",
            spec=spec,
        )
    )
    for instrument in spec.instruments:
        key = _key(desk, spec, strategy, instrument)
        held = desk.state.positions.get(key).quantity
        if held:
            reason = f"{instrument}: {held:f} held from before the start"
            journal_signal(desk, key, exposure=1.0 if held > 0 else -1.0, reason=reason)
    load(desk, spec, strategy)


def strategy_of(desk: Desk, spec: DeploymentSpec) -> SignalStrategy:
    """Return a deployment's strategy with its parameters; raise Invalid when they are wrong."""
    for name in spec.instruments:
        instrument = desk.config.instruments.get(name)
        if instrument is None or not instrument.is_tradable:
            raise Invalid(f"{name} is not an instrument that can be traded here", field="instruments")
    if not spec.instruments:
        raise Invalid("a deployment needs an instrument", field="instruments")
    kind = desk.config.strategy_for(spec.strategy)
    params = kind.Params.parse(spec.params)
    return kind(params, Sessions(desk.config.calendar, _segment(desk, spec.instruments[0])))


def load(desk: Desk, spec: DeploymentSpec, strategy: SignalStrategy) -> None:
    """Ask for the bars a deployment needs, and build new ones from now on."""
    if not desk.config.runs_strategies:
        return
    desk.strategies[spec.deployment_id] = strategy
    interval_s = strategy.params.bar_minutes * 60
    if desk.market.track(spec.instruments):
        subscribe(desk)
    for instrument in spec.instruments:
        desk.market.build_bars(instrument, interval_s)
        desk.series[spec.deployment_id, instrument] = Series(bars=BarSeries(instrument, interval_s))
        _ask_history(desk, spec.deployment_id, instrument)


def subscribe(desk: Desk) -> None:
    desk.square_off_ns = 0
    desk.ask(Subscribe(instruments=tuple(sorted(desk.market.tracked()))))


def forget(desk: Desk, deployment_id: str) -> None:
    """Drop a deployment's bars; its quotes stay subscribed for the pages."""
    desk.strategies.pop(deployment_id, None)
    desk.notes.pop(deployment_id, None)
    for key in [key for key in desk.series if key[0] == deployment_id]:
        del desk.series[key]


def history_loaded(desk: Desk, event: HistoryLoaded) -> None:
    """Join history with the bars built meanwhile."""
    series = desk.series.get((event.deployment_id, event.instrument))
    if series is None or not series.is_loading:
        return
    limit = desk.market.now_ns or ns_of(desk.at)
    for bar in event.bars:
        if bar.end_ns <= limit:  # a venue's last candle may still be running
            series.bars.append(bar)
    _resume(desk, event.deployment_id, series)


def history_failed(desk: Desk, event: HistoryFailed) -> None:
    """Go on with what the ticks give; the warm-up then takes as long as it takes."""
    series = desk.series.get((event.deployment_id, event.instrument))
    if series is None or not series.is_loading:
        return
    sentence = f"{event.instrument}: its history could not be read ({event.reason})"
    desk.alert(Level.WARNING, event.deployment_id, sentence)
    _resume(desk, event.deployment_id, series)
    desk.notes[event.deployment_id] = (f"{sentence}, warming up from ticks", desk.at)


def _resume(desk: Desk, deployment_id: str, series: Series) -> None:
    series.is_loading = False
    joined = [series.bars.append(bar) for bar in series.held if desk.market.is_whole(bar)]
    series.held = []
    deployment = desk.state.deployments[deployment_id]
    loading = any(s.is_loading for key, s in desk.series.items() if key[0] == deployment_id)
    if deployment.state is DeploymentState.STARTING and not loading:
        desk.record(
            DeploymentMoved(
                deployment_id=deployment_id, state=DeploymentState.RUNNING, reason="waiting for its next bar"
            )
        )
    if any(joined):
        _decide(desk, deployment_id, series)
    else:
        _note(desk, deployment_id, series)


def _bars_closed(desk: Desk, bars: Iterable[Bar]) -> None:
    readers: dict[tuple[str, int], list[str]] = defaultdict(list)
    for (deployment_id, instrument), series in desk.series.items():
        readers[instrument, series.bars.interval_s].append(deployment_id)
    fresh = [
        (deployment_id, taken)
        for bar in bars
        for deployment_id in readers[bar.instrument, bar.interval_s]
        if (taken := _taken_in(desk, deployment_id, bar)) is not None
    ]
    # Decisions change nothing, so all of them come before what follows from any: work of one kind keeps a processor's
    # caches warm, and an order's way is several times as long without them.
    verdicts = [_judged(desk, deployment_id, series) for deployment_id, series in fresh]
    for (deployment_id, series), verdict in zip(fresh, verdicts, strict=True):
        if verdict is not None:
            _act_on(desk, deployment_id, series.bars.instrument, verdict)


def _taken_in(desk: Desk, deployment_id: str, bar: Bar) -> Series | None:
    """Take a closed bar in, and return its series where there is something new to decide on."""
    series = desk.series[deployment_id, bar.instrument]
    if series.is_loading:
        series.held.append(bar)
    elif not desk.market.is_whole(bar):
        # ticks of it were missed: the venue's own candle takes its place
        series.is_loading = True
        _ask_history(desk, deployment_id, bar.instrument)
    elif series.bars.append(bar):
        return series
    return None


def _ask_history(desk: Desk, deployment_id: str, instrument: str) -> None:
    series = desk.series[deployment_id, instrument]
    bars = desk.strategies[deployment_id].history_bars() + _EXTRA_BARS
    desk.ask(
        LoadHistory(deployment_id=deployment_id, instrument=instrument, interval_s=series.bars.interval_s, bars=bars)
    )


def _decide(desk: Desk, deployment_id: str, series: Series) -> None:
    verdict = _judged(desk, deployment_id, series)
    if verdict is not None:
        _act_on(desk, deployment_id, series.bars.instrument, verdict)


def _judged(desk: Desk, deployment_id: str, series: Series) -> _Verdict | None:
    """Return what a strategy makes of its newest bar, its own error included; None where nothing is to be decided."""
    instrument = series.bars.instrument
    deployment = desk.state.deployments[deployment_id]
    strategy = desk.strategies[deployment_id]
    if not deployment.is_running or _is_over_for_today(desk, strategy, instrument):
        return None
    if not deployment.exposures.get(instrument) and not desk.knows_books_of(deployment.spec.mode):
        # An entry decided now would be refused and given up; the next bar decides again.
        desk.notes[deployment_id] = (f"{instrument}: waiting for the venue's books", desk.at)
        return None
    if not deployment.exposures.get(instrument) and desk.why_not_opening(deployment.spec.mode) is not None:
        return None  # the pages say why; once it is released, the next bar decides
    try:
        return judge(
            strategy,
            series.bars.view(),
            deployment_id=deployment_id,
            decided_at=desk.at,
            current=deployment.exposures.get(instrument, 0.0),
        )
    except Exception as error:  # noqa: BLE001 - the engine supervises strategies: one's error halts that one alone
        return error


def _act_on(desk: Desk, deployment_id: str, instrument: str, verdict: _Verdict) -> None:
    deployment = desk.state.deployments[deployment_id]
    if not deployment.is_running:
        return  # another instrument's error has halted it meanwhile
    if isinstance(verdict, Exception):
        _halt_failed(desk, deployment, instrument, verdict)
        return
    signal, why = verdict
    if signal is None:
        _say(desk, deployment_id, why)
    else:
        _follow(desk, deployment, desk.strategies[deployment_id], signal)


def _is_over_for_today(desk: Desk, strategy: SignalStrategy, instrument: str) -> bool:
    session = desk.market.session(instrument)
    if session is None or session.is_always_open:
        return False
    return strategy.params.product is Product.INTRADAY and desk.market.now(desk.at) >= session.square_off_at


def _follow(desk: Desk, deployment: Deployment, strategy: SignalStrategy, signal: Signal) -> None:
    desk.notes.pop(signal.deployment_id, None)
    key = _key(desk, deployment.spec, strategy, signal.instrument)
    end_ns = ns_of(signal.bar_end_at)
    journal_signal(desk, key, exposure=signal.exposure, reason=signal.reason, bar_end_ns=end_ns)
    price = desk.market.middle(signal.instrument)
    set_goal(desk, key, _target(desk, strategy, signal), signal.reason, price)


def _target(desk: Desk, strategy: SignalStrategy, signal: Signal) -> Decimal | None:
    if signal.exposure == 0.0:
        return ZERO
    instrument = desk.config.instruments[signal.instrument]
    price = desk.market.mark(signal.instrument)
    if strategy.params.lots:
        full = fixed_lots(strategy.params.lots, instrument=instrument)
    elif price is not None:
        full = fixed_notional(strategy.params.order_value_quote, price=price, instrument=instrument)
    else:
        return None
    size = instrument.lots_of(full * Decimal(repr(abs(signal.exposure))))
    if size == 0:
        desk.notes[signal.deployment_id] = (f"{signal.instrument}: the order value does not buy one lot", desk.at)
        return ZERO
    return size if signal.exposure > 0 else -size


def _note(desk: Desk, deployment_id: str, series: Series) -> None:
    try:
        why = standing(desk.strategies[deployment_id], series.bars.view())
    except Exception as error:  # noqa: BLE001 - as in _decide
        _halt_failed(desk, desk.state.deployments[deployment_id], series.bars.instrument, error)
        return
    _say(desk, deployment_id, why)


def _say(desk: Desk, deployment_id: str, why: str) -> None:
    if why:
        desk.notes[deployment_id] = (why, desk.at)
    else:
        desk.notes.pop(deployment_id, None)


def _halt_failed(desk: Desk, deployment: Deployment, instrument: str, error: Exception) -> None:
    halt(desk, deployment, f"{instrument}: the strategy failed: {error}", cause="error")


def halt(desk: Desk, deployment: Deployment, reason: str, *, cause: str) -> None:
    """Stop a deployment's decisions visibly; its exits go on."""
    desk.record(
        DeploymentMoved(
            deployment_id=deployment.spec.deployment_id, state=DeploymentState.HALTED, reason=reason, cause=cause
        )
    )
    desk.alert(Level.URGENT, deployment.spec.deployment_id, reason)


def resume(desk: Desk, deployment: Deployment) -> None:
    """Let a halted deployment go on; the bars it missed come from the venue's history."""
    desk.record(
        DeploymentMoved(
            deployment_id=deployment.spec.deployment_id,
            state=DeploymentState.STARTING,
            reason="reading the history it missed",
        )
    )
    reload(desk, deployment)


def reload(desk: Desk, deployment: Deployment) -> None:
    """Bring a deployment of the journal to work again; one that no longer fits is halted."""
    try:
        strategy = strategy_of(desk, deployment.spec)
    except Invalid as error:
        halt(desk, deployment, error.message, cause="invalid")
        return
    load(desk, deployment.spec, strategy)


def _key(desk: Desk, spec: DeploymentSpec, strategy: SignalStrategy, instrument: str) -> PositionKey:
    product = product_of(desk.config.instruments[instrument], strategy.params.product)
    return PositionKey(book=spec.mode, instrument=instrument, product=product, strategy_key=spec.deployment_id)


def _segment(desk: Desk, instrument: str) -> Segment:
    return segment_of(desk.config.instruments[instrument])


def drop_entry_goals(desk: Desk, deployment_id: str, reason: str) -> None:
    """Want no more of a deployment than it holds; exits under way stay wanted."""
    for key, goal in list(desk.state.goals.items()):
        held = desk.state.positions.get(key).quantity
        is_exit = goal.quantity is not None and abs(goal.quantity) < abs(held) and goal.quantity * held >= 0
        if key.strategy_key == deployment_id and goal.quantity is not None and not is_exit:
            desk.record(GoalSet(goal=replace(goal, quantity=None, reason=reason)))
