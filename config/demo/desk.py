"""The demo from an empty folder to the ready line, and on until it is stopped."""

import gc
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module

from brokers.simulator.aster.traders import DEMO_TRADER, SPARE_TRADER, text_of_trader
from brokers.simulator.kite_sessions import DEMO_APP, SPARE_APP, text_of_app
from config.demo import jobs, processes, readiness, valkey
from config.demo.jobs import SignIn
from config.demo.options import DemoOptions, any_free_port
from config.demo.processes import Process
from config.demo.state import State, environment_of, held, open_state
from config.demo.supervisor import Supervisor

# Imported once, before the first fork, and shared by every process: what all of them would load anyway.
# Nothing here may read the environment of one process, open a connection or start a thread.
SHARED_LIBRARIES = (
    "celery.app.base",
    "celery.worker",
    "channels.layers",
    "cryptography.fernet",
    "django.contrib.admin.options",
    "django.core.management",
    "django.db.backends.sqlite3.base",
    "django.forms",
    "django.template.defaulttags",
    "httpx",
    "kombu.transport.redis",
    "numpy",
    "orjson",
    "pydantic_settings",
    "redis.asyncio",
    "structlog",
    "websockets.asyncio.client",
)
SECONDS_BETWEEN_LOGIN_CHECKS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """One run of the demo."""

    options: DemoOptions
    state: State
    supervisor: Supervisor
    simulator_port: int

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.options.port}"

    @property
    def simulator_url(self) -> str:
        return f"http://127.0.0.1:{self.simulator_port}"


def run(options: DemoOptions) -> None:
    """Bring the desk up, print the ready line, and stop everything when asked to or when the time is up."""
    with brought_up(options) as (demo, sign_in):
        print(_ready_line(options, sign_in), flush=True)
        _stay_up(demo, sign_in)


@contextmanager
def brought_up(options: DemoOptions) -> Iterator[tuple[Demo, SignIn]]:
    """Bring the desk up for as long as the block runs, and stop everything it started after it."""
    state = open_state(options.state)
    with ExitStack() as stack:
        stack.enter_context(held(state))
        own_redis = "REDIS_URL" not in os.environ
        demo = Demo(
            options=options,
            state=state,
            supervisor=Supervisor(state=state, say=say),
            simulator_port=any_free_port(),
        )
        os.environ.update(environment_of(state) | _demo_variables(demo))
        stack.enter_context(demo.supervisor.signals())
        stack.callback(demo.supervisor.stop_all, ["simulator"], ["valkey"])
        yield demo, _come_up(demo, own_redis=own_redis)


def keep_signed_in(demo: Demo, sign_in: SignIn) -> None:
    """Sign in again at the simulated exchange, which ends sessions as the real one does and has nobody there."""
    if readiness.needs_login(demo.base, sign_in.key):
        say("renewing the session at the simulated exchange")
        demo.supervisor.run(processes.manage_process("login", "demo_login"))


def say(text: str) -> None:
    """Report progress, one line each."""
    print(text, flush=True)


def _come_up(demo: Demo, *, own_redis: bool) -> SignIn:
    supervisor = demo.supervisor
    if own_redis:
        _start_valkey(demo)
    _load_shared_libraries()
    jobs.database_ready(supervisor)
    say(f"starting the simulated exchange on {demo.simulator_url}")
    supervisor.start(processes.simulator(port=demo.simulator_port, arguments=_simulator_arguments(demo.options)))
    jobs.static_files_ready(supervisor)
    supervisor.start(processes.web(port=demo.options.port))
    # It looks for accounts once a second: while the seed is being sown it can come up on the other core.
    supervisor.start(processes.desk(number=1))
    readiness.wait_for(supervisor, "the simulated exchange", lambda: readiness.fetch(demo.simulator_url)[0] != 0)
    say("seeding the demo account")
    recorded = [name for name in ("replay", "aster_replay") if getattr(demo.options, name) is not None]
    sign_in = jobs.seeded(supervisor, simulator_url=demo.simulator_url, recorded=recorded)
    say("starting the desk")
    for process in (processes.desk(number=2), processes.guardian(), processes.worker(), processes.beat()):
        supervisor.start(process)
    readiness.wait_for(supervisor, "the web server", lambda: readiness.healthy(demo.base))
    readiness.wait_for(supervisor, "the market feed", lambda: readiness.feed_live(demo.base, sign_in.key))
    supervisor.settled = True
    return sign_in


