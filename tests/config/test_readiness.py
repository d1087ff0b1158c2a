"""What counts as up, asked of a small server that answers as the desk would."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from config.demo import jobs, readiness


@pytest.fixture
def desk():
    answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers.get((self.path, self.headers.get("Authorization")), (404, {}))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *arguments):
            """Stay silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield SimpleNamespace(base=f"http://127.0.0.1:{server.server_port}", answers=answers)
    server.shutdown()
    thread.join()
    server.server_close()


def status_with(desk, **content):
    desk.answers["/api/status", "Bearer KEY"] = (200, content)


def test_a_desk_that_reports_a_failing_check_is_not_healthy(desk):
    desk.answers["/health", None] = (503, {"status": "failing"})

    assert not readiness.healthy(desk.base)


def test_a_desk_that_nobody_serves_is_not_healthy():
    assert not readiness.healthy("http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("feed", "live"),
    [
        ({"age_s": 0.4, "stale": False}, True),
        ({"age_s": 40.0, "stale": True}, False),
        ({"age_s": None, "stale": False}, False),
    ],
)
def test_the_feed_is_live_once_it_is_fresh(desk, feed, live):
    status_with(desk, feeds=[feed])

    assert readiness.feed_live(desk.base, "KEY") is live


def test_the_feed_is_asked_for_with_the_key(desk):
    status_with(desk, feeds=[{"age_s": 0.4, "stale": False}])

    assert not readiness.feed_live(desk.base, "ANOTHER")


def test_an_account_that_waits_for_a_login_is_noticed(desk):
    status_with(desk, accounts=[{"venue": "kite", "state": "live"}, {"venue": "kite", "state": "needs_login"}])

    assert readiness.needs_login(desk.base, "KEY")


def test_no_login_renews_a_key_that_its_venue_refused(desk):
    status_with(desk, accounts=[{"venue": "aster", "state": "needs_login", "reason": "the key is refused"}])

    assert not readiness.needs_login(desk.base, "KEY")


@pytest.mark.parametrize("reason", ["Logged out.", "The account was connected; it waits for its first login."])
def test_an_account_that_waits_for_a_person_is_left_to_them(desk, reason):
    status_with(desk, accounts=[{"venue": "kite", "state": "needs_login", "reason": reason}])

    assert not readiness.needs_login(desk.base, "KEY")


def test_the_sign_in_is_read_from_the_last_line_and_kept_out_of_the_logs(tmp_path):
    log = tmp_path / "seed.log"
    log.write_text("")
    answer = {"user": "demo@windhover.localhost", "password": "p", "key": "k"}
    printed = f'{{"event": "a log line"}}\n{json.dumps(answer)}\n'
    supervisor = SimpleNamespace(run=lambda process: printed, state=SimpleNamespace(logs=Path(tmp_path)))

    sign_in = jobs.seeded(supervisor, simulator_url="http://127.0.0.1:7070", recorded=[])

    assert (sign_in.user, sign_in.password, sign_in.key) == tuple(answer.values())
    assert not log.exists()
