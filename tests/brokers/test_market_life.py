"""The operator's facts: files of them, rows in the admin, and what the gate and the calendar make of them."""

from datetime import date, timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from accounts.models import AuditEvent
from brokers import market_life
from brokers.domain.calendar import ALWAYS_OPEN, Phase, Segment
from brokers.domain.market_life import RestrictionKind
from brokers.listings_sync import list_refused
from brokers.market_life_load import BadFile, facts_in, market_life_load
from brokers.market_models import ContractTerm, MarketDay, MarketFacts, SessionHours, TradingRestriction
from brokers.models import ListedInstrument
from tests.brokers.domain.test_calendar import LATER, at
from tests.people import NOON, a_desk, a_user, an_account
from tests.risk.builders import an_instrument, an_option

pytestmark = pytest.mark.django_db

HEADER = "kind,exchange,symbol,from,until,quantity,source,note\n"
FILE = (
    HEADER
    + """ban,NFO,SAIL,2026-11-23,2026-11-23,,NSE list of 2026-11-20,
asm,NSE,ABCL,2026-11-02,,,NSE/SURV/1,stage 1
freeze,NFO,NIFTY,2026-12-01,,2400,NSE/FAOP/80000,
lot,NFO,NIFTY,2026-12-01,,50,NSE/FAOP/80001,

holiday,,,2026-12-08,,,NSE/CMTR/9,election
year,,,2027,,,NSE/CMTR/10,
holiday,,,2027-01-26,,,NSE/CMTR/10,Republic Day
"""
)


def load(text=FILE):
    return market_life_load(text=text, by=None, at=NOON)


def test_a_file_of_facts_is_loaded_and_noted():
    before = market_life.life_version("kite", day=NOON.date())

    assert load() == 7

    rules, calendar = market_life.market_rules(), market_life.market_calendar()
    assert [(r.kind, r.symbol, r.until) for r in rules.restrictions] == [
        (RestrictionKind.BAN, "SAIL", date(2026, 11, 23)),
        (RestrictionKind.ASM, "ABCL", None),
    ]
    december = rules.on(an_option(lot=0), date(2026, 12, 2))
    assert (december.freeze_quantity, december.lot_size) == (2400, 50)
    assert not calendar.is_trading_day(date(2026, 12, 8))
    assert not calendar.is_trading_day(date(2027, 1, 26))
    assert market_life.life_version("kite", day=NOON.date()) != before
    assert AuditEvent.objects.filter(action="market.load").count() == 1


def test_a_file_may_be_loaded_again():
    load()
    load(FILE.replace(",2400,", ",2500,"))

    assert TradingRestriction.objects.count() == 2
    assert market_life.market_rules().on(an_option(), date(2026, 12, 2)).freeze_quantity == 2500


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("bann,NFO,SAIL,2026-11-23,,,s,", "line 3: 'bann' is no kind; the kinds are asm, ban,"),
        ("ban,NFO,SAIL,23-11-2026,,,s,", "line 3: from must be a day such as 2026-11-23, not '23-11-2026'"),
        ("ban,NFO,SAIL,2026-11-23,2026-11-20,,s,", "line 3: until 2026-11-20 is before from 2026-11-23"),
        ("ban,NSE,SAIL,2026-11-23,,,s,", "line 3: a ban is of futures and options, at NFO or BFO, not NSE"),
        ("asm,NFO,SAIL,2026-11-23,,,s,", "line 3: asm is a list of shares, at NSE or BSE, not NFO"),
        ("ban,XX,SAIL,2026-11-23,,,s,", "line 3: 'XX' is no exchange"),
        ("ban,NFO,,2026-11-23,,,s,", "line 3: the symbol is missing"),
        ("ban,NFO,SAIL,2026-11-23,,,,", "line 3: the source is missing"),
        ("freeze,NFO,NIFTY,2026-11-23,,1.5,s,", "line 3: quantity must be a whole number above 0, not '1.5'"),
        ("freeze,NFO,NIFTY,2026-11-23,,0,s,", "line 3: quantity must be a whole number above 0, not '0'"),
        ("freeze,NFO,NIFTY,2026-11-23,,²,s,", "line 3: quantity must be a whole number above 0"),
        ("year,,,next,,,s,", "line 3: from must be a year, not 'next'"),
        ("ban,NFO,SAIL,2026-11-23,,,s,,,", "line 3: 10 cells, the header has 8"),
        (f"ban,NFO,{'X' * 65},2026-11-23,,,s,", "line 3: symbol is too long"),
        ("ban,NFO,GOOD,2026-11-01,,,s,", "line 3: says the same as line 2"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_nothing_is_loaded(row, sentence):
    with pytest.raises(BadFile) as bad:
        load(f"{HEADER}ban,NFO,GOOD,2026-11-01,,,s,\n{row}\n")

    assert sentence in bad.value.message
    assert not TradingRestriction.objects.exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: column 'kind' is missing"),
        ("kind,from,sourse\n", "line 1: unknown column 'sourse'"),
        (HEADER, "the file has no rows"),
        (HEADER + "\n\n", "the file has no rows"),
    ],
)
def test_a_file_without_rows_or_columns_says_so(text, sentence):
    with pytest.raises(BadFile, match=sentence):
        facts_in(text)


