"""The command line as its user meets it: one clear sentence, the right exit code, nothing left behind."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def outside():
    """The environment as it was before the test settings filled it in."""
    ours = ("WINDHOVER_", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def run(*arguments, **variables):
    environment = outside() | variables
    return subprocess.run(
        [ROOT / "run", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def demo(*arguments):
    """`./run demo` after its set-up, in the environment that the tests already have."""
    environment = outside() | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "config.demo", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_help_lists_every_command():
    result = run("--help")

    assert result.returncode == 0
    for command in ("demo", "test", "check", "bench", "chaos", "serve", "manage"):
        assert f"\n  {command}" in result.stdout


def test_without_a_command_shows_the_usage_and_fails():
    result = run()

    assert result.returncode == 2
    assert "usage: ./run COMMAND" in result.stdout


@pytest.mark.parametrize("arguments", [("fly",), ("bench", "no-such-topic")])
def test_an_unknown_word_is_one_sentence(arguments):
    result = run(*arguments)

    assert result.returncode == 2
    assert arguments[-1] in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_a_new_enough_python_says_what_to_install(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "dirname"):
        (tools / name).symlink_to(f"/bin/{name}" if name == "sh" else f"/usr/bin/{name}")

    result = run("--help", PATH=str(tools), WINDHOVER_PYTHON="")

    assert result.returncode == 1
    assert "Python 3.11 or newer" in result.stderr


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        result = demo("--port", str(port), "--state", str(tmp_path))

    assert result.returncode == 1
    assert result.stderr == f"Port {port} is in use by another program; choose another with --port.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--port", "70000"), "--port must be between 1 and 65535, not 70000."),
        (("--speed", "0"), "--speed must be above 0 and at most 10000, not 0."),
        (("--follow", "9001"), "--follow must be between 0 and 9000, which three streams carry, not 9001."),
        (("--seconds", "-1"), "--seconds must be above 0, not -1."),
        (("--replay", "/nowhere/bars.parquet"), "There is no replay file at /nowhere/bars.parquet."),
    ],
)
def test_a_value_that_cannot_work_is_one_sentence(arguments, sentence, tmp_path):
    result = demo("--state", str(tmp_path), *arguments)

    assert result.returncode == 1
    assert result.stderr == sentence + "\n"
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_that_is_a_file_is_named(tmp_path):
    file = tmp_path / "state"
    file.write_text("")

    result = demo("--state", str(file), "--port", _free_port())

    assert result.returncode == 1
    assert result.stderr.startswith(f"The state folder {file} cannot be used")


def test_a_broken_database_is_named_and_left_alone(tmp_path):
    database = tmp_path / "windhover.sqlite3"
    database.write_bytes(b"not a database, but somebody's file" * 100)
    before = database.read_bytes()

    result = demo("--state", str(tmp_path), "--port", _free_port())

    assert result.returncode == 1
    assert "is broken: windhover.sqlite3 cannot be read" in result.stderr
    assert database.read_bytes() == before


def test_lost_secrets_beside_a_database_are_not_replaced(tmp_path):
    (tmp_path / "windhover.sqlite3").write_bytes(b"")

    result = demo("--state", str(tmp_path), "--port", _free_port())

    assert result.returncode == 1
    assert "no secrets.json" in result.stderr
    assert not (tmp_path / "secrets.json").exists()


def test_serve_knows_only_the_desk_s_processes():
    environment = outside() | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "config.demo.serve", "kitchen"]

    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert "kitchen" in result.stderr


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
