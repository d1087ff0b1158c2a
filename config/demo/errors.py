"""The one kind of failure that the command line explains in a sentence."""


class SetupError(Exception):
    """Something the person at the terminal must change; its text is the whole message."""
