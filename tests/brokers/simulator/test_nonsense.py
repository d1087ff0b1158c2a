"""Whatever a client sends, the simulator answers in its envelope and stays up."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.simulator.kite_requests import Request
from brokers.simulator.kite_rest import respond
from brokers.simulator.kite_stream import Socket
from tests.brokers.simulator.site import KEY, a_client, a_site, an_order

SITE, CLOCK = a_site()
AUTHORIZATION = a_client(SITE).headers["Authorization"]
PATHS = ["/orders/regular", "/orders/regular/1", "/orders/1", "/session/token", "/quote", "/instruments/NSE",
         "/instruments/historical/256265/minute", "/user/margins/equity", "/sim/ledger", "/sim/faults", "/nope"]  # fmt: skip
FIELDS = [*an_order(), "trigger_price", "market_protection", "tag", "api_key", "request_token", "checksum", "i", "from",
          "to", "since", "disclosed_quantity"]  # fmt: skip
values = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["-1", "1e9999", "NaN", "inf", "9" * 40, "0", "BUY", "SL", "2026-11-20", "0001-01-01", KEY, "²"]),
)
forms = st.dictionaries(st.sampled_from(FIELDS), values.map(lambda value: [value]), max_size=6)


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    path=st.sampled_from(PATHS),
    base=st.booleans(),
    form=forms,
)
def test_any_request_gets_an_answer(method, path, base, form):
    start = {name: [value] for name, value in an_order().items()} if base else {}
    headers = {"authorization": AUTHORIZATION}
    request = Request(method=method, path=path, query=form, form={**start, **form}, headers=headers, body=b"{")

    answer = respond(SITE, request)

    assert answer.status in {200, 400, 403, 404, 405}
    if answer.status != 200:
        assert orjson.loads(answer.body)["status"] == "error"


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.one_of(
        json_values,
        st.fixed_dictionaries({"a": st.sampled_from(["subscribe", "unsubscribe", "mode"]), "v": json_values}),
        st.fixed_dictionaries({"a": st.just("mode"), "v": st.tuples(st.just("full"), json_values).map(list)}),
    )
)
def test_any_socket_message_is_obeyed_or_called_wrong(message):
    socket, refused = Socket("AB1234", SITE.venue.board, CLOCK), None

    try:
        socket.command(message)
    except ValueError as error:
        refused = str(error)

    if refused is None:
        assert message["a"] in {"subscribe", "unsubscribe", "mode"}
    else:
        assert refused.startswith(("Unknown message", "At most"))


@pytest.mark.parametrize("host", ["[", "127.0.0.1.evil.example", "", "localhost:1:2@evil.example"])
async def test_strange_hosts_are_refused(host):
    response = await a_client(SITE).get("/sim/state", headers={"Host": host})

    assert response.status_code == 400
