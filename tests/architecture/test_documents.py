import re

import pytest

from config.demo.launcher import COMMANDS, USAGE
from tests.architecture.tree import ROOT, tracked_files

DOCUMENTS = [path for path in tracked_files() if path.suffix == ".md"]
PLACEHOLDERS = {"COMMAND"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_the_documents_exists(path):
    named = set(re.findall(r"\./run ([a-zA-Z]+)", path.read_text())) - PLACEHOLDERS

    assert named <= set(COMMANDS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path):
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", path.read_text())
    broken = [target for target in targets if not (path.parent / target).exists()]

    assert broken == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_in_the_readme_and_in_the_help(command):
    assert f"./run {command}" in (ROOT / "README.md").read_text()
    assert re.search(rf"^  {command}\b", USAGE, re.MULTILINE)


def test_every_requirement_has_a_known_state():
    table = (ROOT / "docs" / "requirements.md").read_text()
    rows = [
        line.split("|") for line in table.splitlines() if line.startswith("| ") and not line.startswith("| requirement")
    ]
    states = {row[2].strip() for row in rows}

    assert len(rows) > 80
    assert states <= {"kept", "replaced", "later"}
