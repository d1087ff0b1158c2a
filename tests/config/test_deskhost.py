import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

A_WORKER_WHOSE_LOOP_BREAKS = """
import time
import django
django.setup()
from config.deskhost import DeskHost
from execution.runtime import desk

class Breaking:
    async def run(self):
        raise RuntimeError("the loop's own defect")

desk.desk_from_settings = Breaking
DeskHost(None).start(None)
time.sleep(30)
"""


def test_a_worker_whose_desk_loop_breaks_ends_with_an_error_and_says_why():
    ended = subprocess.run(
        [sys.executable, "-c", A_WORKER_WHOSE_LOOP_BREAKS],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"},
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )

    told = ended.stdout + ended.stderr
    assert ended.returncode == 70, told
    assert "desk_loop_ended" in told
    assert "the loop's own defect" in told
