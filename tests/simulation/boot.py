"""Makes this process one that can run worlds: Django on a database in memory, quiet logs."""

from __future__ import annotations

import gc
import logging
import os
import sys
import warnings

import django
import structlog

LOOPBACK = "127.0.0.1:9"


def boot(*, loud: bool = False) -> bytes:
    """Set Django up and return the empty database's image."""
    os.environ.update(
        DATABASE_URL="sqlite:///:memory:",
        DJANGO_SETTINGS_MODULE="config.settings.test",
        # everything is one thread here, and no read of the memory ever waits
        DJANGO_ALLOW_ASYNC_UNSAFE="true",
        WINDHOVER_KITE_API_URL=f"http://{LOOPBACK}",
        WINDHOVER_KITE_STREAM_URL=f"ws://{LOOPBACK}",
        WINDHOVER_ASTER_API_URL=f"http://{LOOPBACK}",
        WINDHOVER_ASTER_STREAM_URL=f"ws://{LOOPBACK}",
    )
    django.setup()
    logging.disable(logging.CRITICAL)
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.dev.ConsoleRenderer(colors=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO if loud else logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    from tests.simulation import campaign
    from tests.simulation.storage import empty_image

    # the coroutines of killed processes refuse to end in order, as they should
    sys.unraisablehook = lambda _: None
    warnings.filterwarnings("ignore", message="coroutine .* was never awaited", category=RuntimeWarning)
    image = empty_image()
    campaign.carry_out(campaign.Run(scenario="stopped", seed=0), image)  # whatever is imported late, is now
    # a dead process's tasks must be collected between runs, never in the middle of one
    gc.collect()
    gc.freeze()
    gc.disable()
    return image
