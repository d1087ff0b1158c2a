import asyncio
import contextlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from brokers.adapters.rest import HttpNet
from brokers.domain.errors import Retryable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ELSEWHERE = "127.0.0.2"  # another address of the loopback


class Venue:
    """Answers, and keeps who asked for what."""

    def __init__(self):
        self.heard = []

    async def serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heard.append((writer.get_extra_info("peername")[0], head.split(b"\r\n")[0]))
                writer.write(OK)
                await writer.drain()
        writer.close()


class Proxy:
    """Opens tunnels to one port, or refuses to."""

    def __init__(self, *, refuses=False):
        self.refuses, self.asked = refuses, []

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split(b"\r\n")[0])
        if self.refuses:
            writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            writer.close()
            return
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        onward = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await asyncio.gather(pump(reader, onward[1]), pump(onward[0], writer))


async def pump(reader, writer):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def listening(server, **options):
    served = []

    async def serve(reader, writer):
        served.append(asyncio.current_task())
        try:
            await server.serve(reader, writer)
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await asyncio.gather(*served, return_exceptions=True)


@contextlib.asynccontextmanager
async def net_with(**options):
    net = HttpNet(**options)
    try:
        yield net
    finally:
        await net.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "venue.test")])
    now = datetime.now(tz=UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "venue.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def test_orders_leave_from_the_accounts_address_and_reads_from_any():
    venue = Venue()
    async with listening(venue) as port, net_with(egress_address=ELSEWHERE) as net:
        await net.request("POST", f"http://127.0.0.1:{port}/orders/regular", before_write=lambda: None)
        await net.request("GET", f"http://127.0.0.1:{port}/orders")

    assert venue.heard == [
        (ELSEWHERE, b"POST /orders/regular HTTP/1.1"),
        ("127.0.0.1", b"GET /orders HTTP/1.1"),
    ]


async def test_an_account_without_an_address_leaves_from_the_machines():
    venue = Venue()
    async with listening(venue) as port, net_with() as net:
        await net.request("POST", f"http://127.0.0.1:{port}/orders/regular", before_write=lambda: None)

    assert venue.heard[0][0] == "127.0.0.1"


async def test_an_address_that_cannot_reach_the_venue_sends_nothing():
    venue, permits = Venue(), []
    async with listening(venue) as port, net_with(egress_address="::1") as net:
        with pytest.raises(Retryable) as caught:
            await net.request("POST", f"http://127.0.0.1:{port}/orders/regular", before_write=lambda: permits.append(1))

    assert (venue.heard, permits, caught.value.code) == ([], [], "venue.unreachable")


async def test_orders_pass_a_tunnel_and_reads_do_not(certificate):
    venue, proxy, permits = Venue(), Proxy(), []
    async with (
        listening(venue, ssl=certificate) as port,
        listening(proxy) as way,
        net_with(egress_address=f"http://127.0.0.1:{way}", verify=False) as net,
    ):
        await net.request(
            "POST",
            f"https://127.0.0.1:{port}/orders/regular",
            before_write=lambda: permits.append((list(proxy.asked), list(venue.heard))),
        )
        await net.request("GET", f"https://127.0.0.1:{port}/orders")

    assert proxy.asked == [b"CONNECT 127.0.0.1:%d HTTP/1.1" % port]
    # asked once, when the tunnel stood and the venue had heard nothing
    assert permits == [(proxy.asked, [])]
    assert [line for _, line in venue.heard] == [b"POST /orders/regular HTTP/1.1", b"GET /orders HTTP/1.1"]


async def test_a_proxy_that_opens_no_tunnel_proves_that_nothing_was_sent(certificate):
    venue, proxy, permits = Venue(), Proxy(refuses=True), []
    async with (
        listening(venue, ssl=certificate) as port,
        listening(proxy) as way,
        net_with(egress_address=f"http://127.0.0.1:{way}", verify=False) as net,
    ):
        with pytest.raises(Retryable) as caught:
            await net.request(
                "POST", f"https://127.0.0.1:{port}/orders/regular", before_write=lambda: permits.append(1)
            )

    assert (len(proxy.asked), venue.heard, permits) == (1, [], [])
    assert caught.value.code == "venue.unreachable"
