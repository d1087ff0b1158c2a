"""What each process of the desk runs, the same under the demo's supervisor and under `./run serve`."""

import os
import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"
CELERY = ("--loglevel", "INFO", "--without-gossip", "--without-mingle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process by name: what to run and the variables only it has."""

    name: str
    run: Callable[[], None]
    environment: Mapping[str, str] = field(default_factory=dict)


def web(*, port: int, host: str = LOOPBACK) -> Process:
    """Serve pages, API and websockets under daphne."""
    return Process(name="web", run=lambda: _daphne(host, port))


def worker() -> Process:
    """Run the background queues; threads, because their work waits on the network or releases the lock."""
    queues = "default,research,minds,notify"
    return Process(
        name="worker",
        run=lambda: _celery("worker", "-Q", queues, "-P", "threads", "-c", "4", "-n", "worker@%h", *CELERY),
    )


def desk(*, number: int = 1) -> Process:
    """Host trading accounts by lease; a second one stands by."""
    name = f"desk{number}"
    return Process(
        name=name,
        run=lambda: _celery("worker", "-Q", "desk", "-P", "threads", "-c", "2", "-n", f"{name}@%h", *CELERY),
        environment={"WINDHOVER_ROLE": "desk"},
    )


def beat() -> Process:
    """Send what the schedule in the database says."""
    return Process(name="beat", run=lambda: _celery("beat", "--loglevel", "INFO", "--pidfile="))


def guardian() -> Process:
    """Watch leases and limits from outside the desk."""
    return manage_process("guardian", "guardian")


def simulator(*, port: int, arguments: Sequence[str] = ()) -> Process:
    """Serve the simulated exchange on the loopback address."""
    options = ["--port", str(port), *arguments]
    return Process(name="simulator", run=lambda: _module("brokers.simulator.serve", options))


def manage_process(name: str, *arguments: str) -> Process:
    """Run one of Django's management commands."""
    return Process(name=name, run=lambda: _manage(*arguments))


def environment_for(process: Process) -> dict[str, str]:
    """Give the variables that tell a process who it is."""
    return {"WINDHOVER_PROCESS": process.name, **process.environment}


def _daphne(host: str, port: int) -> None:
    from daphne.cli import CommandLineInterface

    # Verbosity 0: the access log would repeat every address and query of every user.
    arguments = ["-b", host, "-p", str(port), "-v", "0", "config.asgi:application"]
    CommandLineInterface().run(arguments)


def _celery(*arguments: str) -> None:
    from celery.bin.celery import celery

    celery.main(args=["-A", "config.celery:app", *arguments], prog_name="celery")


def _manage(*arguments: str) -> None:
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", *arguments])


def _module(name: str, arguments: Sequence[str]) -> None:
    sys.argv = [name, *arguments]
    runpy.run_module(name, run_name="__main__", alter_sys=False)


def replace_with(command: Sequence[str]) -> None:
    """Turn this process into another program."""
    os.execv(command[0], list(command))
