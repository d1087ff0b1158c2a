import pytest

from tests.architecture.tree import APPS, PURE, ROOT, python, settings

FRAMEWORKS = "celery channels daphne django httpx kombu redis rest_framework twisted uvicorn websockets"

IMPORT_WITHOUT_FRAMEWORKS = f"""
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {FRAMEWORKS.split()!r}:
            raise ModuleNotFoundError(f"absent on purpose: {{name}}", name=name)

sys.meta_path.insert(0, Absent())
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(getattr(package, "__path__", []), package.__name__ + "."):
    importlib.import_module(module.name)
"""


@pytest.mark.parametrize("name", PURE)
def test_imports_with_every_framework_absent(name):
    result = python(IMPORT_WITHOUT_FRAMEWORKS, name)

    assert result.returncode == 0, result.stderr


def test_the_absence_is_real():
    result = python(IMPORT_WITHOUT_FRAMEWORKS, "django")

    assert "absent on purpose" in result.stderr


def test_the_import_contract_names_the_same_core():
    contracts = settings()["tool"]["importlinter"]["contracts"]
    pure = next(contract for contract in contracts if contract["name"].startswith("The pure core"))

    assert pure["source_modules"] == list(PURE)


def test_every_domain_belongs_to_the_core():
    domains = {f"{path.parent.parent.name}.domain" for path in ROOT.glob("*/domain/__init__.py")}

    assert domains <= set(PURE)


def test_the_launcher_needs_only_the_standard_library():
    result = python(
        "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]; import config.demo.launcher"
    )

    assert result.returncode == 0, result.stderr


def test_every_app_has_an_empty_init():
    full = [app for app in APPS if (ROOT / app / "__init__.py").read_text().strip()]

    assert full == []
