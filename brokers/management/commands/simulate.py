"""``manage.py simulate``: the simulated venue on loopback, with the options of `brokers.simulator.options`."""

import sys
from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from brokers.simulator.options import add_arguments


class Command(BaseCommand):
    """Run the simulated venue until it is stopped."""

    help = "Run the simulated venue on 127.0.0.1: Kite's wire over a made or a recorded market."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the simulator's own options."""
        add_arguments(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Hand the options to the server, which needs no Django."""
        from brokers.simulator.serve import serve

        sys.exit(serve(Namespace(**options)))
