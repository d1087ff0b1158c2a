from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, OperationalError, connection

from brokers.domain.errors import DataError
from execution import append_only
from execution.chain import GENESIS
from execution.domain.commands import Record
from execution.journal import Batch, StaleToken, verify_chain
from execution.models import JournalEvent, Lease
from tests.execution.conftest import NOON, an_account


def a_record(number=1, kind="look_up"):
    payload = {"client_id": f"WAAB12{number:08d}", "started_at": "2026-08-18T06:30:00.000000Z"}
    return Record(kind=kind, at=NOON + timedelta(seconds=number), payload=payload)


def a_batch(account, *numbers, token=1):
    return Batch(account_id=str(account.pk), token=token, records=tuple(a_record(n) for n in numbers))


def test_commits_a_batch_before_it_answers(account, journal):
    tip = journal.write(a_batch(account, 1, 2)).result(5)

    rows = list(JournalEvent.objects.order_by("seq"))

    assert [row.seq for row in rows] == [1, 2]
    assert (tip.seq, tip.hash) == (2, rows[1].hash)
    assert rows[0].previous_hash == GENESIS
    assert rows[1].previous_hash == rows[0].hash


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own pragma")
def test_sqlite_waits_for_the_disk_on_the_journals_connection_alone(journal):
    def level():
        with connection.cursor() as cursor:
            return cursor.execute("PRAGMA synchronous").fetchone()[0]

    assert journal.run(level).result(5) == 2
    assert level() == 1


@pytest.mark.postgres
def test_postgresql_waits_for_the_disk_on_the_journals_connection(journal):
    def level():
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            return cursor.fetchone()[0]

    assert journal.run(level).result(5) == "on"


def test_writes_what_waits_in_one_transaction(account, journal):
    import threading

    gate = threading.Event()
    journal.run(lambda: gate.wait(5))
    futures = [journal.write(a_batch(account, number)) for number in range(1, 21)]
    gate.set()

    assert [future.result(5).seq for future in futures] == list(range(1, 21))
    assert journal.commits == 1


def test_one_intent_takes_five_statements(account, journal):
    journal.write(a_batch(account, 1)).result(5)
    statements = journal.run(_watch).result(5)

    journal.write(a_batch(account, 2)).result(5)

    seen = [text for text in statements if not text.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))]
    assert len(seen) == 2, seen  # the lease is read, the row is written


def _watch():
    statements = []
    connection.execute_wrappers.append(
        lambda execute, sql, params, many, context: (statements.append(sql), execute(sql, params, many, context))[1]
    )
    return statements


def test_refuses_a_stale_token_and_writes_the_rest_of_the_group(account, owner, journal):
    other = an_account(owner, code="CD5678", token=4)
    Lease.objects.filter(account=account).update(token=2)

    stale = journal.write(a_batch(account, 1))
    current = journal.write(a_batch(other, 1, token=4))

    assert current.result(5).seq == 1
    with pytest.raises(StaleToken):
        stale.result(5)
    assert not JournalEvent.objects.filter(account=account).exists()


def test_continues_the_chain_after_another_owner_wrote(account, journal, tmp_path):
    journal.write(a_batch(account, 1)).result(5)
    Lease.objects.filter(account=account).update(token=2)
    journal.write(a_batch(account, 2, token=2)).result(5)

    assert verify_chain(str(account.pk), journal.tips_file).seq == 2


def test_a_batch_that_cannot_be_projected_fails_alone(account, owner, journal):
    import threading

    other = an_account(owner, code="CD5678")
    gate = threading.Event()
    journal.run(lambda: gate.wait(5))
    broken = journal.write(replace(a_batch(account), records=(a_record(1, kind="fill"),)))
    whole = journal.write(a_batch(other, 1))
    gate.set()

    assert whole.result(5).seq == 1
    with pytest.raises(DataError):
        broken.result(5)


