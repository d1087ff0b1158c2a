"""What a scan shows: movers, triggers, breadth, one stock, and the lists that can be scanned."""

from datetime import date
from unittest.mock import patch

import pytest
from rest_framework.test import APIClient

from analysis.domain.adjustments import ActionKind, CorporateAction, Rename
from analysis.domain.documents import GRADES
from analysis.domain.measures import Measures
from analysis.domain.trigger_words import TRIGGER_WORDS
from analysis.domain.triggers import fired
from analysis.lists import actions_take, renames_take
from analysis.models import ListMember
from analysis.own_models import StockNote, Watchlist
from tests.analysis.candles import walk
from tests.analysis.desks import NOW, client_of, scanned, stored
from tests.people import a_desk, a_listed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker():
    with patch("accounts.outbox.outbox_send"):
        yield


@pytest.fixture
def desk():
    return a_desk()


@pytest.fixture
def owner(desk):
    return desk.memberships.get().user


@pytest.fixture
def client(owner):
    return client_of(owner)


def test_every_trigger_has_words():
    names = {one.name for one in fired(Measures(walk("A", 1, bars=400)))}

    assert names == set(TRIGGER_WORDS)


def test_movers_are_the_rows_in_the_order_of_their_moves(desk, client):
    stored(symbols=[f"S{number}" for number in range(9)], MINE=[f"S{number}" for number in range(9)])
    run = scanned(desk, "MINE")

    board = client.get("/api/analysis/movers?days=20&universe=MINE&count=3").json()

    moves = {row["symbol"]: row["moves"]["20d"] for row in run.results}
    rising = sorted((symbol for symbol in moves if moves[symbol] > 0), key=lambda symbol: -moves[symbol])
    assert board["span"] == "20d"
    assert [row["symbol"] for row in board["gainers"]] == rising[:3]
    assert [row["change"] for row in board["losers"]] == sorted(move for move in moves.values() if move < 0)[:3]
    assert {row["sector"] for row in board["gainers"]} == {"METAL"}
    assert board["too_short"] == []


def test_who_is_too_young_for_a_span_is_named_and_not_dropped(desk, client):
    stored(symbols=["OLD"], bars=300)
    stored(symbols=["NEW"], bars=300)
    stored(symbols=["BABY"], bars=40, YOUNG=["BABY", "GONE"])
    scanned(desk, "YOUNG")

    board = client.get("/api/analysis/movers?days=60").json()

    assert board["too_short"] == ["NSE:BABY"]
    assert {(one["symbol"], one["cause"]) for one in board["remarks"]} == {
        ("NSE:BABY", "too_short"),
        ("NSE:GONE", "no_candles"),
    }


def test_triggers_are_listed_by_strength_and_kept_by_name_and_side(desk, client):
    stored(symbols=[f"S{number}" for number in range(12)])
    run = scanned(desk)
    every = [(row["symbol"], one["name"]) for row in run.results for one in row["triggers"]]

    board = client.get("/api/analysis/triggers").json()
    name = board["names"][0]["name"]
    kept = client.get(f"/api/analysis/triggers?name={name}").json()
    bullish = client.get("/api/analysis/triggers?side=bullish").json()

    assert every
    assert {(row["symbol"], row["name"]) for row in board["results"]} == set(every)
    assert board["count"] == sum(one["count"] for one in board["names"]) == len(every)
    strengths = [row["strength"] for row in board["results"]]
    assert strengths == sorted(strengths, reverse=True)
    assert {row["name"] for row in kept["results"]} == {name}
    assert {row["side"] for row in bullish["results"]} <= {"bullish"}
    assert all(row["text"] for row in board["results"])


def test_breadth_counts_every_row_once(desk, client):
    stored(symbols=[f"S{number}" for number in range(6)], MINE=[f"S{number}" for number in range(6)])
    scanned(desk, "MINE")

    board = client.get("/api/analysis/breadth").json()

    breadth = board["breadth"]
    assert breadth["members"] == 6 == breadth["advances"] + breadth["declines"] + breadth["unchanged"]
    assert sum(board["stages"].values()) == sum(board["grades"].values()) == 6
    assert list(board["grades"]) == [*GRADES, "none"]
    assert [sector["name"] for sector in board["sectors"]] == ["METAL"]


@pytest.mark.parametrize("path", ["movers", "triggers", "breadth", "results"])
def test_before_the_first_scan_every_board_is_empty_and_says_so(client, path):
    board = client.get(f"/api/analysis/{path}").json()

    assert board["id"] is None
    assert board["remarks"] == []
    assert board["source"] == "stored candles"


