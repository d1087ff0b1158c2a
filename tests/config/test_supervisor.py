"""The supervisor with small processes in place of the desk's: forks, deaths and stops are real."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PREAMBLE = """
import os, signal, sys, time
from pathlib import Path
from config.demo.processes import Process
from config.demo.state import open_state
from config.demo.supervisor import ChildDied, StopRequested, Supervisor

state = open_state(Path(sys.argv[1]))
supervisor = Supervisor(state=state, say=lambda text: print(text, flush=True))
sleeper = Process(name="sleeper", run=lambda: time.sleep(60))

def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
"""


def outside():
    """The environment as it was before the test settings filled it in."""
    ours = ("WINDHOVER_", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@pytest.fixture
def supervised(tmp_path):
    def call(body):
        script = PREAMBLE + textwrap.dedent(body)
        environment = outside() | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-P", "-c", script, str(tmp_path)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    return call


def test_a_process_that_dies_while_running_is_started_again(supervised):
    result = supervised("""
        child = supervisor.start(sleeper)
        supervisor.settled = True
        first = child.pid
        os.kill(first, signal.SIGKILL)
        supervisor.pause(1.2)
        print(child.pid != first and alive(child.pid))
        supervisor.stop_all()
    """)

    said, started_again = result.stdout.splitlines()
    assert "sleeper was killed by SIGKILL; starting it again in 0.5 s" in said
    assert started_again == "True", result.stderr


def test_a_process_that_keeps_dying_is_started_less_and_less_often(supervised):
    result = supervised("""
        supervisor.start(Process(name="crasher", run=lambda: sys.exit(3)))
        supervisor.settled = True
        supervisor.pause(3.0)
        supervisor.stop_all()
    """)

    pauses = [line.split(" in ")[1].split(" s")[0] for line in result.stdout.splitlines()]
    assert pauses == ["0.5", "1", "2"]


def test_a_death_during_start_up_ends_it_with_the_last_words(supervised):
    result = supervised("""
        supervisor.start(Process(name="crasher", run=lambda: sys.exit("no such market")))
        try:
            supervisor.pause(5)
        except ChildDied as death:
            print(death, "|", death.child.last_lines())
    """)

    assert result.stdout == "crasher ended with exit code 1 | no such market\n"


def test_sigterm_stops_everything_it_started(supervised):
    result = supervised("""
        with supervisor.signals():
            children = [supervisor.start(sleeper), supervisor.start(Process(name="other", run=lambda: time.sleep(60)))]
            pids = [child.pid for child in children]
            os.kill(os.getpid(), signal.SIGTERM)
            try:
                supervisor.pause(30)
            except StopRequested:
                supervisor.stop_all()
        print([alive(pid) for pid in pids], list(state.pids.iterdir()))
    """)

    assert result.stdout == "[False, False] []\n"


def test_what_ignores_sigterm_is_killed(supervised):
    result = supervised("""
        import config.demo.supervisor
        config.demo.supervisor.STOP_WITHIN_S = 0.3

        def stubborn():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)

        child = supervisor.start(Process(name="stubborn", run=stubborn))
        pid = child.pid
        time.sleep(0.3)
        supervisor.stop_all()
        print(alive(pid))
    """)

    assert result.stdout.splitlines() == ["stubborn did not stop within 0.3 s and was killed", "False"]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
def test_children_do_not_outlive_a_killed_supervisor(supervised):
    result = supervised("""
        parent = os.fork()
        if parent == 0:
            supervisor.start(sleeper)
            time.sleep(60)
        time.sleep(0.5)
        child = int((state.pids / "sleeper.pid").read_text())
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        deadline = time.monotonic() + 5
        while alive(child) and time.monotonic() < deadline:
            time.sleep(0.05)
        print(alive(child))
    """)

    assert result.stdout == "False\n", result.stderr


def test_a_job_s_output_comes_back(supervised):
    result = supervised("""
        print(supervisor.run(Process(name="job", run=lambda: print("done"))), end="")
    """)

    assert result.stdout == "done\n"


def test_a_second_supervisor_is_kept_out_of_the_folder(supervised):
    result = supervised("""
        from config.demo.errors import SetupError
        from config.demo.state import held
        with held(state):
            try:
                with held(state):
                    print("both")
            except SetupError as error:
                print(error)
    """)

    assert "Another desk runs on the state folder" in result.stdout


def test_secrets_are_for_their_owner_alone(supervised, tmp_path):
    supervised("from config.demo.state import environment_of; environment_of(state)")

    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
