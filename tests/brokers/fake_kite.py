"""A venue of one app: it knows one key and one secret, one sign-in at a time, and may be told to misbehave."""

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from brokers.adapters.kite.protocol import checksum

KEY, SECRET, TOKEN = "thekeyofthisapp1", "the-right-secret-0001", "the-access-token-0001"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path = urlsplit(self.path).path
        query = parse_qs(urlsplit(self.path).query)
        if path == "/echo":
            return self._answer(200, {"address": self.client_address[0]})
        if path == "/connect/login" and query["api_key"] != [KEY]:
            return self._refuse(400, "InputException", "Invalid `api_key`.")
        return self._answer(200, {"status": "success", "data": True})

    def do_POST(self):
        form = {
            name: values[0]
            for name, values in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()
        }
        venue = self.server.venue
        if venue.failing:
            return self._answer(venue.failing, "<html>gateway</html>")
        if venue.refuses_user:
            return self._refuse(403, "PermissionException", "That API call is not allowed for the authenticated user")
        is_right = form["checksum"] == checksum(KEY, form["request_token"], SECRET)
        if form["request_token"] not in venue.open_requests or not is_right:
            return self._refuse(403, "TokenException", "Token is invalid or has expired.")
        venue.open_requests.discard(form["request_token"])
        data = {"user_id": venue.user_id, "access_token": TOKEN, "login_time": "2026-11-20 09:00:00"}
        return self._answer(200, {"status": "success", "data": data})

    def do_DELETE(self):
        self._answer(200, {"status": "success", "data": True})

    def date_time_string(self, timestamp=None):
        return format_datetime(datetime.now(tz=UTC) + self.server.venue.ahead, usegmt=True)

    def _refuse(self, status, kind, message):
        self._answer(status, {"status": "error", "message": message, "error_type": kind})

    def _answer(self, status, body):
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Keep the test's output to itself."""


class FakeKite:
    """The running venue and what it is told to do."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.user_id = "AB1234"
        self.open_requests = set()
        self.ahead = timedelta()
        self.failing = None
        self.refuses_user = False

    def sign_in(self, number=1):
        """Finish a sign-in at the venue; return the request token it sends back with."""
        token = f"request-token-{number:04}-of-a-sign-in"
        self.open_requests.add(token)
        return token

    def used_by(self, settings):
        settings.WINDHOVER_KITE_API_URL = self.url
        settings.WINDHOVER_KITE_STREAM_URL = self.url.replace("http", "ws", 1)
        settings.WINDHOVER_KITE_LOGIN_URL = f"{self.url}/connect/login"
        settings.WINDHOVER_ADDRESS_ECHO_URL = f"{self.url}/echo"
        return self


@contextmanager
def fake_kite():
    """Serve the venue until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.venue = FakeKite(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.venue
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
