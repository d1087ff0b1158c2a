"""The error tree, by who must act.

WindhoverError
├── Invalid            the caller: the request is malformed or names a wrong value
│   ├── NotFound       the thing named does not exist, or not for this caller
│   └── AlreadyStopped asked to stop what is stopped; the caller may ignore it
├── RefusedByRisk      nobody: a limit spoke, nothing was sent
├── VenueError         the venue, or the way to it
│   ├── Retryable      nothing was changed at the venue; a read may be asked again
│   ├── Rejected       the venue said a definite no; nothing was placed
│   │   ├── NeedsLogin the session is dead: one state change, no retries
│   │   └── Misconfigured  whoever set the account up: every order would be refused, so entries halt
│   └── Ambiguous      a write may or may not have happened: reconcile, never resend
└── DataError          data is missing, stale or corrupt: stop, do not repair in passing
"""

from __future__ import annotations

from collections.abc import Mapping


class WindhoverError(Exception):
    """One plain sentence with a stable code; `field` names the offending input."""

    code: str = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.field = field
        self.details = dict(details or {})


class Invalid(WindhoverError):
    code = "invalid"


class NotFound(Invalid):
    code = "not_found"


class AlreadyStopped(Invalid):
    code = "already_stopped"


class RefusedByRisk(WindhoverError):
    code = "limit.refused"


class VenueError(WindhoverError):
    code = "venue.error"


class Retryable(VenueError):
    code = "venue.retryable"


class Rejected(VenueError):
    code = "venue.rejected"


class NeedsLogin(Rejected):
    code = "venue.needs_login"


class Misconfigured(Rejected):
    code = "venue.misconfigured"


class Ambiguous(VenueError):
    code = "venue.ambiguous"


class DataError(WindhoverError):
    code = "data.error"
