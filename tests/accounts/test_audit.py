import pytest
from django.db import connection, transaction

from accounts.audit import audit_record, audit_verify
from accounts.models import AppendOnlyError, AuditEvent, AuditTip
from tests.people import NOON, a_desk, a_user

pytestmark = pytest.mark.django_db


def three_events():
    return [audit_record(action=f"act.{number}", at=NOON, details={"n": number}) for number in range(3)]


def test_a_chain_of_untouched_events_is_whole():
    three_events()

    assert audit_verify().is_whole
    assert audit_verify().events == 3


def test_each_desk_has_a_chain_of_its_own():
    desk = a_desk(owner=a_user())
    before = audit_verify(desk_id=desk.id).events

    audit_record(action="act", at=NOON, desk_id=desk.id)

    assert audit_verify(desk_id=desk.id).events == before + 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("action", "other"), ("subject", "x"), ("details", '{"n": 9}'), ("through", "x"), ("at", "2026-01-01")],
)
def test_a_changed_event_betrays_itself(column, value):
    events = three_events()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE accounts_auditevent SET {column} = %s WHERE id = %s", [value, events[1].id])

    verdict = audit_verify()

    assert (verdict.is_whole, verdict.broken_at) == (False, 2)


def test_a_cut_tail_betrays_itself():
    events = three_events()
    AuditEvent.objects.filter(pk=events[2].pk).delete()

    assert audit_verify().broken_at == 3


def test_a_cut_middle_betrays_itself():
    events = three_events()
    AuditEvent.objects.filter(pk=events[0].pk).delete()

    assert audit_verify().broken_at == 1


def test_an_event_falls_with_the_transaction_it_tells_of():
    with transaction.atomic():
        audit_record(action="act", at=NOON)
        transaction.set_rollback(True)

    assert not AuditEvent.objects.filter(action="act").exists()
    assert not AuditTip.objects.filter(chain="site").exists()


def test_an_event_can_be_neither_saved_again_nor_deleted():
    event = three_events()[0]

    with pytest.raises(AppendOnlyError):
        event.save()
    with pytest.raises(AppendOnlyError):
        event.delete()
