"""Keeps the desk's processes alive: starts them, starts them again when they die, stops them in order."""

import contextlib
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from config.demo.children import STOP_SIGNALS, Child
from config.demo.processes import Process, environment_for
from config.demo.state import State

# Longer than the drain that a desk allows itself (config.deskhost).
STOP_WITHIN_S = 20.0


class StopRequested(Exception):
    """Someone asked the desk to stop."""


class ChildDied(Exception):
    """A process ended while the desk was still coming up."""

    def __init__(self, child: Child) -> None:
        super().__init__(f"{child.name} {child.how_it_ended()}")
        self.child = child


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """The parent of every process of one desk; single-threaded, so that it may fork at any time."""

    state: State
    say: Callable[[str], None]
    children: list[Child] = field(default_factory=list)
    restart_at: dict[str, float] = field(default_factory=dict)
    settled: bool = False
    stop_requested: bool = False
    wakeup: socket.socket | None = None

    def start(self, process: Process) -> Child:
        """Start a process and keep it."""
        child = self._child(process)
        self.children.append(child)
        child.start()
        return child

    def run(self, process: Process) -> str:
        """Run a process to its end and return what it printed; raises ChildDied when it fails."""
        child = self._child(process)
        child.start()
        try:
            while not child.reap():
                self.pause(0.02)
        finally:
            self._stop([child])
        if child.exit_code != 0:
            raise ChildDied(child)
        return child.log.read_text(encoding="utf-8", errors="replace")

    def pause(self, seconds: float) -> None:
        """Wait while watching; raises StopRequested when asked to stop and ChildDied during start-up."""
        deadline = time.monotonic() + seconds
        while True:
            self._reap()
            self._restart_due()
            if self.stop_requested:
                raise StopRequested
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._sleep(min(left, 0.2))

    def stop_all(self, *last: Sequence[str]) -> None:
        """Stop everything, the processes named in `last` after the others because those still talk to them."""
        later = [name for names in last for name in names]
        self._stop([child for child in self.children if child.name not in later])
        for names in last:
            self._stop([child for child in self.children if child.name in names])

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Turn Ctrl-C, SIGTERM and SIGHUP into a request to stop for as long as the block runs."""
        self.wakeup, writer = socket.socketpair()
        self.wakeup.setblocking(False)
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, self._request_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            self.wakeup.close()
            writer.close()

    def _child(self, process: Process) -> Child:
        return Child(
            name=process.name,
            target=process.run,
            log=self.state.logs / f"{process.name}.log",
            pid_file=self.state.pids / f"{process.name}.pid",
            environment=environment_for(process),
        )

    def _request_stop(self, number: int, frame: object) -> None:
        del number, frame
        self.stop_requested = True

    def _sleep(self, seconds: float) -> None:
        if self.wakeup is None:
            time.sleep(seconds)
            return
        select.select([self.wakeup], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            self.wakeup.recv(64)

    def _reap(self) -> None:
        for child in self.children:
            if not child.reap():
                continue
            if not self.settled:
                raise ChildDied(child)
            pause = child.pause_before_restart()
            self.restart_at[child.name] = time.monotonic() + pause
            self.say(f"{child.name} {child.how_it_ended()}; starting it again in {pause:g} s (log: {child.log})")

    def _restart_due(self) -> None:
        for child in self.children:
            due = self.restart_at.get(child.name)
            if due is not None and time.monotonic() >= due:
                del self.restart_at[child.name]
                child.start()

    def _stop(self, children: Sequence[Child]) -> None:
        for child in children:
            self.restart_at.pop(child.name, None)
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN_S
        while _reap_all(children) and time.monotonic() < deadline:
            self._sleep(0.05)
        for child in children:
            if child.pid is not None:
                self.say(f"{child.name} did not stop within {STOP_WITHIN_S:g} s and was killed")
                child.signal(signal.SIGKILL)
        while _reap_all(children):
            self._sleep(0.05)


def _reap_all(children: Sequence[Child]) -> bool:
    """Collect what has ended and tell whether anything still runs."""
    for child in children:
        child.reap()
    return any(child.pid is not None for child in children)
