"""A desk started as a newcomer starts it, and a browser to look at it with."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "test-results"
CHROMIUM = Path("/usr/bin/chromium")
# What Debian's build needs to run headless and quiet, as root, without reaching for a network.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
READY = re.compile(r"ready url=(?P<url>\S+) user=(?P<user>\S+) password=(?P<password>\S+) key=(?P<key>\S+)")
READY_WITHIN_S = 240
STOPPED_WITHIN_S = 30

# Collected from the first byte of every page: what jumped, what the policy blocked.
WATCH = """
window.watched = {shift: 0, shifts: [], blocked: [], sockets: [], unreachable: false};
window.WebSocket = class extends WebSocket {
  constructor(address) {
    super(window.watched.unreachable ? "ws://127.0.0.1:9/" : address);
    window.watched.sockets.push(this);
  }
};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    window.watched.shift += entry.value;
    const moved = entry.sources.map((source) => source.node?.id || source.node?.className || source.node?.nodeName);
    window.watched.shifts.push([entry.value, moved]);
  }
}).observe({type: "layout-shift", buffered: true});
document.addEventListener("securitypolicyviolation", (event) => {
  window.watched.blocked.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningDesk:
    url: str
    user: str
    password: str
    key: str
    simulator: str = ""
    # where the desk keeps its logs, when it is one of our own
    state: Path | None = None


@pytest.fixture(scope="module")
def desk(require_chromium):
    """Bring the whole desk up with `./run demo`, or use the one whose ready line the environment holds."""
    given = os.environ.get("WINDHOVER_JOURNEY_DESK")
    if given:
        yield RunningDesk(**READY.search(given).groupdict())
        return
    with running_desk("--speed", "60") as started:
        yield started


@pytest.fixture
def start_desk(require_chromium):
    """Start a desk of one's own with options of `./run demo`; it is stopped after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda *options: stack.enter_context(running_desk(*options))


@contextlib.contextmanager
def running_desk(*options):
    """Run `./run demo` in a folder and on a port of its own."""
    state = tempfile.mkdtemp(prefix="windhover-journey-")
    process = subprocess.Popen(
        [ROOT / "run", "demo", "--port", str(_free_port()), "--state", state, *options],
        cwd=ROOT,
        env={
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DJANGO_", "WINDHOVER_", "PYTEST_"))
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield _ready(process, Path(state))
    finally:
        _stop(process)
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def require_chromium():
    if CHROMIUM.exists():
        return
    if os.environ.get("WINDHOVER_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{CHROMIUM} is required here and missing")
    pytest.skip(f"no browser at {CHROMIUM}")


@pytest.fixture(scope="module")
def chromium(require_chromium):
    """Drive one browser, started and ended within the module: Playwright's loop must not outlive it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """Open pages in a given theme and size; each keeps what its console said."""
    contexts = []

    def opened(*, scheme="dark", width=1440, height=900, storage=None):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, storage_state=storage
        )
        contexts.append(context)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.said = []
        page.on("console", lambda line: page.said.append(line.text) if line.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: page.said.append(f"{error} {error.stack}"))
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def results():
    """Give the folder in which pictures are kept."""
    RESULTS.mkdir(exist_ok=True)
    return RESULTS


def _ready(process, state):
    lines = []
    found = threading.Event()

    def read():
        for line in process.stdout:
            lines.append(line)
            if READY.search(line):
                found.set()
        found.set()

    threading.Thread(target=read, daemon=True).start()
    found.wait(READY_WITHIN_S)
    match = next((READY.search(line) for line in lines if READY.search(line)), None)
    if match is None:
        raise AssertionError(f"./run demo was not ready within {READY_WITHIN_S} s:\n{''.join(lines[-40:])}")
    simulator = re.search(r"exchange on (?P<url>\S+)", "".join(lines))
    return RunningDesk(**match.groupdict(), simulator=simulator["url"], state=state)


def _stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        # Its own session: nobody else's processes are in this group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise AssertionError(f"./run demo did not stop within {STOPPED_WITHIN_S} s of SIGINT") from None
    finally:
        time.sleep(0.1)  # the reading thread empties the pipe
        process.stdout.close()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
