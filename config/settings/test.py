"""Settings under which the suite runs: offline, its own keys, no hashing for the sake of hashing."""

from __future__ import annotations

import os
import tempfile

# Only what a bare machine lacks: a database or a Redis named outside stands.
os.environ.setdefault("WINDHOVER_SECRET_KEY", "a-key-for-tests-alone-never-for-a-desk")
os.environ.setdefault("WINDHOVER_VAULT_KEYS", "t1:d2luZGhvdmVyIHRlc3Qga2V5LCAzMiBieXRlcyBsb24=")
os.environ.setdefault("WINDHOVER_STATE", os.path.join(tempfile.gettempdir(), "windhover-test"))  # noqa: PTH118

from config.settings.base import *  # noqa: F403
from config.settings.base import DATABASES, STATIC_ROOT

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, so that threads and other processes of a test see the same data.
    DATABASES["default"]["TEST"] = {"NAME": os.environ["WINDHOVER_STATE"] + f"-{os.getpid()}.sqlite3"}

# WhiteNoise warns of a folder that is not there yet, and a warning is an error here.
STATIC_ROOT.mkdir(exist_ok=True)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
MAIL_IN_BACKGROUND = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
