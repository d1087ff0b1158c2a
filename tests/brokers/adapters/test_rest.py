import asyncio
import logging
from contextlib import asynccontextmanager

import pytest

from brokers.adapters.rest import HttpNet
from brokers.domain.errors import Ambiguous, NeedsLogin, Rejected, Retryable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SECRET = "a-secret-token"


class Server:
    """A loopback server that keeps what it was sent and answers as told: bytes, None to hang up, or never."""

    def __init__(self, answer=OK):
        self.answer = answer
        self.received = []
        self.connections = 0
        self.hung_up = asyncio.Event()

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while head := await self._request(reader):
                self.received.append(head)
                if self.answer is None:
                    return
                writer.write(self.answer)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            self.hung_up.set()
            writer.close()

    async def _request(self, reader):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
        return head + await reader.readexactly(length)


@asynccontextmanager
async def serving(server):
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    net = HttpNet()
    try:
        yield net, f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        await net.close()
        listener.close()
        await listener.wait_closed()


async def test_returns_the_whole_answer_whatever_its_status():
    server = Server(b"HTTP/1.1 503 Busy\r\nContent-Length: 3\r\nX-A: b\r\n\r\nno!")
    async with serving(server) as (net, url):
        reply = await net.request("GET", f"{url}/a", params=[("i", "NSE:M&M"), ("i", "NSE:SBIN")])

    assert (reply.status, reply.body, reply.headers["x-a"]) == (503, b"no!", "b")
    assert server.received[0].startswith(b"GET /a?i=NSE%3AM%26M&i=NSE%3ASBIN HTTP/1.1\r\n")


async def test_a_form_is_url_encoded():
    server = Server()
    async with serving(server) as (net, url):
        await net.request("POST", url, form={"tradingsymbol": "M&M", "quantity": "1"})

    assert server.received[0].endswith(b"tradingsymbol=M%26M&quantity=1")


@pytest.mark.parametrize("text", ["a=%E5%B8%81%3A%2F&b=%5B1%2C2%5D&c=x+y&signature=0xab", "lower=%e5%b8&odd=~*'()!"])
async def test_a_signed_text_leaves_byte_for_byte_as_query_and_as_body(text):
    server = Server()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with serving(server) as (net, url):
        await net.request("GET", f"{url}/a?{text}")
        await net.request("POST", f"{url}/a", content=text.encode(), headers=form)

    assert server.received[0].startswith(f"GET /a?{text} HTTP/1.1".encode())
    assert server.received[1].endswith(b"\r\n\r\n" + text.encode())
    assert b"content-type: application/x-www-form-urlencoded" in server.received[1].lower()


async def test_requests_share_a_connection():
    server = Server()
    async with serving(server) as (net, url):
        for _ in range(3):
            await net.request("POST", url, form={"a": "b"})

    assert server.connections == 1


