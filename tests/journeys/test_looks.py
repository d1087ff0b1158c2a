"""What needs no running desk: colours that can be read, modules that do what they say."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOKENS = ROOT / "static" / "css" / "tokens.css"
READABLE = 4.5
TEXT_ON_GROUND = [
    (text, ground)
    for text in ("ink", "ink-2", "ink-3", "accent", "gain", "loss", "warn", "unknown")
    for ground in ("paper", "sheet")
]
TEXT_ON_WASH = [(name, f"{name}-wash") for name in ("accent", "gain", "loss", "warn", "unknown")]
OTHERS = [("on-accent", "accent"), ("ink", "sunken"), ("ink-2", "sunken"), ("ink", "accent-wash")]


def _blocks():
    css = TOKENS.read_text()
    light, rest = css.split("@media (prefers-color-scheme: dark)")
    system_dark, rest = rest.split(':root[data-theme="dark"]')
    chosen_dark = rest.split(':root[data-theme="light"]')[0]
    read = {
        name: dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", block))
        for name, block in (("light", light), ("system-dark", system_dark), ("dark", chosen_dark))
    }
    assert all(read.values())
    return read


def _luminance(colour):
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON_GROUND + TEXT_ON_WASH + OTHERS)
def test_every_text_colour_can_be_read_on_its_ground(theme, text, ground):
    colours = _blocks()[theme]

    contrast = _contrast(colours[text], colours[ground])

    assert contrast >= READABLE, f"{text} on {ground} in {theme}: {contrast:.2f}"


def test_the_systems_dark_and_the_chosen_dark_are_one_theme():
    blocks = _blocks()

    assert blocks["system-dark"] == blocks["dark"]


def test_modules_put_no_markup_into_the_page():
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")

    offenders = [path.name for path in (ROOT / "static" / "js").rglob("*.js") if forbidden.search(path.read_text())]

    assert offenders == []


def test_templates_hold_no_inline_script_or_style():
    inline = re.compile(r"<script(?![^>]*(src=|type=\"importmap\"))|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE)

    offenders = [path.name for path in (ROOT / "templates").rglob("*.html") if inline.search(path.read_text())]

    assert offenders == []


def test_every_module_that_is_imported_is_in_the_import_map():
    importmap = (ROOT / "templates" / "parts" / "importmap.html").read_text()
    named = set(re.findall(r'^\s+"([\w/-]+)":', importmap, re.MULTILINE))
    modules = (ROOT / "static" / "js").rglob("*.js")

    imported = {name for path in modules for name in re.findall(r'from "([^"]+)"', path.read_text())}

    assert imported == named


def test_the_pure_modules_pass_their_own_tests():
    node = shutil.which("node")
    if node is None:
        if os.environ.get("WINDHOVER_REQUIRE_BROWSER") == "1":
            pytest.fail("node is required here and missing")
        pytest.skip("no node on PATH")
    tests = sorted(str(path) for path in (ROOT / "tests" / "js").glob("*.test.mjs"))

    run = subprocess.run([node, "--test", *tests], capture_output=True, text=True, timeout=120, check=False)

    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
