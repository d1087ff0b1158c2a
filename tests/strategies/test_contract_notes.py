"""Charges beside notes that were worked by hand from the published rates: each segment, side, exchange and date range.

Lines are brokerage, transaction tax (to the rupee), exchange, SEBI, stamp and GST, each rounded half up as a note does.
"""

from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import orjson
import pytest

from brokers.domain.charges import ChargeNote, charge_note
from brokers.domain.india import CHARGES
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import Book, Fill, Product, Side
from strategies.domain.backtest import IndianCharges, Sizing, Terms, contract_notes, run
from strategies.domain.backtest.kernels import charge
from strategies.domain.backtest.terms import rate_table
from tests.reference import reference_file
from tests.strategies.builders import some_bars

SEGMENTS = {
    "delivery": (InstrumentKind.EQUITY, Product.DELIVERY),
    "intraday": (InstrumentKind.EQUITY, Product.INTRADAY),
    "future": (InstrumentKind.FUTURE, Product.CARRY),
    "option": (InstrumentKind.CALL, Product.CARRY),
}
# segment, exchange, side, day, quantity, price, the six lines, the total
WORKED = (
    # 100 x 1250.50 = 125050; brokerage none; tax 0.1 % = 125.05; exchange 0.00307 % = 3.839035; SEBI 0.12505;
    # stamp 0.015 % = 18.7575; GST 18 % of 3.964085 = 0.7135353
    ("delivery", "NSE", "BUY", "2026-07-14", 100, "1250.50", "0 125 3.84 0.13 18.76 0.71", "148.44"),
    # 100 x 1250.50 = 125050; brokerage none; tax 0.1 % = 125.05; exchange 0.00307 % = 3.839035; SEBI 0.12505; GST
    # 18 % of 3.964085 = 0.7135353
    ("delivery", "NSE", "SELL", "2026-07-14", 100, "1250.50", "0 125 3.84 0.13 0 0.71", "129.68"),
    # 40 x 812.35 = 32494; brokerage none; tax 0.1 % = 32.494; exchange 0.00375 % = 1.218525; SEBI 0.032494; stamp
    # 0.015 % = 4.8741; GST 18 % of 1.251019 = 0.22518342
    ("delivery", "BSE", "BUY", "2026-07-14", 40, "812.35", "0 32 1.22 0.03 4.87 0.23", "38.35"),
    # 40 x 812.35 = 32494; brokerage none; tax 0.1 % = 32.494; exchange 0.00375 % = 1.218525; SEBI 0.032494; GST
    # 18 % of 1.251019 = 0.22518342
    ("delivery", "BSE", "SELL", "2026-07-14", 40, "812.35", "0 32 1.22 0.03 0 0.23", "33.48"),
    # 100 x 1250.50 = 125050; brokerage 0.03 % is 37.515, capped; tax 0 % = 0; exchange 0.00307 % = 3.839035; SEBI
    # 0.12505; stamp 0.003 % = 3.7515; GST 18 % of 23.964085 = 4.3135353
    ("intraday", "NSE", "BUY", "2026-07-14", 100, "1250.50", "20 0 3.84 0.13 3.75 4.31", "32.03"),
    # 30 x 412.20 = 12366; brokerage 0.03 % is 3.7098; tax 0.025 % = 3.0915; exchange 0.00307 % = 0.3796362; SEBI
    # 0.012366; GST 18 % of 4.1020022 = 0.738360396
    ("intraday", "NSE", "SELL", "2026-07-14", 30, "412.20", "3.71 3 0.38 0.01 0 0.74", "7.84"),
    # 25 x 512.40 = 12810; brokerage 0.03 % is 3.843; tax 0 % = 0; exchange 0.00375 % = 0.480375; SEBI 0.01281;
    # stamp 0.003 % = 0.3843; GST 18 % of 4.333185 = 0.7799733
    ("intraday", "BSE", "BUY", "2026-07-14", 25, "512.40", "3.84 0 0.48 0.01 0.38 0.78", "5.49"),
    # 200 x 512.40 = 102480; brokerage 0.03 % is 30.744, capped; tax 0.025 % = 25.62; exchange 0.00375 % = 3.843;
    # SEBI 0.10248; GST 18 % of 23.94548 = 4.3101864
    ("intraday", "BSE", "SELL", "2026-07-14", 200, "512.40", "20 26 3.84 0.1 0 4.31", "54.25"),
    # 65 x 24180.50 = 1571732.5; brokerage 0.03 % is 471.51975, capped; tax 0 % = 0; exchange 0.00183 % =
    # 28.76270475; SEBI 1.5717325; stamp 0.002 % = 31.43465; GST 18 % of 50.33443725 = 9.060198705
    ("future", "NFO", "BUY", "2026-07-14", 65, "24180.50", "20 0 28.76 1.57 31.43 9.06", "90.82"),
    # 65 x 24180.50 = 1571732.5; brokerage 0.03 % is 471.51975, capped; tax 0.05 % = 785.86625; exchange 0.00183 %
    # = 28.76270475; SEBI 1.5717325; GST 18 % of 50.33443725 = 9.060198705
    ("future", "NFO", "SELL", "2026-07-14", 65, "24180.50", "20 786 28.76 1.57 0 9.06", "845.39"),
    # 20 x 79250.25 = 1585005; brokerage 0.03 % is 475.5015, capped; tax 0 % = 0; exchange 0 % = 0; SEBI 1.585005;
    # stamp 0.002 % = 31.7001; GST 18 % of 21.585005 = 3.8853009
    ("future", "BFO", "BUY", "2026-07-14", 20, "79250.25", "20 0 0 1.59 31.7 3.89", "57.18"),
    # 20 x 79250.25 = 1585005; brokerage 0.03 % is 475.5015, capped; tax 0.05 % = 792.5025; exchange 0 % = 0; SEBI
    # 1.585005; GST 18 % of 21.585005 = 3.8853009
    ("future", "BFO", "SELL", "2026-07-14", 20, "79250.25", "20 793 0 1.59 0 3.89", "818.48"),
    # 65 x 142.35 = 9252.75; brokerage 20 flat; tax 0 % = 0; exchange 0.03553 % = 3.287502075; SEBI 0.00925275;
    # stamp 0.003 % = 0.2775825; GST 18 % of 23.296754825 = 4.1934158685
    ("option", "NFO", "BUY", "2026-07-14", 65, "142.35", "20 0 3.29 0.01 0.28 4.19", "27.77"),
    # 130 x 142.35 = 18505.5; brokerage 20 flat; tax 0.15 % = 27.75825; exchange 0.03553 % = 6.57500415; SEBI
    # 0.0185055; GST 18 % of 26.59350965 = 4.786831737
    ("option", "NFO", "SELL", "2026-07-14", 130, "142.35", "20 28 6.58 0.02 0 4.79", "59.39"),
    # 20 x 310.10 = 6202; brokerage 20 flat; tax 0 % = 0; exchange 0.0325 % = 2.01565; SEBI 0.006202; stamp 0.003
    # % = 0.18606; GST 18 % of 22.021852 = 3.96393336
    ("option", "BFO", "BUY", "2026-07-14", 20, "310.10", "20 0 2.02 0.01 0.19 3.96", "26.18"),
    # 20 x 310.10 = 6202; brokerage 20 flat; tax 0.15 % = 9.303; exchange 0.0325 % = 2.01565; SEBI 0.006202; GST
    # 18 % of 22.021852 = 3.96393336
    ("option", "BFO", "SELL", "2026-07-14", 20, "310.10", "20 9 2.02 0.01 0 3.96", "34.99"),
    # 100 x 1250.50 = 125050; brokerage none; tax 0.1 % = 125.05; exchange 0.00297 % = 3.713985; SEBI 0.12505;
    # stamp 0.015 % = 18.7575; GST 18 % of 3.839035 = 0.6910263
    ("delivery", "NSE", "BUY", "2025-11-03", 100, "1250.50", "0 125 3.71 0.13 18.76 0.69", "148.29"),
    # 100 x 1250.50 = 125050; brokerage none; tax 0.1 % = 125.05; exchange 0.00297 % = 3.713985; SEBI 0.12505; GST
    # 18 % of 3.839035 = 0.6910263
    ("delivery", "NSE", "SELL", "2025-11-03", 100, "1250.50", "0 125 3.71 0.13 0 0.69", "129.53"),
    # 40 x 812.35 = 32494; brokerage none; tax 0.1 % = 32.494; exchange 0.00375 % = 1.218525; SEBI 0.032494; stamp
    # 0.015 % = 4.8741; GST 18 % of 1.251019 = 0.22518342
    ("delivery", "BSE", "BUY", "2025-11-03", 40, "812.35", "0 32 1.22 0.03 4.87 0.23", "38.35"),
    # 100 x 1250.50 = 125050; brokerage 0.03 % is 37.515, capped; tax 0 % = 0; exchange 0.00297 % = 3.713985; SEBI
    # 0.12505; stamp 0.003 % = 3.7515; GST 18 % of 23.839035 = 4.2910263
    ("intraday", "NSE", "BUY", "2025-11-03", 100, "1250.50", "20 0 3.71 0.13 3.75 4.29", "31.88"),
    # 30 x 412.20 = 12366; brokerage 0.03 % is 3.7098; tax 0.025 % = 3.0915; exchange 0.00297 % = 0.3672702; SEBI
    # 0.012366; GST 18 % of 4.0896362 = 0.736134516
    ("intraday", "NSE", "SELL", "2025-11-03", 30, "412.20", "3.71 3 0.37 0.01 0 0.74", "7.83"),
    # 65 x 24180.50 = 1571732.5; brokerage 0.03 % is 471.51975, capped; tax 0 % = 0; exchange 0.00173 % =
    # 27.19097225; SEBI 1.5717325; stamp 0.002 % = 31.43465; GST 18 % of 48.76270475 = 8.777286855
    ("future", "NFO", "BUY", "2025-11-03", 65, "24180.50", "20 0 27.19 1.57 31.43 8.78", "88.97"),
    # 65 x 24180.50 = 1571732.5; brokerage 0.03 % is 471.51975, capped; tax 0.02 % = 314.3465; exchange 0.00173 %
    # = 27.19097225; SEBI 1.5717325; GST 18 % of 48.76270475 = 8.777286855
    ("future", "NFO", "SELL", "2025-11-03", 65, "24180.50", "20 314 27.19 1.57 0 8.78", "371.54"),
    # 65 x 142.35 = 9252.75; brokerage 20 flat; tax 0 % = 0; exchange 0.03503 % = 3.241238325; SEBI 0.00925275;
    # stamp 0.003 % = 0.2775825; GST 18 % of 23.250491075 = 4.1850883935
    ("option", "NFO", "BUY", "2025-11-03", 65, "142.35", "20 0 3.24 0.01 0.28 4.19", "27.72"),
    # 130 x 142.35 = 18505.5; brokerage 20 flat; tax 0.1 % = 18.5055; exchange 0.03503 % = 6.48247665; SEBI
    # 0.0185055; GST 18 % of 26.50098215 = 4.770176787
    ("option", "NFO", "SELL", "2025-11-03", 130, "142.35", "20 19 6.48 0.02 0 4.77", "50.27"),
    # 20 x 310.10 = 6202; brokerage 20 flat; tax 0 % = 0; exchange 0.0325 % = 2.01565; SEBI 0.006202; stamp 0.003
    # % = 0.18606; GST 18 % of 22.021852 = 3.96393336
    ("option", "BFO", "BUY", "2025-11-03", 20, "310.10", "20 0 2.02 0.01 0.19 3.96", "26.18"),
    # 20 x 310.10 = 6202; brokerage 20 flat; tax 0.1 % = 6.202; exchange 0.0325 % = 2.01565; SEBI 0.006202; GST 18
    # % of 22.021852 = 3.96393336
    ("option", "BFO", "SELL", "2025-11-03", 20, "310.10", "20 6 2.02 0.01 0 3.96", "31.99"),
)


