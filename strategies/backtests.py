"""Asking for a backtest, carrying it out in the worker, and ending it before its time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Desk
from accounts.outbox import outbox_add
from analysis.candles import fingerprint, study_series
from analysis.domain.daily import DailySeries, date_of
from analysis.models import CandleYear
from analysis.subjects import DEMO, source_of
from brokers.domain.calendar import Segment
from brokers.domain.errors import DataError, Invalid, NotFound, WindhoverError
from brokers.domain.india import INDIA
from brokers.domain.instruments import InstrumentKind, split_key
from brokers.domain.orders import Product
from brokers.models import ListedInstrument
from strategies.backtest_models import PLACES, UNDER_WAY, BacktestRun, BacktestState
from strategies.domain import Sessions
from strategies.domain.backtest import Gaps, IndianCharges, Sizing, Terms
from strategies.domain.backtest.daily_bars import bars_of, between
from strategies.domain.backtest.documents import study_document
from strategies.domain.backtest.study import Study, study
from strategies.registry import strategy_for

if TYPE_CHECKING:
    from accounts.models import User

BACKTEST_TASK = "strategies.backtest_run"
BACKTEST_QUEUE = "research"
# the kernels are compiled once on a machine, which takes a minute where it is busy
SILENT_AFTER = timedelta(minutes=5)
# before it no rates are loaded; those of this day then stand for the older ones, and the result says so
RATES_KNOWN_SINCE = date(2024, 10, 1)
EXCHANGES = ("NSE", "BSE")
MOST_SLIPPAGE = 0.05
_SHOWN_AT_LEAST_EVERY = timedelta(milliseconds=300)


class TooManyError(Invalid):
    """As many backtests as one person may have are under way."""

    code = "backtest.busy"


class CancelledError(Exception):
    """Somebody wants the backtest no more."""


def backtest_ask(
    *,
    desk: Desk,
    strategy: str,
    instrument: str,
    params: Mapping[str, Any],
    terms: Mapping[str, Any],
    by: User,
    at: datetime,
) -> BacktestRun:
    """Ask for a backtest over an instrument's daily candles and return its run.

    Raises
    ------
    NotFound
        For an unknown strategy, or an instrument without candles.
    Invalid
        Naming the parameter or the term that cannot be, and TooManyError where all of the asker's places are taken.
    """
    chosen = strategy_for(strategy).params_on_days(params)
    _check_traded(instrument)
    terms_of(terms)
    _days_of(terms)
    _give_up_silent(by, at=at)
    for place in range(PLACES):
        try:
            with transaction.atomic():
                run: BacktestRun = BacktestRun.objects.create(
                    desk=desk, requested_by=by, place=place, strategy=strategy, instrument=instrument,
                    params=chosen.as_json(), terms=dict(terms), requested_at=at, touched_at=at,
                )  # fmt: skip
                outbox_add(task=BACKTEST_TASK, queue=BACKTEST_QUEUE, arguments={"run_id": str(run.id)}, at=at)
        except IntegrityError:
            continue
        return run
    raise TooManyError(f"{PLACES} backtests of yours are under way, and no more run at once: cancel one or wait.")


def backtest_cancel(*, run: BacktestRun, at: datetime) -> BacktestRun:
    """End a backtest: at once where it waits, at its next step where it runs; raises Invalid for one that has ended."""
    waiting = BacktestRun.objects.filter(id=run.id, state=BacktestState.QUEUED)
    if not waiting.update(state=BacktestState.CANCELLED, is_unwanted=True, finished_at=at):
        running = BacktestRun.objects.filter(id=run.id, state=BacktestState.RUNNING)
        if not running.update(is_unwanted=True):
            raise Invalid("This backtest has ended already.", code="backtest.ended", field="id")
    run.refresh_from_db()
    return run


def backtest_run(*, run_id: UUID) -> None:
    """Carry out a backtest that waits; one that does not wait any more is left alone."""
    claimed = BacktestRun.objects.filter(id=run_id, state=BacktestState.QUEUED)
    if not claimed.update(state=BacktestState.RUNNING, touched_at=timezone.now()):
        return
    run = BacktestRun.objects.get(id=run_id)
    try:
        _carry_out(run)
        run.state = BacktestState.DONE
    except CancelledError:
        run.state = BacktestState.CANCELLED
    except WindhoverError as problem:
        run.state, run.problem = BacktestState.FAILED, problem.message[:300]
    except BaseException:
        # the reason is the worker's log's; the page must not say "running" for ever
        run.state, run.problem = BacktestState.FAILED, "The backtest failed; the worker's log has the reason."
        raise
    finally:
        run.finished_at = run.touched_at = timezone.now()
        run.save()


def terms_of(asked: Mapping[str, Any]) -> Terms:
    """Return how a stored run trades: a share of its equity in one stock, with the charges of delivery by date.

    Raises Invalid naming the term that cannot be.
    """
    if not 0.0 < float(asked["size_fraction"]) <= 1.0:
        raise Invalid("size_fraction lies above 0 and goes up to 1", code="backtest.terms", field="size_fraction")
    if not 0.0 <= float(asked["slippage_fraction"]) <= MOST_SLIPPAGE:
        raise Invalid(
            f"slippage_fraction lies between 0 and {MOST_SLIPPAGE}", code="backtest.terms", field="slippage_fraction"
        )
    return Terms(
        capital_quote=float(asked["capital_quote"]),
        sizing=Sizing.EQUITY,
        size=float(asked["size_fraction"]),
        slippage_fraction=float(asked["slippage_fraction"]),
        stop_fraction=float(asked["stop_fraction"]),
        target_fraction=float(asked["target_fraction"]),
        trail_fraction=float(asked["trail_fraction"]),
        costs=IndianCharges(kind=InstrumentKind.EQUITY, product=Product.DELIVERY, first_day=RATES_KNOWN_SINCE),
        gaps=Gaps.REPORT,
    )


@cache
def code_version() -> str:
    """Return the digest of all that decides, trades and judges in a backtest."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parents[1]
    for folder in ("analysis/domain", "brokers/domain", "strategies/domain", "strategies/library"):
        for file in sorted((root / folder).rglob("*.py")):
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _carry_out(run: BacktestRun) -> None:
    cls = strategy_for(run.strategy)
    run.data_fingerprint, run.code_version = fingerprint([run.instrument]), code_version()
    series = between(_series_of(run.instrument), *_days_of(run.terms))
    run.source = source_of([run.instrument])
    strategy = cls(cls.Params.parse(run.params), Sessions(INDIA, Segment.EQUITY_WITH_DERIVATIVES))
    found = study(
        strategy, bars_of(series), terms_of(run.terms), trials_before=_trials_before(run), told=_Progress(run).tell
    )
    document = study_document(found, series.scale)
    document["remarks"] = [*_remarks(run, series), *document["remarks"]]
    run.result, run.summary = document, _summary(found, document)
    run.done = run.total


