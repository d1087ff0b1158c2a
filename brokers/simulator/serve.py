"""Start the simulated venue: ``python -m brokers.simulator.serve --port 7070``."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from brokers.simulator.aster.site import AsterSite
from brokers.simulator.kite_server import KiteApplication, KiteSite
from brokers.simulator.options import OptionInvalid, add_arguments, build_site, idle_seconds
from brokers.simulator.runner import run, run_perpetuals
from brokers.simulator.sessions import ist

HOST = "127.0.0.1"
_connections: "weakref.WeakValueDictionary[tuple[str, int], asyncio.Transport]" = weakref.WeakValueDictionary()


class _Protocol(H11Protocol):
    """HTTP that knows each client's connection, so that a fault script can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        _connections[tuple(transport.get_extra_info("peername")[:2])] = transport
        super().connection_made(transport)


class _Server(uvicorn.Server):
    """A server that leaves signals to us and tells when it listens."""

    def __init__(self, config: uvicorn.Config, *, site: KiteSite, options: argparse.Namespace, port: int) -> None:
        super().__init__(config)
        self._site, self._options, self._port = site, options, port

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _announce(self._site, self._options, self._port)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator until it is stopped; return the exit code."""
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    add_arguments(parser)
    return serve(parser.parse_args(arguments))


def serve(options: argparse.Namespace) -> int:
    """Build the site, open the port, serve; a bad option says why in one sentence and returns 2."""
    try:
        site = build_site(options, wall_ns=time.time_ns, monotonic_ns=time.monotonic_ns)
        listener = _listen(options.port)
    except OptionInvalid as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    asyncio.run(_serve(site, options, listener))
    return 0


async def _serve(site: KiteSite, options: argparse.Namespace, listener: socket.socket) -> None:
    config = uvicorn.Config(
        KiteApplication(site, drop=_drop),
        http=_Protocol,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config, site=site, options=options, port=listener.getsockname()[1])
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _stop, server)
    markets = [asyncio.create_task(run(site, idle_seconds=idle_seconds(options)))]
    if site.aster is not None:
        markets.append(asyncio.create_task(run_perpetuals(site.aster, neighbour_stands=lambda: site.held)))
    for market in markets:
        # A market that fails must take the server with it: a frozen venue would look alive.
        market.add_done_callback(lambda _: _stop(server))
    await server.serve(sockets=[listener])
    for market in markets:
        market.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await market


def _stop(server: uvicorn.Server) -> None:
    server.should_exit = True


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise OptionInvalid(f"The port {port} cannot be opened: {error.strerror}.") from error
    return listener


def _drop(client: tuple[str, int]) -> None:
    transport = _connections.get(client)
    if transport is not None:
        transport.abort()


def _announce(site: KiteSite, options: argparse.Namespace, port: int) -> None:
    url = f"http://{HOST}:{port}"
    if options.state_file:
        _write(options.state_file, json.dumps(_description(site, url, port), indent=1) + "\n")
    if options.port_file:
        _write(options.port_file, f"{port}\n")
    sys.stdout.write(f"simulator ready {url}\n")
    sys.stdout.flush()


def _description(site: KiteSite, url: str, port: int) -> dict[str, object]:
    apps = site.sessions.apps.values()
    return {
        "url": url,
        "stream_url": f"ws://{HOST}:{port}",
        "login_url": f"{url}/connect/login",
        "port": port,
        "pid": os.getpid(),
        "seed": site.seed,
        "replay": site.replay,
        "speed": site.pace.speed,
        "market_time": ist(site.moment().market_ns).isoformat(),
        "accounts": [
            {"user_id": app.user_id, "api_key": app.api_key, "redirect_url": app.redirect_url} for app in apps
        ],
        "aster": None if site.aster is None else _aster(site.aster, url, port),
    }


def _aster(site: AsterSite, url: str, port: int) -> dict[str, object]:
    traders = site.doorkeeper.traders.values()
    return {
        "url": url,
        "stream_url": f"ws://{HOST}:{port}",
        "replay": site.replay,
        "shift_s": site.shift_s,
        "market_time": site.state()["market_time"],
        "accounts": [{"user": one.user, "agent": one.agent, "api_key": one.api_key} for one in traders],
    }


def _write(path: Path, text: str) -> None:
    # Renamed into place: a reader that waits for the file never sees half of it.
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_text(text)
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
