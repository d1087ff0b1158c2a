"""The agents' round: gather, settle what is due, weigh the records, decide, keep. Whoever asks twice gets it once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
import orjson
from django.db import transaction
from django.utils import timezone

from brokers.domain.errors import WindhoverError
from brokers.domain.market import NANOSECONDS, Bars, ns_of
from strategies.agent_gathering import OPENED, Gathered, Market, Opened, gather
from strategies.agent_models import AgentDecision, AgentOutcome, AgentWatch
from strategies.agents.consensus import Rules
from strategies.agents.cycle import Decision, Terms, decide
from strategies.agents.regime import RegimeReading, read_regime
from strategies.agents.roster import KEYS
from strategies.agents.snapshot import Snapshot, snapshot_of
from strategies.agents.track_record import HALF_LIFE_S, Outcome, base_rate, track_record

ROUND_TASK = "strategies.agents_round"
ROUND_QUEUE = "minds"
PANEL = "panel"
# a consensus is scored over as many bars as most of its voters look ahead
PANEL_BARS = 12
# a round that has not ended by then was lost with its worker
LOST_AFTER = timedelta(minutes=5)
RECORDS_KEPT = timedelta(days=30)
# what is older weighs less than a sixteenth
OUTCOMES_KEPT = timedelta(seconds=4 * HALF_LIFE_S)
PROBLEM_LENGTH = 300


def watches_due(at: datetime) -> list[UUID]:
    """Return the watches whose next round is due, the longest waiting first."""
    rows = AgentWatch.objects.filter(is_running=True, account__is_enabled=True).order_by("begun_at")
    return [row.pk for row in rows if _is_due(row, at)]


def round_run(*, watch_id: UUID, at: datetime, opened: Opened = OPENED) -> int:
    """Carry out one round of a watch and return how many decisions were made; 0 where another worker has it."""
    watch = AgentWatch.objects.select_related("account__owner").get(pk=watch_id)
    if not (watch.is_running and _is_due(watch, at) and _claimed(watch, at)):
        return 0
    problem, made = "", 0
    try:
        made, problem = _round(watch, at, opened)
    except WindhoverError as error:
        problem = error.message
    except BaseException:
        problem = "The round failed; the worker's log has the reason."
        raise
    finally:
        AgentWatch.objects.filter(pk=watch.pk).update(
            finished_at=timezone.now(), problem=problem[:PROBLEM_LENGTH], regime=watch.regime
        )
    return made


def records_clear(at: datetime) -> int:
    """Forget records and outcomes that nothing is judged by any more; return how many decisions went."""
    AgentOutcome.objects.filter(at__lt=at - OUTCOMES_KEPT).delete()
    gone, _ = AgentDecision.objects.filter(made_at__lt=at - RECORDS_KEPT).delete()
    return gone


def _is_due(watch: AgentWatch, at: datetime) -> bool:
    if watch.begun_at is None:
        return True
    is_over = watch.finished_at is not None and watch.finished_at >= watch.begun_at
    return at - watch.begun_at >= (timedelta(seconds=watch.every_s) if is_over else LOST_AFTER)


def _claimed(watch: AgentWatch, at: datetime) -> bool:
    return bool(AgentWatch.objects.filter(pk=watch.pk, begun_at=watch.begun_at).update(begun_at=at))


def _round(watch: AgentWatch, at: datetime, opened: Opened) -> tuple[int, str]:
    market = gather(
        watch.account,
        watch.instruments,
        bar_s=60 * watch.bar_minutes,
        interest=_interest_before(watch),
        opened=opened,
    )
    _settle(watch, market)
    snapshots = {name: snapshot_of(one.bars, one.readings, as_of=one.as_of) for name, one in market.found.items()}
    regime = read_regime(
        snapshots.get(market.leader), [snapshots[name] for name in watch.instruments if name in snapshots]
    )
    watch.regime = _since(watch.regime, regime, snapshots.get(market.leader))
    terms = terms_of(watch)
    decided = [name for name in watch.instruments if name in snapshots]
    made = [
        keep(watch, decide(snapshots[name], regime, terms), market.found[name], at=at)
        for name in decided
        if not AgentDecision.objects.filter(watch=watch, instrument=name, as_of=snapshots[name].as_of).exists()
    ]
    return len(made), "; ".join(market.absent[name] for name in sorted(market.absent))


def terms_of(watch: AgentWatch) -> Terms:
    """Return what the next decision stands on beside its snapshot."""
    outcomes = outcomes_by_agent(watch)
    records = {}
    for key in KEYS:
        own = outcomes.get(key, [])
        now_s = max((one.at_s + one.horizon_s for one in own), default=0.0)
        records[key] = track_record(own, now_s=now_s).weight
    return Terms(
        rules=Rules(participation=watch.participation, threshold=watch.threshold, agreement=watch.agreement),
        records=records,
        base_rates={
            key: base_rate(sum(one.event for one in outcomes.get(key, [])), len(outcomes.get(key, []))) for key in KEYS
        },
        stopped=frozenset(watch.stopped),
        cost_fraction=watch.cost_fraction,
    )


def outcomes_by_agent(watch: AgentWatch) -> dict[str, list[Outcome]]:
    """Return every settled vote of a watch by agent, oldest first; the consensus stands under `panel`."""
    rows = AgentOutcome.objects.filter(watch=watch, gross_return__isnull=False).order_by("at", "pk")
    found: dict[str, list[Outcome]] = {}
    columns = ("agent", "at", "horizon_s", "score", "base", "gross_return", "cost")
    for agent, at, horizon_s, score, base, gross_return, cost in rows.values_list(*columns):
        found.setdefault(agent, []).append(
            Outcome(
                at_s=at.timestamp(),
                horizon_s=horizon_s,
                score=score,
                base=base,
                gross_return=gross_return,
                cost=cost,
            )
        )
    return found


@transaction.atomic
def keep(watch: AgentWatch, decision: Decision, gathered: Gathered, *, at: datetime) -> AgentDecision:
    """Keep a decision's record, and its votes to be settled; the event of each is declared with it."""
    snapshot, consensus = decision.snapshot, decision.consensus
    row: AgentDecision = AgentDecision.objects.create(
        watch=watch,
        instrument=snapshot.instrument,
        as_of=snapshot.as_of,
        made_at=at,
        digest=snapshot.digest,
        score=consensus.score,
        side=consensus.side,
        guard=consensus.guard.value,
        regime=decision.regime.regime.value,
        record=decision.record(),
    )
    scores = [(vote.agent, vote.score, vote.horizon_s, "") for vote in decision.votes]
    scores.append((PANEL, consensus.score, PANEL_BARS * snapshot.bar_s, consensus.guard.value))
    AgentOutcome.objects.bulk_create(
        AgentOutcome(
            watch=watch,
            decision=row,
            agent=agent,
            instrument=snapshot.instrument,
            at=snapshot.as_of,
            horizon_s=horizon_s,
            due_at=snapshot.as_of + timedelta(seconds=horizon_s),
            score=score,
            base=decision.base_of(agent),
            price=gathered.price,
            cost=watch.cost_fraction,
            guard=guard,
        )
        for agent, score, horizon_s, guard in scores
        if score is not None
    )
    return row


