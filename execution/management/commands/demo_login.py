"""Sign the demo's account in again at the simulated exchange: `manage.py demo_login`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from brokers.domain.errors import WindhoverError
from brokers.domain.login_advice import WAITS_FOR_A_PERSON
from brokers.models import Proof, SessionState, TradingAccount
from execution.management import demo


class Command(BaseCommand):
    """Renews the simulated session, which ends as a real one does."""

    help = "Renew the demo account's session at the simulated exchange."

    def handle(self, **_: Any) -> None:
        """Log in through the redirect and exchange its token."""
        if not settings.WINDHOVER_DEMO:
            raise CommandError("The demo logs in only where WINDHOVER_DEMO is set.")
        lost = TradingAccount.objects.filter(
            login__state=SessionState.NEEDS_LOGIN, is_simulated=True, is_enabled=True, auth_scheme=Proof.LOGIN
        )
        accounts = lost.exclude(login__reason__in=WAITS_FOR_A_PERSON).select_related("owner")
        try:
            for account in accounts:
                demo.login(account, simulator_url=settings.WINDHOVER_SIMULATOR_URL, at=timezone.now())
        except WindhoverError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"renewed {len(accounts)}")
