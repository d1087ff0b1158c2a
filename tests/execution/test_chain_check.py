"""The chain checked link by link, and carried out of the database with every hash it had."""

from io import StringIO

import duckdb
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from execution import append_only
from execution.chain_check import check_database, check_file, export
from execution.models import JournalEvent
from tests.execution.test_journal import a_batch


@pytest.fixture
def rows(account, journal):
    journal.write(a_batch(account, 1, 2, 3, 4)).result(5)
    journal.stop()
    return JournalEvent.objects.filter(account=account)


@pytest.fixture
def forged(rows):
    """Let rows be changed as a thief with the database's own rights would."""
    append_only.release(connection)
    return rows


def broken(account, journal):
    return check_database(str(account.pk), journal.tips_file).broken


def test_a_whole_chain_is_whole(rows, account, journal):
    found = check_database(str(account.pk), journal.tips_file)

    assert (found.broken, found.tip.seq) == ("", 4)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rows: rows.filter(seq=2).delete(), "row 2 is missing: after row 1 comes row 3"),
        (lambda rows: rows.filter(seq=3).update(kind="fill"), "row 3 was changed"),
        (lambda rows: rows.filter(seq=3).update(previous_hash="f" * 64), "row 3 does not follow row 2"),
        (lambda rows: rows.filter(seq=4).delete(), "ends at 3, but 4 was anchored"),
    ],
)
def test_the_first_broken_link_is_named(forged, account, journal, spoil, said):
    spoil(forged)

    assert said in broken(account, journal)


def test_the_command_says_what_holds_and_fails_where_a_link_is_broken(rows, account, settings, tmp_path):
    settings.WINDHOVER_STATE = tmp_path
    said = StringIO()

    call_command("journal", "verify", stdout=said)
    assert "4 rows hold, whole" in said.getvalue()

    append_only.release(connection)
    rows.filter(seq=3).update(kind="fill")
    with pytest.raises(CommandError, match="1 of 1 journals are broken"):
        call_command("journal", "verify", "--account", str(account.pk), stdout=said)
    assert "2 rows hold, broken: row 3 was changed" in said.getvalue()


def test_an_unknown_account_is_no_whole_journal(db):
    with pytest.raises(CommandError, match="There is no account"):
        call_command("journal", "verify", "--account", "00000000-0000-0000-0000-000000000000")


def test_what_is_exported_holds_by_itself(rows, account, tmp_path):
    said = StringIO()
    call_command("journal", "export", str(tmp_path / "kept"), stdout=said)
    file = tmp_path / "kept" / f"journal-{account.pk}.parquet"

    found = check_file(file)

    assert (found.broken, found.tip.seq, found.tip.hash) == ("", 4, rows.get(seq=4).hash)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    call_command("journal", "check", str(file), stdout=said)
    assert said.getvalue().count("4 rows") == 2
    assert "A file alone cannot show that its end was cut" in said.getvalue()


def test_a_file_whose_end_was_cut_is_found_by_the_tips_alone(rows, account, journal, tmp_path):
    file, cut = tmp_path / "journal.parquet", tmp_path / "cut.parquet"
    export(str(account.pk), file, journal.tips_file)
    duckdb.sql(f"COPY (FROM '{file}' WHERE seq < 4) TO '{cut}' (FORMAT PARQUET)")
    said = StringIO()

    with pytest.raises(CommandError, match="1 of 1"):
        call_command("journal", "check", str(cut), "--tips", str(journal.tips_file), stdout=said)

    assert "ends at 3, but 4 was anchored" in said.getvalue()
    assert "A file alone" not in said.getvalue()
    assert (check_file(cut).broken, check_file(file, journal.tips_file).broken) == ("", "")
    with pytest.raises(CommandError, match="There is no file"):
        call_command("journal", "check", str(cut), "--tips", str(tmp_path / "none"))


def test_a_journal_whose_end_was_cut_is_not_exported(forged, account, journal, settings, tmp_path):
    settings.WINDHOVER_STATE = journal.tips_file.parent
    journal.tips_file.rename(tmp_path / "journal-tips.jsonl")
    forged.filter(seq=4).delete()
    said = StringIO()

    with pytest.raises(CommandError, match="1 of 1"):
        call_command("journal", "export", str(tmp_path / "kept"), stdout=said)

    assert "ends at 3, but 4 was anchored" in said.getvalue()
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_changed_file_is_found(rows, account, journal, tmp_path):
    file, other = tmp_path / "journal.parquet", tmp_path / "other.parquet"
    export(str(account.pk), file, journal.tips_file)
    changed = "SELECT * REPLACE (CASE seq WHEN 2 THEN '{}' ELSE payload END AS payload)"
    duckdb.sql(f"COPY ({changed} FROM '{file}') TO '{other}' (FORMAT PARQUET)")

    assert check_file(other).broken.startswith("row 2 was changed")


def test_a_broken_chain_is_not_exported(forged, account, tmp_path):
    forged.filter(seq=2).update(kind="fill")
    said = StringIO()

    with pytest.raises(CommandError, match="1 of 1"):
        call_command("journal", "export", str(tmp_path / "kept"), stdout=said)

    assert "not written" in said.getvalue()
    assert list((tmp_path / "kept").iterdir()) == []
