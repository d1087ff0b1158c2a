"""What is done once before a desk runs, each in a process of its own so that the supervisor opens no connection."""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from config.demo.processes import manage_process
from config.demo.supervisor import Supervisor
from config.demo.toolchain import ROOT, RUNTIME

APPS = ("accounts", "analysis", "brokers", "execution", "notifications", "options", "risk", "strategies")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """What a person or a program needs to enter the demo."""

    user: str
    password: str
    key: str


def database_ready(supervisor: Supervisor) -> None:
    """Lay out an empty database for a new exchange; a database named from outside is only migrated.

    Every start of the demo is a new exchange whose market begins again: orders of an earlier one would
    be differences nobody can explain. The empty database is made once and copied.
    """
    state = supervisor.state
    if os.environ["DATABASE_URL"] != state.database_url:
        supervisor.run(manage_process("migrate", "migrate", "--no-input", "--verbosity", "0"))
        return
    migrations = (path for app in APPS for path in (ROOT / app / "migrations").glob("*.py"))
    marker = _Marker(state.folder / "migrated", _fingerprint([*migrations, RUNTIME.lock]))
    if not (state.empty_database.exists() and marker.stands()):
        supervisor.say("preparing the database")
        state.empty_database.unlink(missing_ok=True)
        job = manage_process("migrate", "migrate", "--no-input", "--verbosity", "0")
        supervisor.run(replace(job, environment={"DATABASE_URL": f"sqlite:///{state.empty_database}"}))
        marker.set()
    state.begin_anew()


def static_files_ready(supervisor: Supervisor) -> None:
    """Collect the static files under their hashed names, unless these were collected already."""
    marker = _Marker(ROOT / "staticfiles" / ".collected", _fingerprint([*(ROOT / "static").rglob("*"), RUNTIME.lock]))
    if marker.stands():
        return
    supervisor.say("collecting the static files")
    supervisor.run(manage_process("collectstatic", "collectstatic", "--no-input", "--verbosity", "0"))
    marker.set()


def seeded(supervisor: Supervisor, *, simulator_url: str, recorded: Sequence[str]) -> SignIn:
    """Make or refresh the demo's user, accounts and deployments, and return how to sign in.

    `recorded` names the markets that are recordings: replay, aster_replay.
    """
    markets = [f"--{name.replace('_', '-')}" for name in recorded]
    arguments = ["demo_seed", "--simulator", simulator_url, "--json", *markets]
    job = manage_process("seed", *arguments)
    printed = supervisor.run(job)
    # The job printed a password and a key: they belong on the terminal, not in a log.
    (supervisor.state.logs / f"{job.name}.log").unlink(missing_ok=True)
    answer = json.loads(next(line for line in reversed(printed.splitlines()) if line.startswith("{")))
    return SignIn(user=answer["user"], password=answer["password"], key=answer["key"])


@dataclass(frozen=True, slots=True)
class _Marker:
    path: Path
    wanted: str

    def stands(self) -> bool:
        return self.path.exists() and self.path.read_text() == self.wanted

    def set(self) -> None:
        self.path.write_text(self.wanted)


def _fingerprint(paths: Iterable[Path]) -> str:
    """Tell two sets of files apart by name, size and time; reading them would cost what the marker saves."""
    digest = hashlib.sha256()
    for path in sorted(path for path in paths if path.is_file()):
        facts = path.stat()
        digest.update(f"{path}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()
