"""One supervised process: started by forking, told apart by its log, stopped by its process id."""

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
HEALTHY_AFTER_S = 60.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True, kw_only=True)
class Child:
    """A process of the desk and how often it had to be started again."""

    name: str
    target: Callable[[], None]
    log: Path
    pid_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    pid: int | None = None
    exit_code: int | None = None
    started_at: float = 0.0
    restarts: int = 0

    def start(self) -> None:
        """Fork and run the target in the new process; the log begins anew, the previous one is kept beside it."""
        if self.started_at == 0.0 and self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        sys.stdout.flush()
        sys.stderr.flush()
        self.started_at = time.monotonic()
        # Held back until the child has its own handlers: a stop sent at once would reach the parent's copy there.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                self._become()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        self.pid = pid
        self.pid_file.write_text(f"{pid}\n")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if the process is still ours."""
        if self.pid is not None:
            os.kill(self.pid, number)

    def reap(self) -> bool:
        """Tell whether the process has ended since it was last asked, and keep its exit code."""
        if self.pid is None:
            return False
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.pid = None
        self.exit_code = os.waitstatus_to_exitcode(status)
        self.pid_file.unlink(missing_ok=True)
        return True

    def how_it_ended(self) -> str:
        """Say how the process ended, in words."""
        if self.exit_code is not None and self.exit_code < 0:
            return f"was killed by {signal.Signals(-self.exit_code).name}"
        return f"ended with exit code {self.exit_code}"

    def pause_before_restart(self) -> float:
        """Choose how long to wait before the next start, longer each time it dies young."""
        if time.monotonic() - self.started_at > HEALTHY_AFTER_S:
            self.restarts = 0
        pause = BACKOFF_S[min(self.restarts, len(BACKOFF_S) - 1)]
        self.restarts += 1
        return pause

    def last_lines(self, count: int = 12) -> str:
        """Read the end of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-count:])

    def _become(self) -> None:
        code = 1
        try:
            _detach(self.name, self.log)
            os.environ.update(self.environment)
            self.target()
            code = 0
        except SystemExit as leaving:
            code = _exit_code(leaving)
        except BaseException:  # noqa: BLE001 - the fork must never return into the supervisor's own loop
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def _exit_code(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code
    print(leaving.code, file=sys.stderr)
    return 1


def _detach(name: str, log: Path) -> None:
    # A group of its own: Ctrl-C at the terminal reaches the supervisor alone, which stops the others in order.
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    if sys.platform == "linux":
        process = ctypes.CDLL(None, use_errno=True)
        # A supervisor that is killed outright must not leave a desk running that nobody watches.
        process.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        process.prctl(PR_SET_NAME, f"wh-{name}".encode()[:15], 0, 0, 0)
    silence = os.open(os.devnull, os.O_RDONLY)
    record = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(silence, 0)
    os.dup2(record, 1)
    os.dup2(record, 2)
