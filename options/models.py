"""What the options keep in tables: saved combinations."""

from __future__ import annotations

from options import builder_models  # noqa: F401 - tables of this app too