def test_many_errors_are_told_and_counted():
    with pytest.raises(BadFile) as bad:
        facts_in(HEADER + "x,,,,,,,\n" * 30)

    assert len(bad.value.errors) == 30
    assert bad.value.message.endswith("and 10 more")


def test_the_command_loads_a_file(tmp_path, capsys):
    file = tmp_path / "facts.csv"
    file.write_text(FILE)

    call_command("market_life_load", str(file))

    assert "7 rows are loaded" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"kind\n", "nothing was loaded"), (b"\xff\xfe\xff", "cannot be read")]
)
def test_the_command_says_what_is_wrong(tmp_path, content, sentence):
    file = tmp_path / "facts.csv"
    file.write_bytes(content)

    with pytest.raises(CommandError, match=sentence):
        call_command("market_life_load", str(file))


@pytest.fixture
def shipped():
    """What the installation enters, also after a test that emptied every table."""
    import_module("brokers.migrations.0004_freeze_quantities_and_december_hours").enter(apps, None)


def test_the_shipped_freeze_quantities_are_rows(shipped):
    rules = market_life.market_rules()

    assert rules.on(an_option(), date(2026, 11, 23)).freeze_quantity == Decimal(1800)
    assert rules.on(an_option("BFO:SENSEX26NOV82000CE"), date(2026, 11, 23)).freeze_quantity is None
    assert rules.on(an_instrument(), date(2026, 11, 23)).freeze_quantity == Decimal(100_000)


def test_decembers_hours_wait_for_a_confirmation_in_the_admin(shipped):
    assert market_life.market_calendar().phase(Segment.NSE_DERIVATIVES, at(LATER, "15:44")) is Phase.CLOSED

    SessionHours.objects.filter(effective_from=LATER).update(is_confirmed=True)

    assert market_life.market_calendar().phase(Segment.NSE_DERIVATIVES, at(LATER, "15:44")) is Phase.CONTINUOUS


def test_unconfirmed_hours_are_a_concern_from_a_week_before_they_begin():
    def concerns(day, *, is_simulated=False):
        return market_life.market_life("kite", day=day, is_simulated=is_simulated).concerns

    assert concerns(LATER - timedelta(days=8)) == {}
    assert {kind for kind, _ in concerns(LATER - timedelta(days=7))} == {"hours"}
    assert concerns(LATER, is_simulated=True) == {}


def test_a_refused_list_is_a_concern_of_its_venue():
    list_refused(account=an_account(a_desk()), reason="the venue's list is empty", at=NOON)

    concerns = market_life.market_life("kite", day=NOON.date(), is_simulated=False).concerns

    assert "the venue's list is empty" in concerns["instruments", "kite"]
    assert market_life.market_life("aster", day=NOON.date(), is_simulated=False).concerns == {}


