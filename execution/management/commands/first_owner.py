"""Make the first owner of an empty database from the environment: `manage.py first_owner`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, IntegrityError
from django.utils import timezone

from brokers.domain.errors import WindhoverError
from execution.management.first_owner import first_owner_create

# Cloud Trader's, for what this desk has no use of yet
UNUSED = ("GEMINI_API_KEY", "TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID")


class Command(BaseCommand):
    """Does nothing where there is no key, where anybody is known, and in the demo, which trades on the simulator."""

    help = "On a database without users, make an owner with the Aster account of ASTER_API_KEY and ASTER_SECRET_KEY."

    def handle(self, **_: Any) -> None:
        """Make them and say where the password stands; never a word of a key."""
        key, secret = settings.WINDHOVER_FIRST_ASTER_KEY, settings.WINDHOVER_FIRST_ASTER_SECRET
        if settings.WINDHOVER_DEMO or not key.get_secret_value():
            return
        try:
            made = first_owner_create(
                email=settings.WINDHOVER_OWNER_EMAIL,
                api_key=key.get_secret_value(),
                api_secret=secret.get_secret_value(),
                state=Path(settings.WINDHOVER_STATE),
                at=timezone.now(),
            )
        except WindhoverError as error:
            raise CommandError(f"ASTER_API_KEY, ASTER_SECRET_KEY: {error.message}.") from error
        except OSError as error:
            raise CommandError(f"The state folder cannot keep the first owner's password: {error.strerror}.") from error
        except IntegrityError:
            return  # another process of the desk was first
        except DatabaseError as error:
            raise CommandError("The database is not laid out yet: run ./run manage migrate first.") from error
        if made is None:
            return
        self.stdout.write(
            f"Made the first owner {made.email} with the account {made.account}, on paper. The password to sign in with "
            f"stands in {made.password_file}."
        )
        unused = [name for name in UNUSED if os.environ.get(name)]
        if unused:
            self.stdout.write(f"Nothing uses {', '.join(unused)} yet.")
