"""Setting up, with stand-ins for uv and Python: what is done once, and what is said when it cannot be done."""

import stat
import sys

import pytest

from config.demo import toolchain
from config.demo.errors import SetupError
from config.demo.toolchain import Environment


def a_program(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A checkout in a temporary folder and a PATH that holds nothing but what a test puts there."""
    monkeypatch.setattr(toolchain, "ROOT", tmp_path)
    monkeypatch.setattr(toolchain, "BOOT", tmp_path / ".boot")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


@pytest.fixture
def environment(machine):
    lock = machine / "requirements.lock"
    lock.write_text("a==1\n")
    a_program(machine / ".venv" / "bin" / "python", "exit 0")
    return Environment(folder=machine / ".venv", lock=lock)


def test_an_environment_is_synchronised_once_per_lock_file(machine, environment):
    a_program(machine / "bin" / "uv", f'echo "$@" >> {machine}/calls')

    toolchain.environment_ready(environment)
    toolchain.environment_ready(environment)
    once = (machine / "calls").read_text()
    environment.lock.write_text("a==2\n")
    toolchain.environment_ready(environment)

    assert once.count("pip sync") == 1
    assert (machine / "calls").read_text().count("pip sync") == 2


def test_packages_are_checked_against_their_hashes_and_no_python_is_fetched(machine, environment):
    a_program(machine / "bin" / "uv", f'echo "$@" >> {machine}/calls')

    toolchain.environment_ready(environment)

    call = (machine / "calls").read_text()
    assert "--require-hashes" in call
    assert "--no-python-downloads" in call


def test_without_a_compiler_nothing_is_built_and_the_failure_says_so(machine, environment):
    a_program(machine / "bin" / "uv", f'echo "$@" >> {machine}/calls; exit 1')

    with pytest.raises(SetupError, match=r"no C compiler was found.*build-essential"):
        toolchain.environment_ready(environment)

    assert "--no-build" in (machine / "calls").read_text()


def test_with_a_compiler_a_failure_does_not_blame_it(machine, environment):
    a_program(machine / "bin" / "uv", "exit 1")
    a_program(machine / "bin" / "cc", "exit 0")

    with pytest.raises(SetupError) as failure:
        toolchain.environment_ready(environment)

    assert "compiler" not in str(failure.value)


def test_a_failed_set_up_is_tried_again(machine, environment):
    a_program(machine / "bin" / "uv", "exit 1")
    with pytest.raises(SetupError):
        toolchain.environment_ready(environment)
    a_program(machine / "bin" / "uv", f'echo "$@" >> {machine}/calls')

    toolchain.environment_ready(environment)

    assert "pip sync" in (machine / "calls").read_text()


def test_an_incomplete_python_is_named(machine, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(a_program(machine / "python3", "exit 1")))

    with pytest.raises(SetupError, match="python3-venv"):
        toolchain.find_uv()


def test_uv_on_the_path_is_used_as_it_is(machine):
    uv = a_program(machine / "bin" / "uv", "exit 0")

    assert toolchain.find_uv() == str(uv)
    assert not (machine / ".boot").exists()


def test_browser_libraries_are_copied_without_source_maps(tmp_path):
    source = tmp_path / "chart.mjs"
    source.write_text("export const chart = 1;\n//# sourceMappingURL=chart.mjs.map\n")

    toolchain._copy_without_source_map(source, tmp_path / "chart.js")

    assert (tmp_path / "chart.js").read_text() == "export const chart = 1;\n"


def test_every_served_library_is_in_the_package_lock():
    lock = (toolchain.ROOT / "package-lock.json").read_text()
    packages = {source.split("/")[0] for source in toolchain.VENDOR_FILES}

    assert all(f'"node_modules/{package}"' in lock for package in packages)
    assert "resolved" not in lock
