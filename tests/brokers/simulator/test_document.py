"""The simulator's page names every option and every fault there is."""

import argparse
import re
from pathlib import Path

from brokers.simulator.fault_rules import RULES, FaultKind, fields_of
from brokers.simulator.options import add_arguments

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "simulator.md").read_text()
ROW = re.compile(r"^\| `(?P<kind>\w+)` \| (?P<does>.+?) \| (?P<fields>.+?) \|$", re.MULTILINE)


def test_every_fault_stands_with_its_words_and_fields():
    rows = {row["kind"]: (row["does"], set(re.findall(r"`(\w+)`", row["fields"]))) for row in ROW.finditer(PAGE)}

    assert rows == {kind: (RULES[kind].does, set(fields_of(kind)) - {"account", "venue"}) for kind in FaultKind}


def test_every_option_is_named_and_none_that_is_not():
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    options = {name for action in parser._actions for name in action.option_strings if not name.startswith("--no-")}

    assert set(re.findall(r"`(--[\w-]+)`", PAGE)) == options
