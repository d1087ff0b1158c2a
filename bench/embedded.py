"""A database of its own for a benchmark, as an embedded desk has it."""

from __future__ import annotations

import os
from pathlib import Path


def ready() -> None:
    """Set Django up on the state folder that the environment names, and migrate; what is named outside stands."""
    import django
    from django.core.management import call_command

    from config.demo.state import environment_of, open_state

    own = dict(os.environ)
    found = environment_of(open_state(Path(os.environ["WINDHOVER_STATE"])))
    os.environ.update({name: value for name, value in found.items() if name not in own})
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
