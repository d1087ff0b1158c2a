"""The ways in which Aster fails, what is right then, and the tests that show it.

One entry for each row of the adapter's written list of failures; `test_aster_failures` holds the list to be whole and
every named test to be collected. `python -m tests.contracts.aster_failures` prints it.
"""

from tests.contracts.kite_failures import Failure

FAILS = "tests/contracts/test_aster_failures.py::"
STREAM = "tests/contracts/test_aster_stream.py::"
ADAPTER = "tests/brokers/adapters/aster/"
WORDS = f"{ADAPTER}test_client_words.py::"
DOUBT = f"{ADAPTER}test_client_doubt.py::"
KEYS = f"{ADAPTER}test_client_keys.py::"
BOOKS = f"{ADAPTER}test_client_books.py::"
DOOR = f"{ADAPTER}test_door.py::"
NONCES = f"{ADAPTER}test_nonces.py::"
WEIGHTS = f"{ADAPTER}test_weights.py::"
FILTERS = f"{ADAPTER}test_filters.py::"
USER_STREAM = f"{ADAPTER}test_user_stream.py::"
MARKET_STREAM = f"{ADAPTER}test_market_stream.py::"
DECODE = f"{ADAPTER}test_decode.py::"
PERPETUALS = "tests/execution/domain/test_perpetuals.py::"
FORCED = "tests/execution/domain/test_forced.py::"
UNKNOWN = "tests/execution/domain/test_unknown_orders.py::"

