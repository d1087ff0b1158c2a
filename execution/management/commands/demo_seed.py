"""Fill an empty desk with the demo: `manage.py demo_seed --simulator URL`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analysis.demo import demo_fill_ask
from brokers.domain.errors import WindhoverError
from brokers.listings_sync import instruments_sync
from execution.management import demo, demo_aster
from options.services import tracking_by_default
from strategies.agent_services import watch_by_default


class Command(BaseCommand):
    """Makes the demo's user, its account at each venue and their deployments; running it again refreshes them."""

    help = "Seed the demo desk: a user, an account at each simulated venue, limits and deployments."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--simulator", required=True, help="the simulated exchange's address")
        parser.add_argument("--json", action="store_true", help="print how to sign in as one line of JSON")
        parser.add_argument("--replay", action="store_true", help="the exchange replays a recording")
        parser.add_argument("--aster-replay", action="store_true", help="the perpetuals are a recording")

    def handle(self, *, simulator: str, replay: bool, **options: Any) -> None:
        """Seed, then print how to sign in."""
        if not settings.WINDHOVER_DEMO:
            raise CommandError("The demo is seeded only where WINDHOVER_DEMO is set.")
        at = timezone.now()
        try:
            user, sign_in = demo.user_ensure(at=at)
            account = demo.account_ensure(user=user, at=at)
            demo.login(account, simulator_url=simulator, at=at)
            instruments_sync(account=account, at=at)
            tracking_by_default(account_id=str(account.pk), at=at)
            demo.deployments_ensure(account=account, is_replay=replay, by=user, at=at)
            perpetuals = demo_aster.account_ensure(user=user, at=at)
            instruments_sync(account=perpetuals, at=at)
            demo_aster.deployments_ensure(account=perpetuals, by=user, at=at)
            demo_aster.rate_ensure(at=at)
            demo_aster.host(perpetuals)
            demo_fill_ask(at=at)
            for one in (account, perpetuals):
                watch_by_default(account=one, at=at)
        except WindhoverError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(sign_in)))
        else:
            self.stdout.write(f"user={sign_in.user} password={sign_in.password} key={sign_in.key}")