async def test_redirects_are_answers_and_are_not_followed():
    server = Server(b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n")
    async with serving(server) as (net, url):
        reply = await net.request("GET", url)

    assert reply.status == 302
    assert len(server.received) == 1


async def test_the_permit_is_asked_once_a_connection_is_had_and_before_any_byte():
    server = Server()
    seen = []
    async with serving(server) as (net, url):
        await net.request("POST", url, form={"a": "b"}, before_write=lambda: seen.append(list(server.received)))
        reused = []
        await net.request(
            "POST", url, form={"a": "b"}, before_write=lambda: reused.append((server.connections, len(server.received)))
        )

    assert seen == [[]]
    assert reused == [(1, 1)]


@pytest.mark.parametrize("refusal", [PermissionError("the lease ran out"), TimeoutError("late"), Rejected("killed")])
async def test_a_refused_permit_sends_nothing_and_comes_back_unchanged(refusal):
    def refuse():
        raise refusal

    server = Server()
    async with serving(server) as (net, url):
        with pytest.raises(type(refusal)) as caught:
            await net.request("POST", url, form={"a": "b"}, before_write=refuse)
        await asyncio.wait_for(server.hung_up.wait(), 2)
        reply = await net.request("POST", url, form={"c": "d"})

    assert caught.value is refusal
    assert reply.status == 200
    assert [request[-3:] for request in server.received] == [b"c=d"]


async def test_a_refused_permit_on_a_reused_connection_sends_nothing():
    def refuse():
        raise PermissionError

    server = Server()
    async with serving(server) as (net, url):
        await net.request("POST", url, form={"a": "b"})
        with pytest.raises(PermissionError):
            await net.request("POST", url, form={"c": "d"}, before_write=refuse)
        await asyncio.wait_for(server.hung_up.wait(), 2)

    assert len(server.received) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refused_connection_proves_that_nothing_was_sent(method, unused_tcp_port):
    asked = []
    net = HttpNet()
    with pytest.raises(Retryable):
        await net.request(method, f"http://127.0.0.1:{unused_tcp_port}/x", before_write=lambda: asked.append(1))
    await net.close()

    assert asked == []


@pytest.mark.parametrize(
    ("method", "meaning"), [("POST", Ambiguous), ("PUT", Ambiguous), ("DELETE", Ambiguous), ("GET", Retryable)]
)
async def test_a_lost_reply_leaves_a_write_unknown_and_a_read_repeatable(method, meaning):
    server = Server(answer=None)
    async with serving(server) as (net, url):
        with pytest.raises(meaning):
            await net.request(method, url)

    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (b"", Ambiguous),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Ambiguous),
        (b"nonsense\r\n\r\n", Ambiguous),
    ],
)
async def test_a_late_half_or_senseless_reply_leaves_a_write_unknown(answer, meaning):
    server = Server(answer)
    async with serving(server) as (net, url):
        with pytest.raises(meaning):
            await net.request("POST", url, form={"a": "b"}, timeout_s=0.2)


async def test_a_full_pool_is_waited_for_in_vain_without_a_byte():
    server = Server(b"")
    async with serving(server) as (net, url):
        busy = [asyncio.create_task(net.request("GET", url, timeout_s=0.6)) for _ in range(8)]
        await asyncio.sleep(0.1)
        with pytest.raises(Retryable) as caught:
            await net.request("POST", url, form={"a": "b"}, timeout_s=0.1)
        await asyncio.gather(*busy, return_exceptions=True)

    assert caught.value.code == "venue.unreachable"
    assert not any(request.startswith(b"POST") for request in server.received)


async def test_no_token_reaches_a_log_or_a_message(caplog):
    caplog.set_level(logging.DEBUG)
    server = Server(answer=None)
    failures = []
    async with serving(server) as (net, url):
        for target in (f"{url}/session/token?access_token={SECRET}", f"http://127.0.0.1:1/?access_token={SECRET}"):
            with pytest.raises((Ambiguous, Retryable)) as caught:
                await net.request("DELETE", target)
            failures.append(caught.value)
        for target in (f"ws{url[4:]}/?access_token={SECRET}", f"ws://127.0.0.1:1/?access_token={SECRET}"):
            with pytest.raises(Retryable) as caught:
                await net.connect(target)
            failures.append(caught.value)
        server.answer = OK
        await net.request("GET", f"{url}/?access_token={SECRET}")

    assert SECRET not in caplog.text
    assert all(SECRET not in str(failure) and failure.__suppress_context__ for failure in failures)


@pytest.mark.parametrize(
    ("status", "meaning"), [("403 Forbidden", NeedsLogin), ("503 Busy", Retryable), ("301 Moved", Retryable)]
)
async def test_a_refused_stream_says_whether_a_login_would_help(status, meaning):
    server = Server(f"HTTP/1.1 {status}\r\nLocation: ws://elsewhere.test/\r\nContent-Length: 0\r\n\r\n".encode())
    async with serving(server) as (net, url):
        with pytest.raises(meaning) as caught:
            await net.connect(f"ws{url[4:]}/")

    assert caught.value.details["status"] == int(status[:3])
