"""Connect a person's own Kite account: `manage.py account_connect --email … --zerodha-id … --api-key …`."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts.models import Desk, Role, User
from accounts.services import desk_create, user_create
from brokers.domain.errors import WindhoverError
from brokers.models import Venue
from execution.connections import account_add, account_host


class Command(BaseCommand):
    """Makes what is missing of user and desk, then the account with small limits; it is not live yet."""

    help = "Connect a Kite account. The API secret, and a new user's password, are asked for and never shown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--email", required=True, help="whose account it is; a new person becomes a user")
        parser.add_argument("--zerodha-id", required=True, help="the id at Zerodha, for example AB1234")
        parser.add_argument("--api-key", required=True, help="the key of the owner's own Kite Connect app")
        parser.add_argument(
            "--desk", default="", help="a desk of theirs by name; without one, their first or a new one"
        )
        parser.add_argument("--label", default="", help="what the pages call the account")

    def handle(self, *, email: str, zerodha_id: str, api_key: str, desk: str, label: str, **options: Any) -> None:
        """Ask for the secrets, then write everything or nothing."""
        at = timezone.now()
        user = User.objects.filter(email__iexact=email).first()
        password = "" if user else _asked("Password to sign in with: ")
        secret = _asked("API secret of the Kite app: ")
        try:
            with transaction.atomic():
                owner = user or _new_user(email, zerodha_id, password, at)
                account = account_add(
                    desk=_desk(owner, desk, at),
                    owner=owner,
                    venue=Venue.KITE,
                    label=label,
                    venue_user_id=zerodha_id,
                    api_key=api_key,
                    api_secret=secret,
                    is_simulated=False,
                    by=owner,
                    at=at,
                )
                account_host(account)
        except WindhoverError as error:
            raise CommandError(error.message) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Connected {account}. Sign in as {owner.email} and open /brokers/{account.pk}/login")


def _asked(prompt: str) -> str:
    answer = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not answer:
        raise CommandError(f"{prompt.rstrip(': ')} is needed.")
    return answer


def _new_user(email: str, zerodha_id: str, password: str, at: datetime) -> User:
    validate_password(password)
    # The first person on a machine is its operator: somebody must be able to open the admin.
    return user_create(
        email=email, at=at, zerodha_id=zerodha_id, password=password, is_operator=not User.objects.exists()
    )


def _desk(owner: User, name: str, at: datetime) -> Desk:
    own = owner.memberships.filter(role=Role.OWNER, is_active=True).select_related("desk").order_by("pk")
    found = own.filter(desk__name=name).first() if name else own.first()
    return found.desk if found else desk_create(name=name or f"{owner.email}'s desk", owner=owner, at=at)