@pytest.mark.parametrize("path", ["movers", "triggers", "breadth", "results"])
def test_a_list_that_does_not_exist_is_named_everywhere(client, path):
    answer = client.get(f"/api/analysis/{path}?universe=NIFTY 5000")

    assert answer.status_code == 404
    assert answer.json()["error"]["field"] == "universe"


def test_another_desk_sees_none_of_the_boards(desk):
    stored()
    scanned(desk)
    stranger = client_of(a_desk().memberships.get().user)

    for path in ("movers", "triggers", "breadth"):
        assert stranger.get(f"/api/analysis/{path}").json()["id"] is None


def test_a_stock_shows_prices_of_today_and_lines_that_fit_them(desk, client):
    stored(symbols=["A", "B"])
    series = walk("A", 0, bars=300)
    raw_close = round(float(series.close[-1]), 2)
    actions_take(
        actions=[CorporateAction(symbol="NSE:A", ex_date=date(2024, 6, 3), factor=2.0, kind=ActionKind.SHARES)],
        source="test",
    )
    run = scanned(desk)

    stock = client.get("/api/analysis/stock?instrument=NSE:A").json()

    judged = next(row for row in run.results if row["symbol"] == "NSE:A")
    assert stock["judged"] == judged
    assert stock["reason"] is None
    assert stock["bars"][-1][4] == pytest.approx(raw_close)
    assert stock["bars"][0][4] == pytest.approx(float(series.close[0]) / 2, rel=1e-6)
    assert judged["volume"] == pytest.approx(series.volume[-1]) == stock["bars"][-1][5]
    assert stock["actions"] == [{"ex_date": "2024-06-03", "factor": 2.0, "kind": "shares"}]
    average = next(check for check in judged["checks"] if check["check"] == "above_average_50")
    assert stock["indicators"]["sma_50"][-1] == pytest.approx(average["threshold"], rel=1e-6)
    assert {len(column) for column in stock["indicators"].values()} == {len(stock["bars"])}
    assert len(stock["stage_by_bar"]) == len(stock["bars"]) == 300


def test_a_stock_that_could_not_be_judged_says_why(desk, client):
    stored(symbols=["A"])
    stored(symbols=["BABY"], bars=40, MINE=["A", "BABY", "GONE"])
    before = client.get("/api/analysis/stock?instrument=NSE:BABY").json()
    scanned(desk, "MINE")

    baby = client.get("/api/analysis/stock?instrument=NSE:BABY&days=10").json()
    gone = client.get("/api/analysis/stock?instrument=NSE:GONE").json()

    assert before["reason"] == "Nothing has been scanned yet."
    assert "of the 253 days" in baby["reason"] or "Last traded" in baby["reason"]
    assert len(baby["bars"]) == 10
    assert gone["bars"] == []
    assert "No candles" in gone["reason"]
    assert client.get("/api/analysis/stock?instrument=NSE:NOBODY").status_code == 404


def test_a_stock_that_changed_its_name_is_found_by_either(desk, client):
    stored(symbols=["OLD"])
    renames_take(renames=[Rename(old="NSE:OLD", new="NSE:NEW", on=date(2026, 1, 1))])
    scanned(desk)

    found = client.get("/api/analysis/stock?instrument=NSE:OLD").json()

    assert found["instrument"] == "NSE:NEW"
    assert found["former_names"] == [{"name": "NSE:OLD", "until": "2026-01-01"}]
    assert len(found["bars"]) == 300


def test_a_stock_outside_the_scanned_list_says_so(desk, client):
    stored(symbols=["A", "B"], MINE=["A"])
    scanned(desk, "MINE")

    assert "no member of MINE" in client.get("/api/analysis/stock?instrument=NSE:B").json()["reason"]


def test_notes_are_the_desks_own(desk, owner, client):
    stored(symbols=["A"])
    made = client.post("/api/analysis/notes", {"instrument": "nse:a", "text": " Results on Friday "}, format="json")
    stranger = client_of(a_desk().memberships.get().user)
    path = "/api/analysis/stock?instrument=NSE:A"

    assert made.status_code == 201
    assert [note["text"] for note in client.get(path).json()["notes"]] == ["Results on Friday"]
    assert stranger.get(path).json()["notes"] == []
    assert stranger.delete(f"/api/analysis/notes?id={made.json()['id']}").status_code == 404
    assert client.delete(f"/api/analysis/notes?id={made.json()['id']}").status_code == 200
    assert not StockNote.objects.exists()


