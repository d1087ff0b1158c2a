import importlib.metadata
import re

from tests.architecture.tree import PACKAGES, ROOT, tracked_files

# Put together here, so that this file does not name what it forbids.
REGISTRIES = "|".join(
    ["py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.(?:org|com)", r"deb\." + "debian", "yarn" + "pkg"]
)


def test_no_top_level_name_shadows_a_dependency():
    ours = {path.stem for path in ROOT.iterdir() if (path.suffix == ".py" or (path / "__init__.py").exists())}
    theirs = set(importlib.metadata.packages_distributions())

    assert set(PACKAGES) <= ours
    assert (ours | {"static", "templates", "bench", "docs"}) & theirs == set()


def test_no_file_names_a_registry():
    naming = [path.name for path in tracked_files() if re.search(REGISTRIES, _text(path))]

    assert naming == []


def test_no_file_names_a_folder_of_somebody_s_machine():
    machine = re.compile(r"(?<![\w.])/(?:home|Users|root|work)/[a-z]")
    naming = [path.name for path in tracked_files() if path.suffix != ".lock" and machine.search(_text(path))]

    assert naming == []


def _text(path):
    return path.read_text(encoding="utf-8", errors="ignore")