def test_writes_once_though_the_connection_is_lost_before_the_commit(account, journal, monkeypatch):
    from execution import journal as module

    project, calls = module.project, []

    def lose_the_first(written):
        calls.append(written)
        if len(calls) == 1:
            raise OperationalError("the server went away")
        project(written)

    monkeypatch.setattr(module, "project", lose_the_first)

    assert journal.write(a_batch(account, 1)).result(10).seq == 1
    assert (len(calls), JournalEvent.objects.count()) == (2, 1)


def test_writes_once_though_the_answer_to_the_commit_is_lost(account, journal, monkeypatch):
    commit, lost = journal._commit, []

    def lose_the_answer(group):
        outcomes = commit(group)
        if not lost:
            lost.append(outcomes)
            raise OperationalError("the server went away after the commit")
        return outcomes

    monkeypatch.setattr(journal, "_commit", lose_the_answer)

    assert journal.write(a_batch(account, 1, 2)).result(10).seq == 2
    assert JournalEvent.objects.count() == 2


@pytest.mark.parametrize("change", [{"payload": {"client_id": "other"}}, {"kind": "sent"}, {"lease_token": 9}])
def test_verification_finds_a_changed_row(account, journal, change):
    journal.write(a_batch(account, 1, 2, 3)).result(5)
    append_only.release(connection)
    JournalEvent.objects.filter(account=account, seq=2).update(**change)

    with pytest.raises(DataError, match="row 2"):
        verify_chain(str(account.pk), journal.tips_file)


def test_verification_finds_a_cut_tail(account, journal):
    journal.write(a_batch(account, 1, 2, 3)).result(5)
    journal.stop()
    append_only.release(connection)
    JournalEvent.objects.filter(account=account, seq=3).delete()

    with pytest.raises(DataError, match="ends at 2, but 3 was anchored"):
        verify_chain(str(account.pk), journal.tips_file)


def test_verification_finds_a_chain_that_was_written_anew(account, journal, tmp_path):
    journal.write(a_batch(account, 1)).result(5)
    journal.stop()
    append_only.release(connection)
    JournalEvent.objects.filter(account=account).delete()
    from execution.journal import Journal

    forger = Journal(tips_file=tmp_path / "elsewhere.jsonl")
    forger.start()
    forger.write(a_batch(account, 2)).result(5)
    forger.stop()

    with pytest.raises(DataError, match="rewritten"):
        verify_chain(str(account.pk), journal.tips_file)


@pytest.mark.parametrize("act", ["update", "delete"])
def test_the_database_refuses_to_touch_a_journal_row(account, journal, act):
    journal.write(a_batch(account, 1)).result(5)
    rows = JournalEvent.objects.filter(account=account)

    with pytest.raises(DatabaseError, match="append-only"):
        rows.update(kind="sent") if act == "update" else rows.delete()

    assert rows.get().kind == "look_up"


def test_what_follows_a_lost_batch_of_the_same_owner_is_refused(account, journal, monkeypatch):
    import threading

    from execution import journal as module

    project, gate = module.project, threading.Event()

    def refuse_the_second(written):
        parts = list(written)
        if any(link.payload["client_id"].endswith("2") for part in parts for link in part.links):
            raise DatabaseError("a value is out of range")
        project(parts)

    monkeypatch.setattr(module, "project", refuse_the_second)
    journal.run(lambda: gate.wait(5))
    first, lost, behind = (journal.write(a_batch(account, number)) for number in (1, 2, 3))
    gate.set()

    assert first.result(5).seq == 1
    with pytest.raises(DatabaseError):
        lost.result(5)
    with pytest.raises(DataError, match="earlier batch"):
        behind.result(5)
    with pytest.raises(DataError, match="earlier batch"):
        journal.write(a_batch(account, 4)).result(5)
    assert JournalEvent.objects.count() == 1

    Lease.objects.filter(account=account).update(token=2)
    assert journal.write(a_batch(account, 5, token=2)).result(5).seq == 2


def test_a_disk_that_refuses_the_anchors_does_not_stop_the_journal(account, journal, monkeypatch):
    from execution import anchors

    def full(*_):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(anchors.os, "write", full)

    assert journal.write(a_batch(account, 1)).result(5).seq == 1
    assert journal.write(a_batch(account, 2)).result(5).seq == 2
