"""The venue's own sample files, read where they lie; they are no part of this repository."""

import json

from tests.reference import reference_file


def sample(name):
    """Return a sample file's bytes; skip where the samples are absent, unless they are required."""
    return reference_file(name, folder="kite").read_bytes()


def sample_json(name):
    return json.loads(sample(name))
