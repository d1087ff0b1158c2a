"""What every test stands on: no network beyond this machine, reproducible search, a Valkey of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import hypothesis
import pytest

from config.demo import valkey

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK_NAMES = frozenset({None, "", "localhost", "::1", "0.0.0.0", "::", "testserver"})

# A deadline per example measures the machine, not the code.
hypothesis.settings.register_profile("windhover", deadline=None, print_blob=True)
# A change is judged by the examples that the one before it passed; whoever runs the tests by hand explores further.
hypothesis.settings.register_profile("settled", hypothesis.settings.get_profile("windhover"), derandomize=True)
hypothesis.settings.load_profile("settled" if os.environ.get("CI") else "windhover")


class WentOnline(AssertionError):
    """A test tried to reach something outside this machine."""


def _stays_here(family, address):
    if family == socket.AF_UNIX or not isinstance(address, tuple):
        return True
    return address[0] in LOOPBACK_NAMES or str(address[0]).startswith("127.")


@pytest.fixture(autouse=True, scope="session")
def offline():
    """Refuse every connection and look-up that would leave this machine."""
    real = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto")}
    real_look_up = socket.getaddrinfo

    def guarded(name):
        def call(self, *arguments):
            if not _stays_here(self.family, arguments[-1]):
                raise WentOnline(f"{name} to {arguments[-1]}")
            return real[name](self, *arguments)

        return call

    def look_up(host, *arguments, **options):
        name = host.decode() if isinstance(host, bytes) else host
        if not _stays_here(socket.AF_INET, (name,)):
            raise WentOnline(f"look-up of {name}")
        return real_look_up(host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(socket.socket, name, guarded(name))
        patch.setattr(socket, "getaddrinfo", look_up)
        yield


@pytest.fixture(scope="session")
def redis_url():
    """Give the address of a Valkey that belongs to this test run alone."""
    folder = Path(tempfile.mkdtemp(prefix="windhover-test-"))
    path = folder / "valkey.sock"
    valkey.prepare_socket(path)
    server = subprocess.Popen(valkey.command(valkey.find_server(), path), stdout=subprocess.DEVNULL)
    valkey.wait_until_answering(path)
    yield f"unix://{path}"
    server.terminate()
    server.wait(timeout=10)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """End what still holds PostgreSQL's test database at the end: a thread whose test has ended may, and it cannot go then."""
    yield
    from django.db import connection

    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


def pytest_collection_modifyitems(items):
    """Put browser tests last, and leave PostgreSQL's to a run on PostgreSQL."""
    # Playwright's own event loop keeps running in this thread once it has started; nothing asynchronous can follow.
    # The sort is stable: within both parts the order stays random.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        return
    for item in items:
        marker = item.get_closest_marker("postgres")
        if marker is not None and not marker.kwargs.get("also_sqlite"):
            item.add_marker(pytest.mark.skip(reason="needs PostgreSQL in DATABASE_URL"))