def _stay_up(demo: Demo, sign_in: SignIn) -> None:
    seconds = demo.options.seconds
    ends_at = None if seconds is None else time.monotonic() + seconds
    while ends_at is None or time.monotonic() < ends_at:
        left = SECONDS_BETWEEN_LOGIN_CHECKS if ends_at is None else ends_at - time.monotonic()
        demo.supervisor.pause(max(0.0, min(left, SECONDS_BETWEEN_LOGIN_CHECKS)))
        keep_signed_in(demo, sign_in)


def _load_shared_libraries() -> None:
    for name in SHARED_LIBRARIES:
        import_module(name)
    # A collection in a child would write to every object's header and so unshare its page: 11 MB per process.
    gc.collect()
    gc.freeze()


def _start_valkey(demo: Demo) -> None:
    path = demo.state.redis_socket
    command = valkey.command(valkey.find_server(), path)

    def serve() -> None:
        valkey.prepare_socket(path)
        processes.replace_with(command)

    demo.supervisor.start(Process(name="valkey", run=serve))
    valkey.wait_until_answering(path)


def _simulator_arguments(options: DemoOptions) -> list[str]:
    # people who sign in at the exchange come back to this desk's port
    site = f"http://localhost:{options.port}/brokers/login/return"
    apps = [text_of_app(replace(app, redirect_url=site)) for app in (DEMO_APP, SPARE_APP)]
    traders = [text_of_trader(trader) for trader in (DEMO_TRADER, SPARE_TRADER)]
    arguments = ["--faults", *(f"--account={app}" for app in apps)]
    arguments += [f"--aster-account={trader}" for trader in traders]
    if options.replay is not None:
        arguments += ["--replay", str(options.replay)]
    if options.aster_replay is not None:
        # recordings of two venues share no dates: by how much one is moved is said here, and told by the exchange
        shift = options.aster_shift or "kite"
        arguments += ["--aster-replay", str(options.aster_replay), "--aster-shift", shift]
    if options.aster_replay_from is not None:
        arguments += ["--aster-replay-from", options.aster_replay_from]
    if options.speed is not None:
        arguments += ["--speed", f"{options.speed:g}"]
    if options.follow:
        # every one of them ticks once a second
        arguments += ["--instruments", str(options.follow), "--lively", "1", "--frames", "1"]
    return arguments


def _demo_variables(demo: Demo) -> dict[str, str]:
    stream_url = demo.simulator_url.replace("http", "ws", 1)
    return {
        "WINDHOVER_DEMO": "1",
        "WINDHOVER_FEED_FOLLOW": str(demo.options.follow),
        "WINDHOVER_FEED_FOLLOW_MODE": "full",
        "WINDHOVER_SITE_URL": f"http://localhost:{demo.options.port}",
        "WINDHOVER_ADDRESS_ECHO_URL": f"{demo.simulator_url}/sim/address",
        "WINDHOVER_SIMULATOR_URL": demo.simulator_url,
        "WINDHOVER_KITE_API_URL": demo.simulator_url,
        "WINDHOVER_KITE_STREAM_URL": stream_url,
        "WINDHOVER_KITE_LOGIN_URL": f"{demo.simulator_url}/connect/login",
        "WINDHOVER_ASTER_API_URL": demo.simulator_url,
        "WINDHOVER_ASTER_STREAM_URL": stream_url,
        "WINDHOVER_ASTER_USER_STREAM_URL": stream_url,
    }


def _ready_line(options: DemoOptions, sign_in: SignIn) -> str:
    return (
        f"ready url=http://localhost:{options.port} user={sign_in.user} password={sign_in.password} key={sign_in.key}"
    )