def test_lists_of_a_day_are_told_with_their_names():
    load()

    assert [row["label"] for row in market_life.restrictions_on(date(2026, 11, 23))] == [
        "additional surveillance (ASM)",
        "F&O ban period",
    ]
    assert len(market_life.restrictions_on(date(2026, 11, 24))) == 1


@pytest.fixture
def operator(client):
    user = a_user()
    user.is_staff = user.is_superuser = True
    user.save()
    client.get("/health")  # the first request loads what binds a session to its person
    client.force_login(user)
    return client


def version():
    return MarketFacts.objects.values_list("version", flat=True).first() or 0


def test_a_row_entered_changed_and_taken_away_in_the_admin_reaches_the_desks(operator):
    pages = "/admin/brokers/contractterm"
    form = {
        "exchange": "BFO",
        "underlying": "SENSEX",
        "effective_from": "2026-11-02",
        "freeze_quantity": 1000,
        "source": "BSE",
    }

    operator.post(f"{pages}/add/", form)
    row = ContractTerm.objects.get(underlying="SENSEX")
    entered = version()
    operator.post(f"{pages}/{row.pk}/change/", {**form, "freeze_quantity": 900})
    operator.post(f"{pages}/{row.pk}/delete/", {"post": "yes"})

    assert (entered, version()) == (1, 3)
    actions = (
        AuditEvent.objects.filter(action__startswith="market.").order_by("at", "seq").values_list("action", flat=True)
    )
    assert list(actions) == ["market.enter", "market.change", "market.delete"]
    assert not ContractTerm.objects.filter(underlying="SENSEX").exists()


@pytest.mark.parametrize(
    "table",
    [
        "tradingrestriction",
        "contractterm",
        "marketday",
        "marketyear",
        "sessionhours",
        "instrumentlist",
        "instrumentchange",
    ],
)
def test_every_table_has_its_page(operator, table):
    assert operator.get(f"/admin/brokers/{table}/").status_code == 200


def test_hours_out_of_order_are_refused_in_the_admin(operator):
    form = {
        "segment": "NFO",
        "effective_from": "2027-01-01",
        "pre_open": "09:00",
        "open": "09:15",
        "continuous_end": "15:30",
        "entry_cutoff": "15:00",
        "square_off": "15:31",
        "source": "a slip",
    }

    answer = operator.post("/admin/brokers/sessionhours/add/", form)

    assert answer.status_code == 200
    assert not SessionHours.objects.filter(effective_from=date(2027, 1, 1)).exists()


def list_perpetual(symbol, status):
    return ListedInstrument.objects.create(
        venue="aster",
        exchange="ASTER",
        symbol=symbol,
        token=len(symbol) * 100 + len(status),
        kind="PERP",
        name=symbol,
        tick_size="0.1",
        lot_size=1,
        segment="PERP",
        status=status,
        listed_on=NOON.date(),
    )


def test_a_venue_of_perpetuals_never_closes_whatever_the_operator_entered():
    MarketDay.objects.create(day=NOON.date(), is_open=False, source="an election")

    assert market_life.calendar_of("aster") is ALWAYS_OPEN
    assert not market_life.calendar_of("kite").is_trading_day(NOON.date())


def test_contracts_that_leave_are_named_with_the_venues_word_and_others_are_not():
    for symbol, status in (("A", "TRADING"), ("BB", "SETTLING"), ("CCC", "PENDING_TRADING"), ("DDDD", "CLOSE")):
        list_perpetual(symbol, status)

    life = market_life.market_life("aster", day=NOON.date(), is_simulated=False)

    assert life.rules.leaving == {"ASTER:BB": "SETTLING", "ASTER:DDDD": "CLOSE"}
    assert market_life.market_life("kite", day=NOON.date(), is_simulated=True).rules.leaving == {}
