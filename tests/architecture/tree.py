"""The project's own source, as the architecture tests read it."""

import ast
import functools
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "analysis", "brokers", "execution", "notifications", "options", "risk", "strategies")
PACKAGES = (*APPS, "config")

# The pure core: importable with every framework absent.
PURE = (
    "analysis.domain",
    "brokers.adapters.aster.account",
    "brokers.adapters.aster.clock",
    "brokers.adapters.aster.decode",
    "brokers.adapters.aster.errors",
    "brokers.adapters.aster.events",
    "brokers.adapters.aster.filters",
    "brokers.adapters.aster.local_book",
    "brokers.adapters.aster.market",
    "brokers.adapters.aster.orders",
    "brokers.adapters.aster.requests",
    "brokers.adapters.aster.signing",
    "brokers.adapters.aster.tokens",
    "brokers.adapters.aster.wire",
    "brokers.adapters.aster.words",
    "brokers.adapters.kite.accounts",
    "brokers.adapters.kite.alerts",
    "brokers.adapters.kite.calculators",
    "brokers.adapters.kite.gtt",
    "brokers.adapters.kite.history",
    "brokers.adapters.kite.listing",
    "brokers.adapters.kite.mutual_funds",
    "brokers.adapters.kite.orders",
    "brokers.adapters.kite.payloads",
    "brokers.adapters.kite.portfolio",
    "brokers.adapters.kite.postback",
    "brokers.adapters.kite.protocol",
    "brokers.adapters.kite.quotes",
    "brokers.adapters.kite.sessions",
    "brokers.domain",
    "brokers.ports",
    "brokers.simulator.aster.accounts",
    "brokers.simulator.aster.engine",
    "brokers.simulator.aster.market",
    "brokers.simulator.market",
    "brokers.simulator.matching",
    "execution.domain",
    "options.domain",
    "risk.domain",
    "strategies.agents",
    "strategies.domain",
    "strategies.library",
)


def sources() -> Iterator[Path]:
    """Every Python file of the product, without tests and generated migrations."""
    for package in PACKAGES:
        yield from (path for path in sorted((ROOT / package).rglob("*.py")) if "migrations" not in path.parts)


def parsed() -> Iterator[tuple[str, ast.Module]]:
    """Every product file as its name from the root and its syntax tree."""
    for path in sources():
        yield str(path.relative_to(ROOT)), _parse(path)


def called_name(call: ast.Call) -> str:
    """The last word of what is called: `place` for `venue.place(...)`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Every call in a file."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def words(tree: ast.Module) -> set[str]:
    """Every name that a file uses, imports or defines."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found.update(alias.name.split(".")[-1] for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


def tracked_files() -> list[Path]:
    """Every file under version control, and every one about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = (ROOT / name for name in listed.split("\0") if name)
    return [path for path in paths if path.is_file()]


def settings() -> dict:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def python(code: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run code in a fresh interpreter at the root of the project."""
    command = [sys.executable, "-P", "-c", code, *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@functools.cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