FAILURES = (
    Failure(
        number=1,
        happens="An order times out, or is answered with 5xx, -1006 or -1007, and yet it may exist.",
        right="The outcome is unknown: nothing is sent again; the order is looked for by our own id until presence or "
        "absence is proven; entries in that underlying wait.",
        tests=(
            f"{FAILS}test_an_order_in_doubt_is_sent_once_and_found_by_our_own_id",
            f"{FAILS}test_an_order_that_never_arrived_is_in_doubt_too_and_stands_in_no_book",
            f"{DOUBT}test_an_order_without_a_clear_answer_is_in_doubt_and_never_sent_again",
            f"{DOUBT}test_nothing_left_is_nothing_sent",
            f"{UNKNOWN}test_entries_of_the_underlying_wait_for_the_doubt",
            f"{UNKNOWN}test_two_look_ups_and_two_minutes_prove_absence",
        ),
    ),
    Failure(
        number=2,
        happens="The clocks drift apart: signatures are refused for their time (-1021, -4225).",
        right="The difference is measured and added; a read is signed anew once, an order is looked for and not sent "
        "again; half a second alarms, five seconds stop entries.",
        tests=(
            f"{FAILS}test_a_signature_out_of_time_is_made_anew_for_a_read_and_never_for_an_order",
            f"{KEYS}test_signatures_carry_the_exchange_s_time",
            f"{KEYS}test_five_seconds_off_stop_entries_and_leave_exits_and_cancels",
            f"{DOUBT}test_an_order_refused_for_its_time_that_stands_in_the_book_is_adopted",
            f"{NONCES}test_every_process_of_a_user_draws_from_one_sequence",
            f"{PERPETUALS}test_a_clock_far_from_the_venues_stops_entries_until_they_agree",
        ),
    ),
    Failure(
        number=3,
        happens="The key of the account's stream expires, and the socket stays open and silent.",
        right="It is extended every half hour; a dead one is replaced on a new connection, and the books are read.",
        tests=(
            f"{FAILS}test_a_stream_key_that_expired_cannot_be_extended_and_another_is_made",
            f"{STREAM}test_an_expired_key_is_replaced_and_the_stream_goes_on",
            f"{USER_STREAM}test_the_key_is_extended_every_half_hour_and_again_within_a_minute",
            f"{USER_STREAM}test_an_expired_key_is_replaced_although_the_socket_stays_open",
            f"{USER_STREAM}test_what_arrives_before_the_books_are_read_is_told_by_the_exchanges_time",
            f"{PERPETUALS}test_a_doubt_about_the_stream_holds_live_orders_until_the_books_are_read",
        ),
    ),
    Failure(
        number=4,
        happens="A socket is open, answers pings and says nothing.",
        right="Each symbol's mark price is its heartbeat; the account's stream is held against the books, and any "
        "difference opens it anew.",
        tests=(
            f"{STREAM}test_silent_market_sockets_are_left_for_new_ones",
            f"{STREAM}test_what_a_silent_stream_kept_back_is_found_in_the_books",
            f"{MARKET_STREAM}test_silence_is_noticed_within_seconds_and_ends_in_a_new_connection",
            f"{MARKET_STREAM}test_one_silent_symbol_is_told_and_given_one_new_connection_while_the_others_go_on",
            f"{USER_STREAM}test_a_silent_stream_is_found_out_by_the_books",
            f"{USER_STREAM}test_an_event_that_comes_a_moment_after_the_books_is_no_difference",
        ),
    ),
    Failure(
        number=5,
        happens="The exchange ends every connection after 24 hours.",
        right="The second socket is open before the first is closed, at a moment of its own; nothing is lost or doubled.",
        tests=(
            f"{STREAM}test_a_change_over_is_not_noticed_by_the_desk",
            f"{STREAM}test_broken_connections_are_opened_again_and_doubted",
            f"{MARKET_STREAM}test_a_change_over_after_23_hours_loses_and_doubles_nothing",
            f"{MARKET_STREAM}test_each_connection_has_its_own_moment_to_change_over",
            f"{USER_STREAM}test_a_change_over_after_23_hours_tells_nothing_twice",
            f"{MARKET_STREAM}test_a_lost_connection_is_opened_again_after_growing_waits",
        ),
    ),
    Failure(
        number=6,
        happens="A price or quantity is off the symbol's grid (-1111, -4014, -4023).",
        right="Everything is brought onto tick and step by exact arithmetic before it is sent; after a refusal the "
        "rules are read again.",
        tests=(
            f"{FAILS}test_the_exchange_refuses_what_is_off_its_grid_and_the_adapter_sends_none",
            f"{FILTERS}test_a_hundred_thousand_random_orders_lie_on_the_grid_of_every_captured_symbol",
            f"{WORDS}test_what_the_rules_refuse_is_never_sent",
            f"{DOUBT}test_after_a_broken_rule_the_list_is_read_again_and_after_a_wrong_side_the_mode",
        ),
    ),
    Failure(
        number=7,
        happens="An order is too small (-4164), and dust is left of a position.",
        right="What is too small is not traded; dust is closed by an order that only reduces.",
        tests=(
            f"{FAILS}test_too_small_an_order_is_not_traded_and_dust_is_closed_all_the_same",
            f"{WORDS}test_dust_is_closed_by_an_order_that_only_reduces",
            f"{PERPETUALS}test_an_entry_below_the_venues_least_is_refused_with_a_sentence",
            f"{PERPETUALS}test_an_exit_can_only_reduce_and_takes_what_is_left_however_small",
        ),
    ),
    Failure(
        number=8,
        happens="An exit is refused because nothing is held (-2022, -4118), or the account is in another mode (-4061).",
        right="It is not repeated: position and mode are read again; what still waits to reduce is cancelled.",
        tests=(
            f"{FAILS}test_an_exit_of_what_is_not_held_is_refused_and_the_position_read_again",
            f"{FAILS}test_a_side_that_the_account_s_mode_does_not_have_is_refused_and_the_mode_read_again",
            f"{FORCED}test_an_exit_that_has_nothing_left_to_reduce_is_cancelled",
            f"{PERPETUALS}test_an_account_in_another_mode_is_refused_for_strategies",
        ),
    ),
    Failure(
        number=9,
        happens="Stops stay behind after a close, pile up, or go with a cancel that meant another.",
        right="Each protective order is known and cancelled by its own id; one too many is refused and none is lost.",
        tests=(
            f"{FAILS}test_a_stop_is_cancelled_by_its_own_id_and_the_target_stays",
            f"{FAILS}test_more_stops_than_the_exchange_takes_are_refused_and_none_is_lost",
            f"{FAILS}test_a_stop_that_would_fire_at_once_is_refused_by_its_class",
            f"{FORCED}test_an_exit_that_has_nothing_left_to_reduce_is_cancelled",
        ),
    ),
    Failure(
        number=10,
        happens="The exchange liquidates or deleverages.",
        right="The fill is booked with its source and fee, the strategy halts, an alarm says why.",
        tests=(
            f"{FAILS}test_a_fill_by_the_exchange_s_own_hand_says_so",
            f"{BOOKS}test_a_trade_says_its_fee_and_whose_hand_it_was",
            f"{USER_STREAM}test_a_fill_by_the_exchanges_own_hand_bears_its_source",
            f"{FORCED}test_a_liquidation_is_booked_on_whoever_held_with_its_source_and_its_fee",
            f"{FORCED}test_its_strategy_halts_and_an_alarm_says_why",
        ),
    ),
    Failure(
        number=11,
        happens="An order fills in part; its fills come twice or late.",
        right="A fill counts once by its trade, a status never goes back, a cancel keeps what was filled.",
        tests=(
            f"{FAILS}test_a_part_filled_order_counts_what_its_trades_say_and_keeps_it_when_cancelled",
            f"{USER_STREAM}test_a_fill_is_told_once_and_an_order_never_goes_back",
            f"{ADAPTER}test_feed_golden.py::test_the_lifecycle_case_adds_up_in_any_order_of_arrival",
        ),
    ),
    Failure(
        number=12,
        happens="429, a ban by 418 with or without an end, 403 from the firewall.",
        right="Every process of the address stops until the end that was told, else a minute and growing; afterwards "
        "cancels and exits go first. Polling ends at 70 % of the weight, so that it seldom comes to this.",
        tests=(
            f"{FAILS}test_an_address_that_is_told_to_stay_away_does_in_every_process",
            f"{DOOR}test_a_ban_ends_when_the_exchange_says_or_after_a_minute",
            f"{DOOR}test_nothing_at_all_is_sent_while_the_address_is_banned",
            f"{DOOR}test_when_the_door_opens_cancels_and_exits_go_first",
            f"{WEIGHTS}test_polling_takes_seventy_percent_of_a_minute_at_most",
            f"{WEIGHTS}test_when_polling_has_used_its_part_an_exit_and_an_entry_still_go_at_once",
        ),
    ),
    Failure(
        number=13,
        happens="The book is old or crossed, a symbol is settled, funding changes its hours, words are unknown.",
        right="Such a book is not believed; a leaving symbol takes no entry and is exited; what is unknown is "
        "tolerated and told once.",
        tests=(
            f"{STREAM}test_a_book_kept_from_differences_is_whole_and_never_crossed",
            f"{DECODE}test_crossed_best_prices_are_counted_and_not_believed",
            f"{FAILS}test_a_symbol_that_settles_takes_no_entry_from_us_and_none_at_the_exchange",
            f"{WORDS}test_a_symbol_that_leaves_takes_no_entry_and_still_lets_go",
            f"{PERPETUALS}test_a_contract_that_leaves_the_list_is_exited_and_entered_no_more",
            "tests/brokers/test_listings.py::test_a_perpetual_that_leaves_stays_listed_for_its_holders_and_is_found_no_more",
            f"{MARKET_STREAM}test_what_is_unknown_or_refused_is_told_once",
            f"{MARKET_STREAM}test_the_funding_rate_is_told_when_its_hour_changes_and_now_and_then",
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
