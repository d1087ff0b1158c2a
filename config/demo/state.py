"""The folder a desk lives in: database, logs, secrets, and the lock that keeps a second supervisor out."""

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.demo.errors import SetupError

# The kernel's limit for the path of a unix socket is 108 bytes with its closing zero.
SOCKET_PATH_BYTES = 107
SECRET_VARIABLES = {"WINDHOVER_SECRET_KEY", "WINDHOVER_VAULT_KEYS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where everything of one desk is kept."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "windhover.sqlite3"

    @property
    def empty_database(self) -> Path:
        return self.folder / "empty.sqlite3"

    def begin_anew(self) -> None:
        """Put the empty database in place and forget what belonged to the one before."""
        for leftover in self.folder.glob(f"{self.database.name}-*"):
            leftover.unlink()
        shutil.copyfile(self.empty_database, self.database)
        (self.folder / "journal-tips.jsonl").unlink(missing_ok=True)
        shutil.rmtree(self.folder / "sendlog", ignore_errors=True)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def pids(self) -> Path:
        return self.folder / "pids"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets.json"

    @property
    def redis_socket(self) -> Path:
        """The socket's path, under the temporary folder when the state folder's own path is too long."""
        near = self.folder / "redis" / "valkey.sock"
        if len(os.fsencode(near)) <= SOCKET_PATH_BYTES:
            return near
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"windhover-{os.getuid()}-{name}" / "valkey.sock"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.redis_socket}"

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.database}"


def open_state(folder: Path) -> State:
    """Create or check a state folder; one that cannot be used raises SetupError with one sentence."""
    state = State(folder=folder)
    try:
        for path in (folder, state.logs, state.pids):
            path.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise SetupError(f"The state folder {folder} cannot be used: {error.strerror}.") from error
    _check_database(state)
    return state


@contextlib.contextmanager
def held(state: State) -> Iterator[None]:
    """Keep the folder to ourselves; a folder held by another supervisor raises SetupError."""
    with (state.folder / "supervisor.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise SetupError(
                f"Another desk runs on the state folder {state.folder} (process {holder}); "
                "stop it or choose another folder with --state."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def environment_of(state: State) -> dict[str, str]:
    """Build the variables under which this desk's processes run; what the caller already set stands."""
    defaults = {
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
        "DATABASE_URL": state.database_url,
        "REDIS_URL": state.redis_url,
        "WINDHOVER_STATE": str(state.folder),
        **({} if os.environ.keys() >= SECRET_VARIABLES else _own_secrets(state)),
        # One thread per process for linear algebra: the arrays are small and the processes many.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    return {**defaults, **os.environ}


def _own_secrets(state: State) -> dict[str, str]:
    known = _read_secrets(state)
    return {"WINDHOVER_SECRET_KEY": known["secret_key"], "WINDHOVER_VAULT_KEYS": known["vault_keys"]}


def _check_database(state: State) -> None:
    if not state.database.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(state.database, timeout=5)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.Error as error:
        raise SetupError(
            f"The state folder {state.folder} is broken: {state.database.name} cannot be read ({error}); "
            "move the folder away or choose another with --state."
        ) from error


def _read_secrets(state: State) -> dict[str, str]:
    try:
        known = json.loads(state.secrets.read_text())
        return {"secret_key": str(known["secret_key"]), "vault_keys": str(known["vault_keys"])}
    except FileNotFoundError:
        return _write_secrets(state)
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise SetupError(
            f"The state folder {state.folder} is broken: {state.secrets.name} cannot be read; "
            "restore it, or choose another folder with --state."
        ) from error


def _write_secrets(state: State) -> dict[str, str]:
    if state.database.exists():
        # New keys beside an old database would lock its broker secrets for ever.
        raise SetupError(
            f"The state folder {state.folder} is broken: it has a database but no {state.secrets.name}; "
            "restore that file, or choose another folder with --state."
        )
    fernet_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    known = {"secret_key": secrets.token_urlsafe(50), "vault_keys": f"k1:{fernet_key}"}
    descriptor = os.open(state.secrets, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(known, file)
    return known
