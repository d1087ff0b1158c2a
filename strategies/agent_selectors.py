"""What the agents' page and API show; every read starts at what the user may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from accounts.selectors import desks_to_act_on
from brokers.domain.errors import DataError
from strategies.agent_cycle import PANEL, outcomes_by_agent
from strategies.agent_gathering import LEADERS
from strategies.agent_models import AgentDecision, AgentOutcome, AgentWatch
from strategies.agents.consensus import Guard
from strategies.agents.cycle import replay
from strategies.agents.roster import KEYS, NAMES, SPECIALITIES
from strategies.agents.track_record import Outcome, base_rate, reliability, track_record

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import User

Document = dict[str, Any]
GUARD_WORDS: Mapping[str, str] = {
    Guard.PARTICIPATION: "Participation",
    Guard.THRESHOLD: "Threshold",
    Guard.AGREEMENT: "Agreement",
}


def agents_board(user: User) -> Document:
    """Return every watch a user may see, with its newest decisions, records and guards."""
    rows = AgentWatch.objects.visible_to(user).select_related("account").order_by("created_at")
    may_act = {desk.pk for desk in desks_to_act_on(user)}
    results = [_watch(row, may_act=row.account.desk_id in may_act) for row in rows]
    return {"results": results, "count": len(results)}


def decisions_listed(user: User, *, instrument: str | None, limit: int) -> Document:
    """Return decisions, the newest first."""
    rows = AgentDecision.objects.visible_to(user).order_by("-as_of", "-made_at")
    if instrument:
        rows = rows.filter(instrument=instrument)
    results = [_brief(row) for row in rows.defer("record")[:limit]]
    return {"results": results, "count": len(results)}


def decision_whole(user: User, decision_id: UUID) -> Document | None:
    """Return one decision's record, whether it replays to the same bytes, and what became of its votes."""
    row = AgentDecision.objects.visible_to(user).filter(pk=decision_id).first()
    if row is None:
        return None
    record = bytes(row.record)
    outcomes = AgentOutcome.objects.filter(decision=row).order_by("pk")
    return {
        **_brief(row),
        "record": orjson.loads(record),
        "bytes": len(record),
        "replay": _replayed(record),
        "outcomes": [
            {
                "agent": one.agent,
                "name": NAMES.get(one.agent, "Consensus"),
                "horizon_s": one.horizon_s,
                "due_at": one.due_at.isoformat(),
                "price": one.price,
                "gross_return": one.gross_return,
                "event": None if one.gross_return is None else one.gross_return - one.cost > 0.0,
            }
            for one in outcomes
        ],
    }


def _replayed(record: bytes) -> Document:
    """Decide again on the record's inputs, here and now."""
    try:
        return {"identical": replay(record) == record, "reason": None}
    except DataError as error:
        return {"identical": False, "reason": error.message}


def _watch(row: AgentWatch, *, may_act: bool) -> Document:
    outcomes = outcomes_by_agent(row)
    voted = [one for key in KEYS for one in outcomes.get(key, [])]
    return {
        "id": str(row.pk),
        "account": str(row.account_id),
        "label": row.account.label,
        "venue": row.account.venue,
        "currency": row.account.currency,
        "may_act": may_act,
        "instruments": row.instruments,
        "leader": LEADERS[row.account.venue],
        "bar_minutes": row.bar_minutes,
        "every_s": row.every_s,
        "is_running": row.is_running,
        "begun_at": row.begun_at and row.begun_at.isoformat(),
        "finished_at": row.finished_at and row.finished_at.isoformat(),
        "problem": row.problem,
        "regime": row.regime or None,
        "rules": {"participation": row.participation, "threshold": row.threshold, "agreement": row.agreement},
        "cost_fraction": row.cost_fraction,
        "agents": [
            {
                "key": key,
                "name": NAMES[key],
                "speciality": SPECIALITIES[key],
                "mind": "rules",
                "is_running": key not in row.stopped,
                **_record(outcomes.get(key, [])),
            }
            for key in KEYS
        ],
        "panel": _record(outcomes.get(PANEL, [])),
        "reliability": [
            {"claimed": one.claimed, "right": one.right, "margin": one.margin, "n": one.n} for one in reliability(voted)
        ],
        "guards": _guards(row),
        "decisions": [_latest(row, name) for name in row.instruments],
    }


def _record(outcomes: Sequence[Outcome]) -> Document:
    now_s = max((one.at_s + one.horizon_s for one in outcomes), default=0.0)
    return {
        "record": track_record(outcomes, now_s=now_s).document(),
        "base_rate": base_rate(sum(one.event for one in outcomes), len(outcomes)),
    }


def _guards(row: AgentWatch) -> list[Document]:
    """Return what the consensus would have made where a guard kept it from acting, per unit of value."""
    settled = AgentOutcome.objects.filter(watch=row, agent=PANEL, gross_return__isnull=False).exclude(score=0.0)
    found = []
    for guard, name in GUARD_WORDS.items():
        nets = [
            (1.0 if score > 0.0 else -1.0) * gross - cost
            for score, gross, cost in settled.filter(guard=guard).values_list("score", "gross_return", "cost")
        ]
        if nets:
            won = sum(net > 0.0 for net in nets) / len(nets)
            found.append({"guard": guard, "name": name, "ideas": len(nets), "won": won, "net": sum(nets) / len(nets)})
    return found


def _latest(row: AgentWatch, instrument: str) -> Document:
    decision = AgentDecision.objects.filter(watch=row, instrument=instrument).order_by("-as_of").first()
    if decision is None:
        return {"instrument": instrument, "id": None}
    record = orjson.loads(bytes(decision.record))
    ages = [field["age_s"] for field in record["snapshot"]["fields"].values() if field["age_s"] is not None]
    return {
        **_brief(decision),
        "consensus": record["consensus"],
        "votes": [{**vote, "name": NAMES[vote["agent"]]} for vote in record["votes"]],
        "fields_known": len(ages),
        "fields": len(record["snapshot"]["fields"]),
        "oldest_s": max(ages, default=None),
    }


def _brief(row: AgentDecision) -> Document:
    return {
        "id": str(row.pk),
        "watch": str(row.watch_id),
        "instrument": row.instrument,
        "as_of": row.as_of.isoformat(),
        "made_at": row.made_at.isoformat(),
        "digest": row.digest,
        "score": row.score,
        "side": row.side,
        "guard": row.guard,
        "regime": row.regime,
    }
