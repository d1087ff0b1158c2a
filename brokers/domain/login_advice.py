"""What a failed sign-in at a venue means for the person at the desk, in one sentence and what to do."""

from __future__ import annotations

from brokers.domain.errors import Ambiguous, NeedsLogin, Rejected, Retryable, WindhoverError

NEVER_YET = "The account was connected; it waits for its first login."
BY_HAND = "Logged out."
# A person's own doing: nobody logs in again for them.
WAITS_FOR_A_PERSON = frozenset({NEVER_YET, BY_HAND})
USED = "This sign-in was used before. Log in again: each sign-in at Kite counts once."
REFUSED = (
    "Kite refused the sign-in: the API secret stored here is not the one of this key, or the sign-in was used before or is "
    "older than a few minutes. Log in again; when Kite refuses again, copy the API secret from the developer console and "
    "enter it here."
)
AWAY = (
    "Kite does not answer. Nothing was changed; try again in a minute, and look at Kite's status page when it stays so."
)
UNSAID = "Kite did not say whether it took the sign-in. Log in again: the newest sign-in counts."
UNKNOWN_KEY = "Kite does not know this API key. Copy it from the developer console and enter it here."
OTHER_APP = (
    "This Kite app is not open to the person who signed in. Sign in as {user_id}, or enter {user_id} as the client id of "
    "the app in the developer console."
)
OTHER_PERSON = (
    "Somebody else signed in at Kite. Sign out there, then log in as {user_id}, to whom this account belongs."
)


def advised(error: WindhoverError, *, user_id: str, was_used: bool = False) -> WindhoverError:
    """Return the same kind of error with the sentence that helps; one of our own stays as it is."""
    code, sentence = _advice(error, was_used=was_used)
    if not sentence:
        return error
    return type(error)(sentence.format(user_id=user_id), code=code, field=error.field, details=error.details)


def _advice(error: WindhoverError, *, was_used: bool) -> tuple[str, str]:
    if isinstance(error, NeedsLogin):
        return ("login.token_used", USED) if was_used else ("login.refused", REFUSED)
    if isinstance(error, Rejected) and error.code == "venue.permission":
        return "login.other_app", OTHER_APP
    if isinstance(error, Rejected) and error.code == "venue.input":
        return "login.unknown_key", UNKNOWN_KEY
    if isinstance(error, Retryable):
        return "login.venue_away", AWAY
    if isinstance(error, Ambiguous):
        return "login.unsaid", UNSAID
    return error.code, ""