def test_universes_are_lists_watchlists_derived_lists_and_everything(desk, owner, client):
    stored(symbols=["RELIANCE", "TCS"], MINE=["RELIANCE", "GONE"])
    a_listed("RELIANCE")
    a_listed("RELIANCE26NOVFUT", exchange="NFO", kind="FUT", name="RELIANCE")
    a_listed("BTCUSDT", venue="aster", exchange="ASTER", kind="PERP")
    own = Watchlist.objects.create(
        desk=desk, name="Swing", instruments=["NSE:TCS"], created_by=owner, created_at=NOW, changed_at=NOW
    )
    scanned(desk, "MINE")

    rows = {row["key"]: row for row in client.get("/api/analysis/universes").json()["results"]}

    assert {key: (row["kind"], row["members"], row["with_candles"]) for key, row in rows.items()} == {
        "MINE": ("index", 2, 1),
        "F&O": ("derived", 1, 1),
        "Crypto perps": ("derived", 1, 0),
        f"list:{own.id.hex}": ("own", 1, 1),
        "all": ("all", 2, 2),
    }
    assert rows["MINE"]["scanned_at"] is not None
    assert rows["all"]["scanned_at"] is None


@pytest.mark.parametrize("key", ["F&O", "watchlist", "all"])
def test_every_kind_of_list_can_be_scanned(desk, owner, client, key):
    stored(symbols=["RELIANCE", "TCS"])
    ListMember.objects.create(universe="X", instrument="NSE:RELIANCE", sector="ENERGY")
    a_listed("RELIANCE")
    a_listed("RELIANCE26NOVFUT", exchange="NFO", kind="FUT", name="RELIANCE")
    if key == "watchlist":
        one = Watchlist.objects.create(
            desk=desk, name="Own", instruments=["NSE:RELIANCE"], created_by=owner, created_at=NOW, changed_at=NOW
        )
        key = f"list:{one.id.hex}"

    asked = client.post("/api/analysis/scan", {"universe": key}, format="json")
    scanned(desk, key)
    found = client.get("/api/analysis/results", {"universe": key}).json()

    assert asked.status_code == 202
    assert found["universe"] == key
    assert "NSE:RELIANCE" in {row["symbol"] for row in found["results"]}
    assert {row["sector"] for row in found["results"] if row["symbol"] == "NSE:RELIANCE"} == {"ENERGY"}


def test_a_watchlist_of_another_desk_is_no_list(desk, client):
    other = a_desk()
    stored(symbols=["A"])
    theirs = Watchlist.objects.create(desk=other, name="Theirs", instruments=["NSE:A"], created_at=NOW, changed_at=NOW)

    for call in (
        client.post("/api/analysis/scan", {"universe": f"list:{theirs.id.hex}"}, format="json"),
        client.get(f"/api/analysis/results?universe=list:{theirs.id.hex}"),
        client.get("/api/analysis/results?universe=list:nonsense"),
    ):
        assert call.status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "movers?days=2",
        "movers?limit=1",
        "movers?count=0",
        "triggers?side=up",
        "breadth?x=1",
        "stock",
        "stock?instrument=NSE:A&bars=3",
        "universes?x=1",
        "notes?x=1",
    ],
)
def test_what_is_not_understood_is_refused(client, path):
    method = client.delete if path.startswith("notes") else client.get
    answer = method(f"/api/analysis/{path}")

    assert answer.status_code == 400
    assert answer.json()["error"]["field"]


@pytest.mark.parametrize("path", ["movers", "triggers", "breadth", "stock?instrument=NSE:A", "universes", "rules"])
def test_nobody_is_answered_without_a_key(path):
    assert APIClient().get(f"/api/analysis/{path}").status_code == 401


def test_made_candles_are_labelled_as_the_demos(desk, client):
    stored(symbols=["A"], source="demo")
    scanned(desk)

    assert client.get("/api/analysis/results").json()["source"] == "demo"
    assert client.get("/api/analysis/stock?instrument=NSE:A").json()["source"] == "demo"


def test_boards_ask_the_database_a_fixed_number_of_times(desk, client, django_assert_max_num_queries):
    stored(symbols=[f"S{number}" for number in range(8)], MINE=[f"S{number}" for number in range(8)])
    scanned(desk, "MINE")

    for path in ("movers", "triggers", "breadth", "stock?instrument=NSE:S1", "universes"):
        with django_assert_max_num_queries(14):
            client.get(f"/api/analysis/{path}")
