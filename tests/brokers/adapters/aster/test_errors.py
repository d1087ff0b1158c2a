import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.adapters.aster.errors import ACTIONS, ErrorClass, Refusal, class_of, data_of, error_of, refusal_of
from brokers.domain.errors import Ambiguous, DataError, NeedsLogin, Rejected, Retryable, VenueError
from brokers.ports import Reply
from tests.reference import reference_file


def a_reply(status, body):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, headers={}, body=content)


def a_refusal(code, *, status=400, message="no"):
    return Refusal(status=status, code=code, message=message)


@pytest.mark.reference
def test_every_documented_sample_has_a_class_and_an_action():
    for sample in json.loads(reference_file("errors/samples.json", folder="aster").read_text())["samples"]:
        reply = a_reply(sample["status"], b"<html>" if sample["body"] is None else sample["body"])
        for is_write in (True, False):
            with pytest.raises(VenueError) as error:
                data_of(reply, is_write=is_write)
            assert ACTIONS[ErrorClass(error.value.details["class"])] == error.value.details["action"]


@pytest.mark.reference
def test_every_documented_code_has_one_class():
    codes = json.loads(reference_file("errors/codes.json", folder="aster").read_text())
    for row in codes:
        assert class_of(a_refusal(row["code"]), is_write=True) in ErrorClass


@pytest.mark.parametrize(
    ("status", "code"), [(503, -1007), (500, 0), (504, 0), (400, -1006), (400, -1007), (400, -1000), (400, -1001)]
)
def test_a_doubtful_write_is_unknown_and_a_doubtful_read_may_be_asked_again(status, code):
    refusal = a_refusal(code, status=status)
    assert isinstance(error_of(refusal, is_write=True), Ambiguous)
    assert isinstance(error_of(refusal, is_write=False), Retryable)


@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", b"{"])
def test_an_answer_that_is_not_the_exchanges_leaves_a_write_unknown(body):
    for status in (200, 400, 502):
        with pytest.raises(Ambiguous):
            data_of(a_reply(status, body), is_write=True)
    with pytest.raises(DataError):
        data_of(a_reply(200, body), is_write=False)


@pytest.mark.parametrize("status", [429, 418, 403])
def test_a_door_that_is_shut_is_a_definite_no(status):
    error = error_of(a_refusal(0, status=status), is_write=True)
    assert isinstance(error, Rejected)
    assert error.code == "venue.throttled"


def test_a_ban_says_when_it_ends_where_the_exchange_does():
    message = "Way too many requests; IP banned until 1768185334423. Use the websocket."
    banned = error_of(a_refusal(-1003, status=418, message=message), is_write=False)
    assert banned.details["banned_until_ms"] == 1768185334423
    assert "banned_until_ms" not in error_of(a_refusal(-1003, status=418), is_write=False).details


@pytest.mark.parametrize("code", [-1022, -2014, -2015])
def test_a_wrong_key_ends_the_session_once(code):
    assert isinstance(error_of(a_refusal(code, status=401), is_write=True), NeedsLogin)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-1021, ErrorClass.CLOCK), (-4225, ErrorClass.CLOCK), (-1102, ErrorClass.MALFORMED),
        (-4164, ErrorClass.FILTER), (-2019, ErrorClass.FUNDS), (-2022, ErrorClass.POSITION_MODE),
        (-4061, ErrorClass.POSITION_MODE), (-2021, ErrorClass.TRIGGER), (-2013, ErrorClass.ORDER_STATE),
        (-4140, ErrorClass.SYMBOL_STATE), (-4046, ErrorClass.NO_CHANGE), (-1125, ErrorClass.LISTEN_KEY),
        (-987654, ErrorClass.OTHER),
    ],
)  # fmt: skip
def test_a_code_belongs_to_its_class_and_places_nothing(code, kind):
    error = error_of(a_refusal(code), is_write=True)
    assert error.details["class"] == kind
    assert isinstance(error, Rejected)


def test_a_wrong_symbol_is_a_mistake_of_ours_even_under_the_code_of_doubt():
    refusal = a_refusal(-1000, message="Invalid symbol.")
    assert class_of(refusal, is_write=True) is ErrorClass.MALFORMED


@pytest.mark.parametrize("body", [{"code": 200, "msg": "success"}, {"code": "200", "msg": "done"}, [], {}])
def test_a_success_may_carry_a_code(body):
    assert refusal_of(200, body) is None
    assert data_of(a_reply(200, body), is_write=True) == body


@given(st.integers(min_value=200, max_value=599), st.binary(max_size=60), st.booleans())
def test_no_answer_raises_anything_outside_the_error_tree(status, body, is_write):
    with suppress(VenueError, DataError):
        assert data_of(a_reply(status, body), is_write=is_write) is not None
