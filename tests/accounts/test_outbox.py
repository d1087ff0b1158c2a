from datetime import timedelta

import pytest
from celery import current_app
from django.db import transaction
from django_celery_beat.models import PeriodicTask
from kombu.exceptions import OperationalError

from accounts.models import Outbox, OutboxState
from accounts.outbox import MOST_ATTEMPTS, SILENCE, outbox_add, outbox_redispatch
from accounts.receivers import note_done
from accounts.tasks import clear_leftovers, redispatch_outbox
from tests.people import NOON

pytestmark = pytest.mark.django_db
TASK = "brokers.instruments_sync"


@pytest.fixture
def sent(monkeypatch):
    calls = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **options: calls.append((name, options)))
    return calls


def a_row(**fields):
    return Outbox.objects.create(task=TASK, arguments={"account_id": "a"}, queue="default", created_at=NOON, **fields)


def test_a_task_leaves_when_its_transaction_commits(sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        row = outbox_add(task=TASK, arguments={"account_id": "a"}, at=NOON)
        assert sent == []

    ((name, options),) = sent
    assert name == TASK
    assert options["kwargs"] == {"account_id": "a", "outbox_id": str(row.id)}


def test_a_task_falls_with_its_transaction(sent):
    with transaction.atomic():
        outbox_add(task=TASK, arguments={}, at=NOON)
        transaction.set_rollback(True)

    assert (sent, Outbox.objects.count()) == ([], 0)


def test_what_no_broker_took_is_sent_later(sent, monkeypatch):
    def away(*_, **__):
        raise OperationalError

    row = a_row()
    with monkeypatch.context() as patch:
        patch.setattr(current_app, "send_task", away)
        assert outbox_redispatch(at=NOON) == 0

    assert outbox_redispatch(at=NOON) == 1
    row.refresh_from_db()
    assert (row.attempts, row.sent_at) == (1, NOON)


def test_what_was_sent_lately_is_not_sent_again(sent):
    a_row(sent_at=NOON, attempts=1)

    assert outbox_redispatch(at=NOON + SILENCE - timedelta(seconds=1)) == 0
    assert outbox_redispatch(at=NOON + SILENCE) == 1


def test_what_was_tried_often_enough_is_given_up(sent):
    row = a_row(sent_at=NOON, attempts=MOST_ATTEMPTS)

    assert outbox_redispatch(at=NOON + SILENCE) == 0

    row.refresh_from_db()
    assert row.state == OutboxState.FAILED


def test_what_a_worker_has_done_is_never_sent_again(sent):
    row = a_row(sent_at=NOON, attempts=1)
    request = type("Request", (), {"kwargs": {"outbox_id": str(row.id)}})

    note_done(sender=type("Task", (), {"request": request}))

    row.refresh_from_db()
    assert row.state == OutboxState.DONE
    assert outbox_redispatch(at=NOON + SILENCE) == 0


def test_every_scheduled_and_every_sent_name_is_a_task():
    current_app.loader.import_default_modules()
    names = {*PeriodicTask.objects.values_list("task", flat=True), TASK}

    assert names <= set(current_app.tasks)


def test_the_tasks_may_run_twice_and_take_what_they_do_not_know(sent):
    a_row()

    assert redispatch_outbox(outbox_id="x") == 1
    assert redispatch_outbox() == 0
    assert clear_leftovers(anything=1) == {"answers": 0, "sessions": 0, "sign_ins": 0}