def named(row):
    return "-".join(str(part) for part in row[:4])


def the_note(row):
    segment, exchange, side, day, quantity, price = row[:6]
    kind, product = SEGMENTS[segment]
    key = f"{exchange}:TRADED"
    fill = Fill(
        account_id="a", book=Book.PAPER, venue_day=day, instrument=key, venue_order_id="1", trade_id="1", side=Side(side),
        quantity=Decimal(quantity), price=Decimal(price), product=product, filled_at=datetime(2026, 7, 14, 5, tzinfo=UTC),
    )  # fmt: skip
    return charge_note([fill], kinds={key: kind}, day=date.fromisoformat(day), schedule=CHARGES)


@pytest.mark.parametrize("row", WORKED, ids=named)
def test_a_note_equals_the_one_that_was_worked_by_hand(row):
    brokerage, tax, exchange, sebi, stamp, gst = map(Decimal, row[6].split())

    note = the_note(row)

    assert note == ChargeNote(
        brokerage=brokerage, transaction_tax=tax, exchange=exchange, sebi=sebi, stamp=stamp, gst=gst
    )
    assert note.total == Decimal(row[7])


@pytest.mark.parametrize("row", WORKED, ids=named)
def test_a_backtest_charges_the_note_before_its_rounding(row):
    segment, exchange, side, day, quantity, price = row[:6]
    kind, product = SEGMENTS[segment]
    rates, _ = rate_table(
        IndianCharges(kind=kind, product=product), f"{exchange}:TRADED", [date.fromisoformat(day)]
    )  # fmt: skip

    charged = charge(quantity if side == "BUY" else -quantity, float(price), rates, 0)

    # the tax is rounded to the rupee and four lines to the paisa
    assert charged == pytest.approx(float(row[7]), abs=0.5 + 4 * 0.005)


