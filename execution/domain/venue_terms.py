"""What a venue of perpetuals says of the account itself: its modes, contracts, wallets and clock."""

from __future__ import annotations

from execution.domain.commands import Level
from execution.domain.desk import CLOCK_STOP_MS, ContractTerms, Desk
from execution.domain.events import (
    AccountTermsSeen,
    BooksDoubted,
    ContractTermsSeen,
    CountdownChanged,
    VenueClockSeen,
    WalletSeen,
)
from execution.domain.perpetuals import mode_objection, take_positions
from execution.domain.records import CountdownSet

MODE, ACCOUNT_MODE = "account_mode", "position mode"
CLOCK, VENUE_CLOCK = "clock", "venue clock"
ALARM_MS = 500.0


def account_terms_seen(desk: Desk, event: AccountTermsSeen) -> None:
    """Note the account's modes; one that strategies cannot trade in stands in the inbox until it is changed."""
    desk.terms.is_hedge, desk.terms.is_multi_assets = event.is_hedge, event.is_multi_assets
    objection = mode_objection(desk)
    if objection:
        desk.discrepancy(MODE, ACCOUNT_MODE, objection)
    else:
        desk.resolve(MODE, ACCOUNT_MODE, "the account's modes are those that strategies need")


def contract_terms_seen(desk: Desk, event: ContractTermsSeen) -> None:
    """Note a contract's brackets and fee rates."""
    desk.terms.contracts[event.instrument] = ContractTerms(
        brackets=event.brackets, maker_fee=event.maker_fee, taker_fee=event.taker_fee
    )


def wallet_seen(desk: Desk, event: WalletSeen) -> None:
    """Note the margin assets' balances; a stream tells no available amount, and the one that was read is out of date."""
    for wallet in event.wallets:
        desk.terms.wallets[wallet.asset] = wallet
    take_positions(desk, tuple(desk.terms.positions.values()))


def clock_seen(desk: Desk, event: VenueClockSeen) -> None:
    """Note how far the venue's clock is from ours; far enough, what we sign is refused."""
    desk.terms.clock_offset_ms = event.offset_ms
    if abs(event.offset_ms) <= ALARM_MS:
        desk.resolve(CLOCK, VENUE_CLOCK, "the clocks agree again")
        return
    seconds = abs(event.offset_ms) / 1000
    direction = "ahead of" if event.offset_ms > 0 else "behind"
    stop = ": nothing is entered until they agree" if abs(event.offset_ms) > CLOCK_STOP_MS else ""
    desk.discrepancy(CLOCK, VENUE_CLOCK, f"the venue's clock is {seconds:.1f} s {direction} ours{stop}", Level.URGENT)


def books_doubted(desk: Desk, event: BooksDoubted) -> None:
    """Hold live orders back until the books have been read: the stream may have missed something."""
    desk.must_reconcile(event.reason)


def countdown_changed(desk: Desk, event: CountdownChanged) -> None:
    """Journal a countdown before the venue is asked for it: whoever takes over must know that it runs."""
    if desk.state.countdowns.get(event.instrument, 0) != event.seconds:
        desk.record(CountdownSet(instrument=event.instrument, seconds=event.seconds))
