import pytest

from brokers.adapters.kite import errors
from brokers.domain.errors import Ambiguous, DataError, Misconfigured, NeedsLogin, Rejected, Retryable
from tests.brokers.adapters.doubles import a_refusal, a_reply

TIMED_OUT = "Order request timed out. Please check the order book and confirm before placing again."
HTML = "<html><body>503 Service Unavailable</body></html>"

# status, error type, message; what it means to a read; what it means to a write
TABLE = [
    (403, "TokenException", "no", NeedsLogin, NeedsLogin),
    (403, "TwoFAException", "no", NeedsLogin, NeedsLogin),
    (403, "PermissionException", "no", Rejected, Rejected),
    (403, "PermissionError", "no", Rejected, Rejected),
    (403, "UserException", "no", Rejected, Rejected),
    (400, "InputException", "no", Rejected, Rejected),
    (400, "MarginException", "no", Rejected, Rejected),
    (400, "HoldingException", "no", Rejected, Rejected),
    (400, "OrderException", "no", Rejected, Rejected),
    (400, "AnExceptionOfNextYear", "no", Rejected, Rejected),
    (400, "OrderException", TIMED_OUT, Retryable, Ambiguous),
    (400, "InputException", "please Check the orderbook", Retryable, Ambiguous),
    (428, "HoldingException", "no", Rejected, Rejected),
    (429, "NetworkException", "Too many requests", Retryable, Rejected),
    (500, "GeneralException", "no", Retryable, Ambiguous),
    (500, "OrderException", "no", Retryable, Ambiguous),
    (502, "DataException", "no", Retryable, Ambiguous),
    (503, "NetworkException", "no", Retryable, Ambiguous),
    (504, "DataException", "no", Retryable, Ambiguous),
    (599, "", "no", Retryable, Ambiguous),
]


@pytest.mark.parametrize(("status", "error_type", "message", "for_read", "for_write"), TABLE)
def test_each_refusal_has_one_meaning_for_reads_and_one_for_writes(status, error_type, message, for_read, for_write):
    reply = a_refusal(status, error_type, message)

    for is_write, meaning in ((False, for_read), (True, for_write)):
        with pytest.raises(meaning) as caught:
            errors.data_of(reply, is_write=is_write)
        assert type(caught.value) is meaning
        assert caught.value.details["status"] == status


@pytest.mark.parametrize("status", [200, 302, 400, 403, 404, 502, 503])
def test_a_page_of_html_proves_nothing_about_a_write(status):
    with pytest.raises(Ambiguous):
        errors.data_of(a_reply(HTML, status), is_write=True)


@pytest.mark.parametrize("status", [200, 302, 400, 403, 404])
def test_a_page_of_html_is_no_data(status):
    with pytest.raises(DataError):
        errors.data_of(a_reply(HTML, status), is_write=False)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_may_ask_again_after_a_gateway_s_page(status):
    with pytest.raises(Retryable):
        errors.data_of(a_reply(HTML, status), is_write=False)


@pytest.mark.parametrize("body", [HTML, "", "[]", "null", "{}", '{"status":"success"}', '{"status":"odd","data":1}'])
def test_a_success_that_cannot_be_read_is_none(body):
    with pytest.raises(Ambiguous):
        errors.data_of(a_reply(body), is_write=True)
    with pytest.raises(DataError):
        errors.data_of(a_reply(body), is_write=False)


@pytest.mark.parametrize("value", ["null", "true", "[]", "{}"])
def test_any_data_of_a_success_is_returned(value):
    assert errors.data_of(a_reply(f'{{"status":"success","data":{value}}}'), is_write=False) in (None, True, [], {})


def test_an_error_told_with_a_200_is_still_an_error():
    with pytest.raises(NeedsLogin):
        errors.data_of(a_refusal(200, "TokenException"), is_write=False)


@pytest.mark.parametrize(
    ("status", "error_type", "code"),
    [
        (403, "PermissionException", "venue.permission"),
        (429, "NetworkException", "venue.throttled"),
        (428, "HoldingException", "venue.authorise_holdings"),
        (400, "MarginException", "venue.margin"),
    ],
)
def test_refusals_carry_a_stable_code(status, error_type, code):
    with pytest.raises(Rejected) as caught:
        errors.data_of(a_refusal(status, error_type), is_write=True)

    assert caught.value.code == code


@pytest.mark.parametrize("body", ["", HTML, '{"status":"error"}'])
def test_a_list_that_is_no_csv_is_refused(body):
    with pytest.raises(DataError):
        errors.text_of(a_reply(body))


ABOUT_ADDRESSES = [
    "Order rejected: IP not in the allowed list",
    "Your IP 10.0.0.1 is not whitelisted for this app.",
    "static ip mismatch",
    "Request from an IPv6 that is not registered",
    "This address is not white-listed",
]


@pytest.mark.parametrize("message", ABOUT_ADDRESSES)
@pytest.mark.parametrize(
    ("status", "error_type"), [(400, "InputException"), (403, "PermissionException"), (403, "OrderException")]
)
def test_an_order_from_an_unregistered_address_is_a_matter_of_configuration(status, error_type, message):
    reply = a_refusal(status, error_type, message)

    with pytest.raises(Misconfigured) as caught:
        errors.data_of(reply, is_write=True)
    assert caught.value.code == "venue.egress"
    with pytest.raises(Rejected) as read:
        errors.data_of(reply, is_write=False)
    assert type(read.value) is Rejected


@pytest.mark.parametrize("message", ["Insufficient funds for RIPPLE", "The chip is not tradable", "Zip code missing"])
def test_a_word_that_only_holds_these_letters_is_no_address(message):
    with pytest.raises(Rejected) as caught:
        errors.data_of(a_refusal(400, "OrderException", message), is_write=True)
    assert caught.value.code == "venue.order"


def test_a_plan_without_the_permission_is_no_dead_session():
    reply = a_refusal(403, "PermissionException", "Insufficient permission for that call.")

    for is_write in (False, True):
        with pytest.raises(Rejected) as caught:
            errors.data_of(reply, is_write=is_write)
        assert (type(caught.value), caught.value.code) == (Rejected, "venue.permission")


def test_a_market_order_without_protection_is_known_for_the_bug_it_is():
    message = "Market orders without market protection are not allowed via API. Please set market protection."

    with pytest.raises(Rejected) as caught:
        errors.data_of(a_refusal(400, "InputException", message), is_write=True)
    assert caught.value.code == "venue.unprotected"
