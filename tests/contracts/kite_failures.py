"""The ways in which Kite and its market fail, what is right then, and the tests that show it.

One entry for each row of the adapter's written list of failures; `test_kite_failures` holds the list to be whole and
every named test to be collected. `python -m tests.contracts.kite_failures` prints it.
"""

from dataclasses import dataclass

FAILS = "tests/contracts/test_kite_failures.py::"
KITE = "tests/contracts/test_kite_contract.py::"
DESK = "tests/contracts/test_kite_desk.py::"
CALLS = "tests/brokers/adapters/test_kite_calls.py::"
REQUESTS = "tests/brokers/adapters/test_kite_requests.py::"
ERRORS = "tests/brokers/adapters/test_kite_errors.py::"
FEED = "tests/brokers/adapters/test_kite_feed.py::"
BUDGET = "tests/brokers/adapters/test_budget.py::"
TRADING = "tests/execution/domain/test_trading.py::"
TAKEOVER = "tests/execution/domain/test_takeover.py::"
BOOKS = "tests/execution/domain/test_reconciliation.py::"
UNKNOWN = "tests/execution/domain/test_unknown_orders.py::"
ALLOWANCE = "tests/execution/domain/test_order_allowance.py::"
OPERATOR = "tests/execution/domain/test_operator_acts.py::"
GATE = "tests/risk/test_gate.py::"
LEASE = "tests/execution/test_lease.py::"
LIFE = "tests/execution/test_session_life.py::"
GUARDIAN = "tests/execution/test_guardian.py::"
SESSION = "tests/execution/test_session.py::"
POSTBACKS = "tests/execution/test_postbacks.py::"
CALENDAR = "tests/brokers/domain/test_calendar.py::"
CRASHES = "tests/simulation/test_sample.py::test_crashes_and_lost_replies_neither_lose_nor_double_an_order"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One way to fail."""

    number: int
    happens: str
    right: str
    tests: tuple[str, ...]


FAILURES = (
    Failure(
        number=1,
        happens="The token dies at 06:00, or at any minute by a logout elsewhere.",
        right="One change to needs-login: streams and strategies stop, exits stay queued and visible, a person is told;"
        " trading resumes only after a login and a read of the books.",
        tests=(
            f"{KITE}test_a_dead_session_asks_for_a_login_everywhere",
            f"{TAKEOVER}test_a_dead_session_halts_visibly_and_queues_the_exit",
            f"{TAKEOVER}test_after_a_login_and_a_read_the_exit_goes_and_the_strategy_resumes",
            f"{SESSION}test_a_dead_login_is_told_once_and_the_next_login_resumes",
            f"{LIFE}test_a_real_session_ends_when_its_time_is_up_and_everybody_learns_it_once",
        ),
    ),
    Failure(
        number=2,
        happens="The stream answers 403, again and again.",
        right="A matter of login, not of the network: no loop of attempts; the next session is heard again.",
        tests=(
            f"{FAILS}test_a_forbidden_stream_is_left_at_once_and_a_new_session_is_heard",
            f"{FEED}test_a_forbidden_stream_ends_the_feed_after_one_attempt",
            f"{FEED}test_a_plan_without_market_data_is_no_dead_session",
        ),
    ),
    Failure(
        number=3,
        happens="The socket is open and dead: no frame, no close.",
        right="A watchdog on any frame, heartbeats included; the data is stale at once, and nothing is entered on it.",
        tests=(
            f"{FAILS}test_a_silent_stream_is_noticed_and_opened_anew",
            f"{FEED}test_heartbeats_alone_keep_the_watchdog_calm",
            f"{TRADING}test_a_silent_feed_refuses_entries_with_a_reason",
        ),
    ),
    Failure(
        number=4,
        happens="Ticks are missing at the open; the first one is old and comes from a cache.",
        right="What was cached is marked and not traded on; without a fresh quote the gate refuses.",
        tests=(
            f"{FEED}test_what_the_venue_had_cached_is_marked_until_its_time_moves_on",
            f"{GATE}test_refuses_on_an_old_quote",
            f"{GATE}test_refuses_without_a_quote",
        ),
    ),
    Failure(
        number=5,
        happens="Order frames are lost while the stream is away.",
        right="The books are read after every reconnection, and every few seconds while orders are open.",
        tests=(
            f"{FAILS}test_what_a_broken_stream_did_not_tell_stands_in_the_books",
            f"{BOOKS}test_a_fill_the_stream_lost_is_adopted_from_the_trade_book",
            f"{BOOKS}test_the_books_are_read_sooner_while_more_is_under_way",
        ),
    ),
    Failure(
        number=6,
        happens="A placement times out or is answered with 502, 503, 504 or 400 “timed out”, and yet the order exists.",
        right="The outcome is unknown: nothing is sent again; the book is asked for the tag until presence or absence "
        "is proven; entries in that underlying wait.",
        tests=(
            f"{FAILS}test_an_order_in_doubt_is_sent_once_and_found_by_its_tag",
            f"{KITE}test_an_order_whose_answer_is_lost_is_found_by_its_client_id",
            f"{KITE}test_an_order_refused_before_it_arrived_leaves_no_row",
            f"{UNKNOWN}test_look_ups_come_after_1_2_4_8_16_and_then_every_30_seconds",
            f"{UNKNOWN}test_two_look_ups_and_two_minutes_prove_absence",
            f"{UNKNOWN}test_entries_of_the_underlying_wait_for_the_doubt",
        ),
    ),
    Failure(
        number=7,
        happens="An order hangs in an interim state.",
        right="Not final and not repeated; it counts as exposure, is told after a while, and a cancel is tried.",
        tests=(
            f"{FAILS}test_an_order_that_is_not_in_the_book_yet_comes_with_its_tag",
            f"{DESK}test_an_order_that_hangs_is_told_cancelled_and_not_repeated",
            f"{BOOKS}test_the_word_of_an_interim_state_counts_as_accepted",
        ),
    ),
    Failure(
        number=8,
        happens="A receipt comes, and then the order is rejected by the broker or the exchange.",
        right="A receipt is no success: the order is followed to its end, and the venue's reason is shown.",
        tests=(
            f"{FAILS}test_a_receipt_is_no_success_and_the_rejection_says_why",
            f"{TRADING}test_an_entry_that_was_not_placed_is_given_up",
            f"{TRADING}test_a_rejected_exit_is_tried_again_later_and_then_alarms",
        ),
    ),
    Failure(
        number=9,
        happens="An order is refused at once and stands in no book.",
        right="A definite no, journalled with its message; it counts towards the venue's day.",
        tests=(
            f"{FAILS}test_a_refusal_without_a_row_is_a_definite_no",
            f"{ALLOWANCE}test_entries_end_at_the_soft_stop_and_say_both_numbers",
        ),
    ),
    Failure(
        number=10,
        happens="429: too many requests.",
        right="All of the account's orders pause, cancels and exits go first afterwards; nothing hammers.",
        tests=(
            f"{FAILS}test_too_many_requests_pause_the_orders_and_nothing_is_repeated",
            f"{BUDGET}test_a_pause_holds_even_the_urgent",
            f"{BUDGET}test_cancels_go_before_exits_that_wait",
            f"{ALLOWANCE}test_too_many_requests_is_an_alarm_and_the_exit_goes_again",
        ),
    ),
    Failure(
        number=11,
        happens="The day's 5,000 orders are used up: exits are refused too.",
        right="Entries end well before; at the cap the screen says to call the broker.",
        tests=(
            f"{ALLOWANCE}test_entries_end_at_the_soft_stop_and_say_both_numbers",
            f"{ALLOWANCE}test_exits_still_go_after_the_soft_stop",
            f"{ALLOWANCE}test_at_the_cap_an_exit_stays_queued_and_the_screen_says_to_call_the_broker",
            f"{ALLOWANCE}test_the_venues_own_word_that_the_day_is_used_up_alarms",
        ),
    ),
    Failure(
        number=12,
        happens="“Insufficient permission for that call.”",
        right="That call is off, with its reason; the session lives.",
        tests=(
            f"{FAILS}test_a_plan_without_the_permission_keeps_its_session",
            f"{ERRORS}test_a_plan_without_the_permission_is_no_dead_session",
            f"{FEED}test_a_plan_without_market_data_is_no_dead_session",
        ),
    ),
    Failure(
        number=13,
        happens="The address is not registered: orders fail while reads work.",
        right="A preflight shows the address; a refusal for it is a matter of set-up and halts entries.",
        tests=(
            f"{FAILS}test_an_order_from_an_unknown_address_is_a_matter_of_set_up_while_reads_go_on",
            f"{ERRORS}test_an_order_from_an_unregistered_address_is_a_matter_of_configuration",
            f"{DESK}test_a_refused_address_halts_entries_with_an_alarm",
            "tests/brokers/test_preflight.py::test_the_preflight_shows_the_address_that_the_venue_will_see",
        ),
    ),
    Failure(
        number=14,
        happens="A market order without market protection is refused.",
        right="It cannot be worded: one function makes an order's fields, and it adds protection.",
        tests=(
            f"{FAILS}test_the_venue_refuses_a_bare_market_order_and_the_adapter_sends_none",
            f"{REQUESTS}test_no_market_order_can_be_worded_without_protection",
            f"{ERRORS}test_a_market_order_without_protection_is_known_for_the_bug_it_is",
        ),
    ),
    Failure(
        number=15,
        happens="What is left of a protected market order rests while the market runs away: an exit does not fill.",
        right="The exit reaches further step by step, within the band and the venue's number of changes, then alarms.",
        tests=(
            f"{FAILS}test_what_rests_of_a_protected_market_order_is_brought_home_by_a_new_price",
            f"{TRADING}test_an_unfilled_exit_is_repriced_further_and_then_alarms",
            f"{ALLOWANCE}test_no_order_is_ever_modified_more_often_than_the_venue_allows",
            f"{TAKEOVER}test_an_exit_that_rests_without_a_quote_is_an_alarm",
        ),
    ),
    Failure(
        number=16,
        happens="An order fills in part.",
        right="What was filled is managed at once; the rest is waited for, chased or cancelled; averages come from trades.",
        tests=(
            f"{FAILS}test_a_part_filled_order_counts_what_its_trades_say",
            f"{TRADING}test_a_part_filled_entry_keeps_what_it_got",
            f"{TRADING}test_a_flat_wish_while_the_entry_works_cancels_it_and_exits_the_filled_part",
        ),
    ),
    Failure(
        number=17,
        happens="A cancel or a change races a fill.",
        right="The refusal is followed by a read of the book; a receipt for a change proves nothing either.",
        tests=(
            f"{FAILS}test_a_cancel_that_races_a_fill_is_refused_and_the_book_says_what_happened",
            f"{OPERATOR}test_a_refused_cancel_is_tried_again_and_a_lost_one_is_looked_up",
            f"{ALLOWANCE}test_a_fill_during_the_cancel_is_not_sold_twice",
        ),
    ),
    Failure(
        number=18,
        happens="A quantity above the freeze quantity is refused, or sliced with mixed results.",
        right="Freeze quantities are dated data: entries stay under them and exits go out in parts; slices are read one "
        "by one, in both shapes of the answer.",
        tests=(
            "tests/risk/test_market_life.py::test_the_freeze_quantity_is_the_newest_of_its_day",
            "tests/risk/test_market_life.py::test_an_entry_above_the_freeze_quantity_is_reduced_to_whole_lots_under_it",
            "tests/risk/test_market_life.py::test_an_exit_above_the_freeze_quantity_goes_out_in_parts",
            f"{FAILS}test_a_refusal_without_a_row_is_a_definite_no",
            f"{FAILS}test_slices_of_one_order_end_one_by_one",
            f"{CALLS}test_a_sliced_order_s_parts_are_read_in_both_shapes",
            f"{CALLS}test_a_part_in_doubt_leaves_the_whole_order_to_be_looked_up",
        ),
    ),
    Failure(
        number=19,
        happens="A price is outside the circuit or the exchange's price protection, at once or at the trigger.",
        right="Prices stay within the band; an order that is cancelled for its price is priced anew, and a position is "
        "never left without its exit.",
        tests=(
            f"{FAILS}test_an_order_that_the_exchange_cancels_for_its_price_is_seen_as_cancelled",
            f"{DESK}test_an_exit_that_the_exchange_cancels_is_placed_anew",
            f"{TRADING}test_an_exit_price_never_leaves_the_price_band",
        ),
    ),
    Failure(
        number=20,
        happens="The exchange cancels resting orders by itself.",
        right="A cancellation nobody asked for is normal: entries are given up with what they got, exits go again.",
        tests=(
            f"{DESK}test_an_entry_that_the_exchange_cancels_is_given_up_and_its_part_is_kept",
            f"{DESK}test_an_exit_that_the_exchange_cancels_is_placed_anew",
            f"{BOOKS}test_resting_orders_expire_with_their_day",
        ),
    ),
    Failure(
        number=21,
        happens="A good-till-triggered order fired, but the order that it placed was refused.",
        right="A fired trigger is read to the end of its order, and one that fired in vain is an alarm.",
        tests=(
            f"{FAILS}test_a_trigger_that_fired_in_vain_is_told_apart_from_one_that_left_an_order",
            f"{DESK}test_a_trigger_that_fired_in_vain_is_an_alarm_once",
            "tests/brokers/adapters/test_kite_golden.py::test_a_trigger_that_fired_in_vain_says_why",
        ),
    ),
    Failure(
        number=22,
        happens="428: the depository must authorise a sale.",
        right="The holder is sent to the depository; nothing is repeated.",
        tests=(
            f"{FAILS}test_selling_what_is_not_authorised_asks_the_holder_and_is_not_repeated",
            f"{ERRORS}test_refusals_carry_a_stable_code",
        ),
    ),
    Failure(
        number=23,
        happens="The user trades by hand, elsewhere.",
        right="Foreign orders are shown and counted as exposure, and never touched; the venue's positions are the truth.",
        tests=(
            f"{BOOKS}test_orders_placed_elsewhere_are_external_and_counted",
            f"{BOOKS}test_what_others_closed_is_neither_sold_a_second_time_nor_bought_back",
            "tests/execution/test_guardian.py::test_the_guardian_cancels_our_entries_and_leaves_the_orders_of_others",
        ),
    ),
    Failure(
        number=24,
        happens="The broker squares intraday positions off.",
        right="The desk is flat before; what the broker closed is not sold again.",
        tests=(
            f"{BOOKS}test_an_exit_does_not_sell_what_a_brokers_unseen_square_off_has_closed",
            f"{TRADING}test_intraday_positions_are_squared_off_before_the_broker_does",
        ),
    ),
    Failure(
        number=25,
        happens="Instruments are renamed or reused; lots and ticks change.",
        right="Each day's list is compared with the last; what no longer fits is halted.",
        tests=(
            "tests/brokers/domain/test_listings.py::test_a_change_is_named",
            "tests/brokers/domain/test_listings.py::test_a_number_given_to_another_contract_is_no_new_name",
            "tests/brokers/domain/test_listings.py::test_half_a_list_is_refused_with_its_numbers",
            "tests/execution/test_listing_changes.py::test_a_deployment_on_a_contract_that_changed_stops_and_says_why",
            f"{TAKEOVER}test_a_deployment_that_no_longer_fits_is_halted_at_takeover",
        ),
    ),
    Failure(
        number=26,
        happens="History brings the running candle, gaps, or refuses long spans.",
        right="Only closed candles are kept, asked for in spans that the venue takes, days by their date.",
        tests=(
            f"{KITE}test_history_is_closed_bars_in_order",
            "tests/brokers/adapters/test_kite_protocol.py::test_the_running_candle_is_left_out",
            "tests/brokers/adapters/test_kite_protocol.py::test_chunks_cover_every_candle_once_and_fit_the_limit",
            "tests/brokers/adapters/test_kite_protocol.py::test_a_day_candle_belongs_to_its_date",
            f"{CALLS}test_a_window_between_two_opens_loses_no_candle",
        ),
    ),
    Failure(
        number=27,
        happens="Postbacks come twice, late, out of order or forged.",
        right="The checksum is proven, repetitions are dropped, and a genuine one is only a reason to read the books.",
        tests=(
            f"{CALLS}test_a_postback_is_proven_by_the_documented_vector",
            f"{CALLS}test_a_forged_postback_is_known",
            f"{CALLS}test_a_replayed_postback_with_other_words_is_still_genuine_and_so_no_fact",
            f"{POSTBACKS}test_a_forged_postback_leads_to_no_read",
            f"{POSTBACKS}test_what_is_said_again_is_not_asked_for_again",
        ),
    ),
    Failure(
        number=28,
        happens="A quote leaves an instrument out.",
        right="It is no data: absent, never a price of 0.",
        tests=(
            f"{FAILS}test_an_instrument_without_data_is_absent_from_quotes",
            f"{CALLS}test_quotes_are_gathered_over_several_calls_and_absent_instruments_stay_absent",
        ),
    ),
    Failure(
        number=29,
        happens="An untraded option has a price, a close and a depth of 0.",
        right="A price of 0 is none: nothing is divided by it and no order is sent at it.",
        tests=(
            f"{CALLS}test_quotes_are_gathered_over_several_calls_and_absent_instruments_stay_absent",
            f"{GATE}test_refuses_where_the_price_is_no_price",
            f"{TRADING}test_an_exit_price_never_leaves_the_price_band",
        ),
    ),
    Failure(
        number=30,
        happens="Two workers act for one account.",
        right="One lease with a fencing token for each account; whoever holds an older one writes and sends nothing.",
        tests=(
            f"{LEASE}test_of_many_who_claim_at_once_one_wins",
            f"{SESSION}test_another_owner_takes_over_without_a_second_order",
            "tests/execution/test_journal.py::test_refuses_a_stale_token_and_writes_the_rest_of_the_group",
            CRASHES,
        ),
    ),
    Failure(
        number=31,
        happens="The process ends in the middle of an order.",
        right="The intent is durable before any byte leaves; on boot doubts are settled by tag before a strategy runs.",
        tests=(
            f"{SESSION}test_the_intent_stands_in_the_journal_before_the_venue_hears_of_it",
            f"{TAKEOVER}test_an_order_in_flight_that_the_venue_has_is_found_by_its_tag",
            f"{TAKEOVER}test_entries_wait_for_the_books_and_are_decided_again_after_them",
            CRASHES,
        ),
    ),
    Failure(
        number=32,
        happens="The host's clock is off, or in another zone.",
        right="The clock is compared with the venue's before going live; times are UTC inside and the exchange's zone in "
        "the calendar alone.",
        tests=(
            "tests/brokers/test_preflight.py::test_a_clock_ten_seconds_off_keeps_the_account_from_going_live",
            f"{FAILS}test_times_of_the_venue_are_the_same_instant_wherever_the_desk_runs",
            f"{CALENDAR}test_a_time_without_a_zone_is_refused",
        ),
    ),
    Failure(
        number=33,
        happens="A gateway answers with HTML, or with nothing.",
        right="No data to a read, an unknown outcome to a write.",
        tests=(
            f"{FAILS}test_a_page_of_html_is_no_data_to_a_read_and_a_doubt_to_a_cancel",
            f"{ERRORS}test_a_page_of_html_proves_nothing_about_a_write",
            f"{ERRORS}test_a_success_that_cannot_be_read_is_none",
        ),
    ),
    Failure(
        number=34,
        happens="A holiday is added days before; a Sunday trades; the close moves.",
        right="The calendar is data; a year without one trades nothing; an open without a price is told.",
        tests=(
            f"{DESK}test_a_trading_day_without_a_first_price_is_told_and_nothing_is_entered",
            f"{CALENDAR}test_knows_trading_days",
            f"{CALENDAR}test_takes_the_hours_of_the_day",
            f"{TRADING}test_a_year_without_a_calendar_trades_nothing_and_says_so",
        ),
    ),
)


def main():
    """Print the list."""
    for failure in FAILURES:
        print(f"{failure.number:2}  {failure.happens}\n    {failure.right}")  # noqa: T201 - it is asked to print
        for name in failure.tests:
            print(f"      {name}")  # noqa: T201 - as above


if __name__ == "__main__":
    main()
