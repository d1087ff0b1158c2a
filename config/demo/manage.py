"""`./run manage ...`: Django's own commands on the desk of the state folder."""

import os
import sys

from config.demo.errors import SetupError
from config.demo.local import local_environment

if __name__ == "__main__":
    try:
        os.environ.update(local_environment())
    except SetupError as error:
        sys.exit(str(error))
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", *sys.argv[1:]])
