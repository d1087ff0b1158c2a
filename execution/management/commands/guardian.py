"""Run the guardian: `manage.py guardian`."""

from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from execution.runtime.desk import guardian_from_settings


class Command(BaseCommand):
    """Watches leases and limits from outside the desk until it is stopped."""

    help = "Watch every account from outside the desk; take over what stays unattended."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--deadline", type=float, default=10.0, help="seconds without a desk before the guardian acts"
        )

    def handle(self, *, deadline: float, **_: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        asyncio.run(_watch(deadline))


async def _watch(deadline_s: float) -> None:
    guardian = guardian_from_settings(deadline_s=deadline_s)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, guardian.stop)
    await guardian.run()
