"""Every sample file of Kite's is read, whole: what it says stands in typed fields, and nothing of it is lost."""

import dataclasses
import itertools
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

import pytest

from brokers.domain.errors import DataError, VenueError
from brokers.domain.orders import OrderStatus, UnreadableRow
from brokers.domain.record import VenueRecord
from tests.brokers.adapters.kite_readers import READERS
from tests.brokers.adapters.samples import sample
from tests.fuzz.mutations import damaged_bytes, damaged_json
from tests.reference import ROOT, reference_file

pytestmark = pytest.mark.reference

# about the samples, not of them
DOCUMENTS = {"PROVENANCE.md"}
# stored without an envelope, or no answers of the venue but expectations about its stream
NO_ANSWERS = ("expected", "ticker", "mf_sips")
# what Kite sends and nobody has a use for: the venue's own bookkeeping
BOOKKEEPING = {
    "account_id",
    "guid",
    "meta",
    "terminal_id",
    "poa",
    "silo",
    "account_blocks",
    "change",
    "mode",
    "tradable",
}
BOOKKEEPING |= {"user_id", "sell_quantity_adjusted"}


def read(name):
    return READERS[name](sample(name))


def every(value):
    """Every object inside an answer, however deep."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield value
        for field in dataclasses.fields(value):
            yield from every(getattr(value, field.name))
    elif isinstance(value, dict):
        yield from itertools.chain.from_iterable(map(every, value.values()))
    elif isinstance(value, list | tuple):
        yield from itertools.chain.from_iterable(map(every, value))
    else:
        yield value


def test_every_file_of_the_samples_has_a_reader():
    folder = reference_file("profile.json", folder="kite").parent

    assert {path.name for path in folder.iterdir()} - DOCUMENTS == set(READERS)


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_sample_is_read_and_none_of_it_is_thrown_away(name):
    found = list(every(read(name)))

    assert found
    assert not [row for row in found if isinstance(row, UnreadableRow)]
    left = {field for row in found if isinstance(row, VenueRecord) for field in row.extra}
    assert left <= BOOKKEEPING


@pytest.mark.parametrize("name", sorted(name for name in READERS if name.endswith(".json")))
def test_no_sample_leaves_a_float_or_a_naive_time_in_a_record(name):
    records = [row for row in every(read(name)) if isinstance(row, VenueRecord)]
    values = [getattr(row, field.name) for row in records for field in dataclasses.fields(row) if field.name != "extra"]

    assert not [value for value in values if isinstance(value, float)]
    assert all(value.tzinfo is UTC for value in values if isinstance(value, datetime))
    assert not any(value.is_signed() for value in values if isinstance(value, Decimal) and not value)


@pytest.mark.parametrize("name", sorted(name for name in READERS if not name.startswith(NO_ANSWERS)))
def test_a_damaged_sample_is_read_or_refused_with_the_adapter_s_own_errors(name):
    random, body, outcomes = Random(name), sample(name), set()

    for _ in range(80):
        damaged = damaged_json(random, body) if name.endswith(".json") else damaged_bytes(random, body, [body])
        try:
            READERS[name](damaged)
            outcomes.add("read")
        except (DataError, VenueError):
            outcomes.add("refused")

    assert outcomes


def test_a_protected_market_order_stands_as_a_limit_and_is_told_by_its_tags():
    row = read("orders.json")[8]

    assert row.order.tags == ("mktp", "mktp:2.00")
    assert (row.order.order_type.value, row.protection_percent) == ("LIMIT", 0)


def test_slices_carry_their_parent_in_a_tag():
    row = read("orders.json")[9]

    assert row.order.tags == ("autoslice", "autoslice:1953367517640548352")
    assert (row.order.venue_order_id, row.exchange_order_id) == ("1953367517686685697", "1500000159758742")
    assert row.order.status is OrderStatus.FILLED


def test_an_iceberg_shows_its_progress_beside_the_leg():
    (row,) = [row for row in read("orders.json") if row.iceberg]

    assert row.order.variety == "iceberg"
    assert (row.iceberg.legs, row.iceberg.leg_quantity, row.iceberg.total_quantity) == (5, 200, 1000)


def test_varieties_and_an_auction_s_number_are_read():
    rows = read("orders.json")

    assert {row.order.variety for row in rows} == {"regular", "iceberg", "auction"}
    assert [row.auction_number for row in rows if row.auction_number] == ["22"]


def test_a_history_is_told_oldest_first_and_an_absent_exchange_number_is_none():
    words = [row.order.venue_status for row in read("order_info.json")]

    assert words[:4] == ["PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING", "OPEN"]
    assert read("order_info.json")[0].exchange_order_id == ""


def test_a_sliced_order_succeeds_and_fails_part_by_part():
    receipt = read("autoslice_response.json")

    assert receipt.parent_order_id == "1914227164488687616"
    assert receipt.placed == ("1914227164534824960", "1914227164580962304", "1914227164681625600")
    (refusal,) = receipt.refused
    assert (refusal.code, "Insufficient funds" in refusal.message) == ("venue.margin", True)


def test_a_trigger_that_fired_in_vain_says_why():
    gtt = read("gtt_get_order.json")
    (failure,) = gtt.failures

    assert (gtt.status, gtt.kind, gtt.instrument) == ("triggered", "two-leg", "NSE:RAIN")
    assert [leg.trigger_price for leg in gtt.legs] == [Decimal("102.0"), Decimal("103.7")]
    assert (failure.status, failure.triggered_price) == ("failed", Decimal("103.7"))
    assert "lower circuit" in failure.rejection_reason
    assert gtt.created_at == datetime(2019, 9, 9, 9, 43, 22, tzinfo=UTC)


def test_a_waiting_trigger_has_no_failures():
    single, _ = read("gtt_get_orders.json")

    assert (single.trigger_id, single.failures, single.legs[0].price) == ("112127", (), Decimal("702.5"))


def test_alerts_compare_with_a_constant_and_show_their_basket():
    simple, order = read("alerts_get.json")

    assert (simple.instrument, simple.comparison, simple.constant) == ("INDICES:NIFTY 50", ">=", 27000)
    assert (simple.basket, simple.other_instrument) == ((), None)
    (item,) = order.basket
    assert (item.instrument, item.quantity, item.price) == ("NSE:GOLDBEES", 10000, Decimal("72.22"))


def test_an_alert_s_history_keeps_the_quote_and_no_zero_time():
    (event,) = read("alerts_history.json")

    assert event.condition == 'LastTradedPrice("INDICES:NIFTY NEXT 50") <= 58290.35'
    assert event.quotes[0]["last_price"] == Decimal("58288.05")
    assert event.fired_at == datetime(2025, 2, 17, 3, 46, 46, tzinfo=UTC)


def test_a_basket_has_the_benefit_of_its_spread():
    basket = read("basket_margins.json")

    assert (basket.initial.total, basket.final.total) == (Decimal("96504.975"), Decimal("34786.725000000006"))
    assert [row.instrument for row in basket.orders] == ["NFO:NIFTY23JUL20600CE", "NFO:NIFTY23JUL20700CE"]
    assert "charges" not in basket.extra


def test_an_order_s_margin_names_its_charges():
    (margin,) = read("order_margins.json")

    assert (margin.instrument, margin.total, margin.value_at_risk) == ("NSE:INFY", 1498, 1498)
    assert margin.charges.goods_tax.total == Decimal("0.011372219999999999")
    assert margin.charges.transaction_tax_type == "stt"


def test_contract_notes_come_in_the_order_they_were_asked_for():
    notes = read("virtual_contract_note.json")

    assert [note.instrument for note in notes] == ["NSE:SBIN", "MCX:GOLDPETAL23JULFUT", "NFO:NIFTY2371317900PE"]
    assert [note.charges.brokerage for note in notes] == [0, Decimal("1.7586"), 20]


def test_holdings_tell_what_can_be_sold():
    first, second = read("holdings.json")

    assert (first.instrument, first.sellable_quantity, first.margin_funded.quantity) == ("NSE:AARON", 1, 1000)
    assert (second.isin, second.pnl) == ("INE062A01020", Decimal("-629.2999999999993"))


def test_an_auction_is_named_by_its_number():
    assert [row.auction_number for row in read("auctions_list.json")][::2] == ["20", "7529"]


def test_an_authorisation_says_where_it_is_completed():
    assert read("holdings_auth.json").url == (
        "https://kite.zerodha.com/connect/portfolio/authorise/holdings/the-key/na8QgCeQm05UHG6NL9sAGRzdfSF64UdB"
    )


def test_positions_keep_the_multiplier_and_both_books():
    books = read("positions.json")

    assert books.net[0].position.instrument == "MCX:LEADMINI17DECFUT"
    assert (books.net[0].multiplier, books.net[1].pnl, books.day[0].position.quantity) == (1000, 801, -3)
    assert (books.net[1].sold.quantity, books.net[1].bought_today.price) == (4, 23388)


def test_funds_are_told_for_both_segments():
    funds = read("margins.json")

    assert (funds["equity"].net, funds["equity"].used.span) == (Decimal("99725.05000000002"), 101989)
    assert funds["commodity"].net == Decimal("100661.7")
    assert not read("margin_commodity.json").used.payout.is_signed()


def test_a_quote_has_its_circuit_limits_and_its_depth():
    quote = read("quote.json")["NSE:INFY"]

    assert (quote.lower_circuit, quote.upper_circuit) == (Decimal("1250.7"), Decimal("1528.6"))
    assert (quote.bids[0].price, quote.asks[0].orders, len(quote.asks)) == (0, 13, 5)
    # Kite's own net_change is 0 in this very sample
    assert quote.change == Decimal("23.30")
    assert quote.traded_at == datetime(2021, 6, 8, 10, 15, 52, tzinfo=UTC)


def test_a_cover_order_s_stop_has_a_range():
    ranges = read("trigger_range.json")

    assert (ranges["NSE:RELIANCE"].lower, ranges["NSE:INFY"].upper) == (Decimal("870.57475"), Decimal("1138.2"))


def test_open_interest_comes_with_its_candle():
    rows = read("historical_oi.json")

    assert (rows[0].open_interest, rows[0].bar.volume) == (13_667_775.0, 163_275.0)


def test_funds_of_the_mutual_kind_are_read():
    assert read("mf_orders.json")[0].exchange_day == date(2021, 6, 30)
    assert read("mf_holdings.json")[0].quantity == Decimal("382.488")
    assert (read("mf_sips.json")[0].next_instalment, read("mf_sips.json")[0].instalments) == (date(2021, 5, 12), -1)
    fund = read("mf_instruments.csv")[0]
    assert (fund.symbol, fund.can_be_bought, fund.minimum_redemption_quantity) == (
        "INF209K01157",
        True,
        Decimal("0.001"),
    )


def test_a_session_tells_whose_it_is():
    opened = read("generate_session.json")

    assert (opened.session.user_id, opened.profile.user_id) == ("XX0000", "XX0000")
    assert opened.session.expires_at == datetime(2021, 1, 2, 0, 30, tzinfo=UTC)


def test_a_full_profile_shows_no_private_word():
    full = read("full_profile.json")

    assert (full.two_factor_type, full.bank_accounts[0].name) == ("totp", "HDFC BANK")
    assert "HDFC" not in repr(full)


def test_a_postback_is_an_order_row_with_a_proof():
    told = read("postback.json")

    assert (told.app_id, told.report.order.instrument) == ("1234", "NSE:SBIN")
    assert (told.order_id, told.order_timestamp) == ("220303000308932", "2022-03-03 09:24:25")


def test_ticks_as_json_agree_with_the_packets():
    (tick,) = read("ticker_full.json").values()
    columns = read("ticker_full.packet")

    assert float(tick.last_price) == columns.last_price[0]
    assert [float(level.price) for level in tick.bids] == columns.depth[0, :5, 1].tolist()


def test_the_samples_are_no_part_of_the_repository():
    assert not reference_file("profile.json", folder="kite").resolve().is_relative_to(ROOT)
