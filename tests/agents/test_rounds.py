import json
from datetime import timedelta

import pytest

from accounts.models import AuditEvent
from brokers.domain.errors import Invalid, NotFound
from brokers.domain.market import Bars
from brokers.hub import channel_of, sync_redis, topic_of
from strategies.agent_cycle import PANEL, price_after, records_clear, round_run, terms_of, watches_due
from strategies.agent_models import AgentDecision, AgentOutcome, AgentWatch
from strategies.agent_services import agent_toggle, watch_by_default, watch_set, watch_toggle
from strategies.agents.cycle import replay
from strategies.agents.roster import KEYS
from tests.agents.markets import AS_OF, a_walk
from tests.agents.rounds import NAMES, FakeVenue, a_round, a_watch
from tests.people import a_deployment

pytestmark = pytest.mark.django_db


def test_a_round_keeps_a_decision_for_each_instrument_that_replays_to_the_same_bytes(ours):
    watch = a_watch(ours)

    assert a_round(watch, FakeVenue()) == 2

    rows = AgentDecision.objects.order_by("instrument")
    assert [row.instrument for row in rows] == sorted(NAMES)
    assert all(replay(bytes(row.record)) == bytes(row.record) for row in rows)
    watch.refresh_from_db()
    assert watch.problem == ""
    assert watch.regime["leader"] == "NSE:NIFTY 50"
    assert watch.regime["readings"] == 1


def test_the_same_moment_of_the_market_is_decided_once(ours):
    watch, venue = a_watch(ours), FakeVenue()

    a_round(watch, venue)
    assert a_round(watch, venue) == 0
    assert AgentDecision.objects.count() == 2
    watch.refresh_from_db()
    assert watch.regime["readings"] == 2


def test_a_second_worker_gets_nothing_and_a_lost_round_is_taken_up(ours):
    watch, venue = a_watch(ours), FakeVenue()
    AgentWatch.objects.update(begun_at=AS_OF, finished_at=None)

    assert round_run(watch_id=watch.pk, at=AS_OF + timedelta(seconds=90), opened=venue) == 0
    assert watches_due(AS_OF + timedelta(seconds=90)) == []
    assert watches_due(AS_OF + timedelta(minutes=6)) == [watch.pk]
    assert round_run(watch_id=watch.pk, at=AS_OF + timedelta(minutes=6), opened=venue) == 2


def test_votes_are_settled_against_the_bar_that_ends_their_horizon(ours):
    watch, venue = a_watch(ours), FakeVenue()
    a_round(watch, venue)
    waiting = AgentOutcome.objects.filter(gross_return=None).count()
    assert waiting > 6

    a_round(watch, venue, minutes=30)
    flow = AgentOutcome.objects.filter(agent="flow", instrument=NAMES[0]).order_by("at").first()
    ends = venue.walk.start_ns / 1e9 + 300
    expected = venue.walk.close[int((ends < flow.due_at.timestamp()).sum())]
    assert flow.gross_return == pytest.approx(expected / 100.0 - 1.0)
    assert AgentOutcome.objects.filter(agent="trend", at=AS_OF, gross_return=None).exists()
    assert AgentOutcome.objects.filter(agent=PANEL, at=AS_OF).count() == 2


def test_votes_that_no_bar_reaches_any_more_are_let_go(ours):
    watch, venue = a_watch(ours), FakeVenue()
    a_round(watch, venue)
    AgentOutcome.objects.update(due_at=AS_OF - timedelta(days=30), at=AS_OF - timedelta(days=31))

    a_round(watch, venue, minutes=5)

    assert not AgentOutcome.objects.filter(at__lt=AS_OF).exists()


def test_settled_votes_become_the_weights_of_the_next_decision(ours):
    watch, venue = a_watch(ours), FakeVenue()
    a_round(watch, venue)
    row = AgentOutcome.objects.filter(agent="trend").first()
    AgentOutcome.objects.bulk_create(
        AgentOutcome(
            watch=watch, agent="trend", instrument=NAMES[0], at=AS_OF + timedelta(hours=place), horizon_s=3_600,
            due_at=AS_OF, score=0.4, base=0.5, price=100.0, cost=0.0, gross_return=0.01 if place % 5 else -0.01,
        )
        for place in range(300)
    )  # fmt: skip

    terms = terms_of(watch)

    assert row.base == 0.5
    assert terms.records["trend"] > 1.2
    assert terms.base_rates["trend"] > 0.6
    assert terms.records["momentum"] == 1.0


def test_a_venue_that_is_silent_on_one_instrument_does_not_stop_the_other(ours):
    watch = a_watch(ours)

    assert a_round(watch, FakeVenue(silent=(NAMES[0],))) == 1
    watch.refresh_from_db()
    assert "no quote of NSE:RELIANCE" in watch.problem