class _Progress:
    """Writes how far a run is, and ends it once it is not wanted any more."""

    def __init__(self, run: BacktestRun) -> None:
        self._run, self._shown_at = run, timezone.now()

    def tell(self, done: int, total: int, stage: str) -> None:
        run, now = self._run, timezone.now()
        is_news = str(stage) != run.stage
        run.done, run.total, run.stage = done, total, str(stage)
        if not is_news and now - self._shown_at < _SHOWN_AT_LEAST_EVERY:
            return
        self._shown_at = now
        rows = BacktestRun.objects.filter(id=run.id)
        rows.update(done=done, total=total, stage=run.stage, touched_at=now)
        run.is_unwanted = rows.values_list("is_unwanted", flat=True).get()
        if run.is_unwanted:
            raise CancelledError


def _series_of(instrument: str) -> DailySeries:
    series = study_series([instrument])[0].get(instrument)
    if series is None:
        raise DataError(f"No daily candles of {instrument} are stored any more.", code="backtest.no_candles")
    return series


def _check_traded(instrument: str) -> None:
    exchange, symbol = split_key(instrument)
    if exchange not in EXCHANGES:
        raise Invalid(
            f"{instrument}: daily backtests know stocks of {' and '.join(EXCHANGES)}, and their charges, alone",
            code="backtest.exchange",
            field="instrument",
        )
    if not CandleYear.objects.filter(instrument=instrument).exists():
        raise NotFound(
            f"No daily candles of {instrument} are stored; Fetch candles on the Scan page asks the venue for them.",
            code="backtest.no_candles",
            field="instrument",
        )
    listed = ListedInstrument.objects.filter(exchange=exchange, symbol=symbol).first()
    if listed is not None and listed.kind != InstrumentKind.EQUITY:
        raise Invalid(f"{instrument} is no stock, so it cannot be held", code="backtest.kind", field="instrument")


def _days_of(terms: Mapping[str, Any]) -> tuple[date | None, date | None]:
    since, until = (date.fromisoformat(terms[name]) if terms.get(name) else None for name in ("since", "until"))
    if since and until and since >= until:
        raise Invalid("the first day must lie before the last", code="backtest.days", field="since")
    return since, until


def _trials_before(run: BacktestRun) -> int:
    """Count the combinations that the desk tried on this instrument before; the same ones on the same terms count once."""
    rows = BacktestRun.objects.filter(
        desk=run.desk_id, strategy=run.strategy, instrument=run.instrument, state=BacktestState.DONE
    )
    tried = {
        _trial(params, terms): summary["tried"]
        for params, terms, summary in rows.values_list("params", "terms", "summary")
    }
    tried.pop(_trial(run.params, run.terms), None)
    return sum(tried.values())


def _trial(params: Mapping[str, Any], terms: Mapping[str, Any]) -> str:
    # another stop, size or span of days is another look at the same candles
    return repr((sorted(params.items()), sorted(terms.items())))


def _summary(found: Study, document: Mapping[str, Any]) -> dict[str, Any]:
    figures = document["statistics"]
    kept = ("total_return", "cagr", "sharpe", "max_drawdown", "trades", "costs_quote")
    return {
        **{name: figures[name] for name in kept},
        "standing": found.verdict.standing.value,
        "sentence": found.verdict.sentence,
        "since": document["days"][0],
        "until": document["days"][-1],
        "tried": len(found.swept.combinations) if found.swept else 1,
    }


def _remarks(run: BacktestRun, series: DailySeries) -> list[str]:
    told = []
    if run.source == DEMO:
        told.append("These candles were made for the demo: the figures say nothing of any market.")
    if date_of(int(series.day[0])) < RATES_KNOWN_SINCE:
        told.append(f"Charges of {RATES_KNOWN_SINCE:%d %b %Y} stand for every day before it.")
    told.append("One stock, chosen today: those that are listed no more are not among the choices.")
    return told


def _give_up_silent(by: User, *, at: datetime) -> None:
    mine = BacktestRun.objects.filter(requested_by=by, state__in=UNDER_WAY, touched_at__lt=at - SILENT_AFTER)
    mine.update(state=BacktestState.FAILED, finished_at=at, problem="No worker took or finished this backtest.")