def test_the_notes_of_a_backtest_are_those_of_its_fills():
    bars = some_bars([1250.5, 1250.5, 1250.5, 1250.5])
    costs = IndianCharges(kind=InstrumentKind.EQUITY, product=Product.DELIVERY)

    result = run(bars, np.array([1.0, 0.0, np.nan, np.nan]), Terms(sizing=Sizing.UNITS, size=100, costs=costs))

    (note,) = contract_notes(result).values()
    bought, sold = (the_note(row) for row in WORKED[:2])
    # one note rounds the tax of both once: 125.05 and 125.05 are 250.10
    assert note.transaction_tax == Decimal(250)
    assert note.stamp == bought.stamp
    assert note.exchange == Decimal("7.68")  # 0.00307 % of 2,50,100 is 7.67807
    assert float(result.fills.cost_quote.sum()) == pytest.approx(float(note.total), abs=0.6)
    assert bought.brokerage == sold.brokerage == 0


def test_a_note_has_the_lines_of_the_venue_s_own():
    document = orjson.loads(reference_file("virtual_contract_note.json", folder="kite").read_bytes())
    lines = {
        "brokerage": "brokerage",
        "transaction_tax": "transaction_tax",
        "exchange": "exchange_turnover_charge",
        "sebi": "sebi_turnover_charge",
        "stamp": "stamp_duty",
        "gst": "gst",
    }

    assert set(lines) == {line.name for line in fields(ChargeNote)}
    assert document["data"]
    for order in document["data"]:
        charges = order["charges"]
        assert charges.keys() - {"total", "transaction_tax_type"} == set(lines.values())
        parts = [charges[name] for name in lines.values() if name != "gst"]
        assert charges["total"] == pytest.approx(sum(parts) + charges["gst"]["total"], abs=1e-6)
