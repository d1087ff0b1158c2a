"""Enter what an operator would: the freeze quantities of the index contracts, and December's hours to be confirmed."""

from datetime import date, time

from django.db import migrations

MONTHLY = "NSE/FAOP/75521, as of 2026-08-03; published anew every month"
EARLIER = "NSE's monthly circulars on quantity freeze"
EQUITY = "Zerodha refuses more than 100,000 shares in one order"
DECEMBER = "SEBI HO/47/11/11(3)2025-MRD-POD2/I/23843/2026, NSE/CMTR/76963: one source, to be confirmed"

FREEZE = (
    ("NFO", "BANKNIFTY", date(2025, 7, 1), 600, EARLIER),
    ("NFO", "BANKNIFTY", date(2025, 9, 1), 900, EARLIER),
    ("NFO", "BANKNIFTY", date(2025, 11, 3), 600, MONTHLY),
    ("NFO", "FINNIFTY", date(2025, 11, 3), 1800, EARLIER),
    ("NFO", "FINNIFTY", date(2025, 12, 1), 1200, EARLIER),
    ("NFO", "FINNIFTY", date(2026, 2, 1), 1800, MONTHLY),
    ("NFO", "NIFTY", date(2026, 8, 3), 1800, MONTHLY),
    ("NFO", "MIDCPNIFTY", date(2026, 8, 3), 2800, MONTHLY),
    ("NFO", "NIFTYNXT50", date(2026, 8, 3), 600, MONTHLY),
    ("NSE", "", date(2026, 4, 1), 100_000, EQUITY),
    ("BSE", "", date(2026, 4, 1), 100_000, EQUITY),
)

OPENING = {"pre_open": time(9, 0), "open": time(9, 15)}
CASH = {
    **OPENING,
    "continuous_end": time(15, 30),
    "entry_cutoff": time(14, 45),
    "square_off": time(15, 5),
    "auction_end": time(15, 40),
    "post_close_start": time(15, 50),
    "post_close_end": time(16, 0),
}
DERIVATIVES = {
    **OPENING,
    "continuous_end": time(15, 45),
    "entry_cutoff": time(15, 0),
    "square_off": time(15, 20),
    "expiring_end": time(15, 30),
}
HOURS = (("NSE-EQ-FO", CASH), ("NFO", DERIVATIVES), ("BFO", DERIVATIVES))


def enter(apps, schema_editor):
    terms = apps.get_model("brokers", "ContractTerm")
    for exchange, underlying, day, quantity, source in FREEZE:
        terms.objects.get_or_create(
            exchange=exchange,
            underlying=underlying,
            effective_from=day,
            defaults={"freeze_quantity": quantity, "source": source},
        )
    hours = apps.get_model("brokers", "SessionHours")
    for segment, times in HOURS:
        hours.objects.get_or_create(
            segment=segment, effective_from=date(2026, 12, 7), defaults={**times, "source": DECEMBER}
        )


class Migration(migrations.Migration):
    dependencies = [("brokers", "0003_instrument_lists_and_market_facts")]
    operations = [migrations.RunPython(enter, migrations.RunPython.noop)]
