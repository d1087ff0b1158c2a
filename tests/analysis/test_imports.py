"""The operator's commands: files in, one sentence out, and nothing half taken."""

import zipfile
from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from analysis.candles import candles_of, universe_named
from analysis.models import CandleYear, ChangedName, ListedAction, ListMember
from tests.analysis.test_candle_store import FULL, UDIFF

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command(*map(str, arguments), stdout=out)
    return out.getvalue()


def a_file(tmp_path, text, name="file.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_bhavcopies_are_taken_and_refused_rows_told(tmp_path):
    said = run("candles_import", a_file(tmp_path, FULL))

    assert said.startswith("file.csv: 1 instruments, 1 days added, 0 changed, 0 there already, 1 rows refused.")
    assert "line 4" in said
    assert candles_of()["NSE:ABC"].close.tolist() == [105.0]


def test_a_zipped_bhavcopy_is_taken(tmp_path):
    path = tmp_path / "BhavCopy.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BhavCopy.csv", UDIFF)

    assert "1 days added" in run("candles_import", path)
    assert "1 there already" in run("candles_import", path)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "symbol,date,open\n"])
def test_a_file_of_something_else_stops_the_command(tmp_path, text):
    with pytest.raises(CommandError, match="no column"):
        run("candles_import", a_file(tmp_path, text))
    assert not CandleYear.objects.exists()


def test_a_file_that_is_not_there_or_no_archive_is_said(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        run("candles_import", tmp_path / "none.csv")
    with pytest.raises(CommandError, match="not a zip"):
        run("candles_import", a_file(tmp_path, "x", "x.zip"))


def test_members_replace_a_list_whole(tmp_path):
    first = a_file(tmp_path, "symbol,since,until,sector\nA,2025-01-01,,Metals\nBSE:B,,2025-06-30,\n")
    assert "2 members kept" in run("analysis_list", "members", first, "--universe", "MINE")

    universe = universe_named("MINE")
    assert universe is not None
    assert universe.on(date(2025, 3, 1)).symbols == ("BSE:B", "NSE:A")
    assert universe.on(date(2025, 7, 1)).symbols == ("NSE:A",)

    run(
        "analysis_list",
        "members",
        a_file(tmp_path, "Company Name,Industry,Symbol\nC Ltd.,Oil,C\n"),
        "--universe",
        "MINE",
    )
    assert list(ListMember.objects.values_list("instrument", "sector")) == [("NSE:C", "Oil")]


def test_actions_and_names_are_kept_and_corrected(tmp_path):
    run("analysis_list", "actions", a_file(tmp_path, "symbol,ex_date,factor\nA,2025-01-10,2\nB,2025-01-10,1.05\n"))
    run("analysis_list", "actions", a_file(tmp_path, "symbol,ex_date,factor,kind\nA,2025-01-10,5,shares\n"))
    run("analysis_list", "names", a_file(tmp_path, "old,new,on\nOLD,NEW,2025-01-10\n"))

    kept = {(row.instrument, row.factor, row.kind) for row in ListedAction.objects.all()}
    assert kept == {("NSE:A", 5.0, "shares"), ("NSE:B", 1.05, "value")}
    assert list(ChangedName.objects.values_list("old", "new")) == [("NSE:OLD", "NSE:NEW")]


@pytest.mark.parametrize(
    ("what", "text", "reason"),
    [
        ("members", "name\nA\n", "no column for symbol"),
        ("members", "symbol,since\nA,yesterday\n", "line 2"),
        ("members", "symbol\n", "no members"),
        ("actions", "symbol,ex_date,factor\nA,2025-01-10,2\nB,2025-01-10,0\n", "positive"),
        ("actions", "symbol,ex_date,factor\nA,2025-01-10,two\n", "line 2"),
        ("names", "old,new,on\nA,,2025-01-10\n", "line 2"),
    ],
)
def test_a_line_that_cannot_be_read_keeps_nothing(tmp_path, what, text, reason):
    with pytest.raises(CommandError, match=reason):
        run("analysis_list", what, a_file(tmp_path, text), "--universe", "MINE")

    assert not ListMember.objects.exists()
    assert not ListedAction.objects.exists()


def test_members_need_the_name_of_their_list(tmp_path):
    with pytest.raises(CommandError, match="--universe"):
        run("analysis_list", "members", a_file(tmp_path, "symbol\nA\n"))