def test_without_a_sign_in_nothing_is_decided_and_the_page_is_told(ours):
    watch = a_watch(ours)

    assert a_round(watch, FakeVenue(signed_in=False)) == 0
    watch.refresh_from_db()
    assert "signed in" in watch.problem


def test_a_round_that_breaks_says_so_and_raises(ours):
    watch, venue = a_watch(ours), FakeVenue()
    venue.look = None

    with pytest.raises(TypeError):
        a_round(watch, venue)
    watch.refresh_from_db()
    assert "worker's log" in watch.problem


def test_what_the_desk_holds_is_in_the_snapshot(ours):
    watch = a_watch(ours)
    topic = topic_of(str(ours.account.id), "positions")
    row = {"symbol": NAMES[0], "quantity": "-20", "as_of": (AS_OF - timedelta(seconds=9)).isoformat()}
    sync_redis().set(channel_of(topic), json.dumps({"data": {"a": row, "b": row}}))

    a_round(watch, FakeVenue())

    record = json.loads(bytes(AgentDecision.objects.get(instrument=NAMES[0]).record))
    assert record["snapshot"]["fields"]["held"] == {"value": -40.0, "age_s": 9.0, "source": "positions of the desk"}


def test_a_change_of_open_interest_is_taken_from_the_decision_before(ours):
    watch, venue = a_watch(ours), FakeVenue()
    a_round(watch, venue)
    a_round(watch, venue, minutes=5)

    newest = AgentDecision.objects.filter(instrument=NAMES[0]).order_by("-as_of").first()
    fields = json.loads(bytes(newest.record))["snapshot"]["fields"]
    assert fields["oi_change"]["value"] == 0.0
    assert fields["depth_imbalance"]["value"] == 0.4


def test_a_stopped_watch_and_a_stopped_agent_are_not_asked(ours):
    watch, venue = a_watch(ours), FakeVenue()
    agent_toggle(watch=watch, agent="trend", running=False, by=ours.user, at=AS_OF)
    a_round(watch, venue)
    assert not AgentOutcome.objects.filter(agent="trend").exists()

    agent_toggle(watch=watch, agent="trend", running=True, by=ours.user, at=AS_OF)
    watch.refresh_from_db()
    assert watch.stopped == []
    watch_toggle(watch=watch, running=False, by=ours.user, at=AS_OF)
    assert a_round(watch, venue, minutes=5) == 0
    assert watches_due(AS_OF + timedelta(days=1)) == []
    assert AuditEvent.objects.filter(action="agents.agent_stop").exists()


def test_what_cannot_be_watched_is_refused(ours):
    given = {"account": ours.account, "bar_minutes": 5, "by": ours.user, "at": AS_OF}
    with pytest.raises(Invalid):
        watch_set(instruments=[], **given)
    with pytest.raises(NotFound):
        watch_set(instruments=["NSE:NOBODY"], **given)
    with pytest.raises(Invalid):
        watch_set(instruments=["NSE:NOBODY"], **{**given, "bar_minutes": 7})
    with pytest.raises(NotFound):
        agent_toggle(watch=a_watch(ours), agent="oracle", running=True, by=ours.user, at=AS_OF)


def test_the_demo_is_set_on_what_it_trades_and_stays_as_it_was_set(ours):
    a_deployment(ours.account)
    first = watch_by_default(account=ours.account, at=AS_OF)

    assert first.is_running
    assert first.bar_minutes == 1
    assert watch_by_default(account=ours.account, at=AS_OF) is None


def test_old_records_are_cleared(ours):
    a_round(a_watch(ours), FakeVenue())

    assert records_clear(AS_OF) == 0
    assert records_clear(AS_OF + timedelta(days=31)) > 0
    assert not AgentDecision.objects.exists()
    assert AgentOutcome.objects.exists()
    records_clear(AS_OF + timedelta(days=200))
    assert not AgentOutcome.objects.exists()


def test_a_price_is_that_of_the_first_bar_that_ends_then():
    walk = a_walk()
    none = Bars(**{name: getattr(walk, name)[:0] if name not in ("instrument", "interval_s") else getattr(walk, name) for name in Bars.__slots__})  # fmt: skip

    assert price_after(walk, AS_OF) == walk.close[-1]
    assert price_after(walk, AS_OF + timedelta(seconds=1)) is None
    assert price_after(none, AS_OF) is None
    assert price_after(walk, AS_OF - timedelta(days=9)) != price_after(walk, AS_OF - timedelta(days=9))


def test_every_agent_of_the_roster_has_a_column_that_fits():
    assert all(len(key) <= AgentOutcome._meta.get_field("agent").max_length for key in (*KEYS, PANEL))