def _settle(watch: AgentWatch, market: Market) -> None:
    """Write what became of the votes whose horizon has passed; those that no bar reaches any more are let go."""
    for name, one in market.found.items():
        waiting = AgentOutcome.objects.filter(watch=watch, instrument=name, gross_return=None, due_at__lte=one.as_of)
        settled, lost = [], []
        for outcome in waiting:
            price = price_after(one.bars, outcome.due_at)
            if price is None:
                continue
            if not np.isfinite(price):
                lost.append(outcome.pk)
                continue
            outcome.gross_return = price / outcome.price - 1.0
            settled.append(outcome)
        AgentOutcome.objects.bulk_update(settled, ["gross_return"])
        AgentOutcome.objects.filter(pk__in=lost).delete()


def price_after(bars: Bars, due_at: datetime) -> float | None:
    """Return the close of the first bar that ends at or after a moment.

    None where no bar has ended since; NaN where the bars begin after that moment, so that it cannot be told.
    """
    if not len(bars):
        return None
    ends = bars.start_ns + bars.interval_s * NANOSECONDS
    due_ns = ns_of(due_at)
    place = int(np.searchsorted(ends, due_ns, side="left"))
    if place >= len(bars):
        return None
    return float("nan") if int(bars.start_ns[0]) > due_ns else float(bars.close[place])


def _interest_before(watch: AgentWatch) -> dict[str, float]:
    """Return each instrument's open interest at its newest decision, where it had one."""
    found = {}
    for name in watch.instruments:
        row = AgentDecision.objects.filter(watch=watch, instrument=name).order_by("-as_of").first()
        value = None if row is None else _recorded_interest(bytes(row.record))
        if value is not None:
            found[name] = value
    return found


def _recorded_interest(record: bytes) -> float | None:
    value = orjson.loads(record)["snapshot"]["fields"]["oi"]["value"]
    return None if value is None else float(value)


def _since(before: Mapping[str, object], reading: RegimeReading, leader: Snapshot | None) -> dict[str, object]:
    """Keep since when a regime stands, in the market's time, and how many readings say so."""
    document = reading.document()
    at = None if leader is None else leader.as_of.isoformat()
    if before.get("regime") == document["regime"] and isinstance(before.get("readings"), int):
        return {**document, "since": before["since"], "readings": int(str(before["readings"])) + 1, "at": at}
    return {**document, "since": at, "readings": 1, "at": at}
