"""`./run demo`: one failure is one sentence and a non-zero exit."""

import sys
from collections.abc import Sequence

from config.demo import desk
from config.demo.errors import SetupError
from config.demo.options import parse
from config.demo.supervisor import ChildDied, StopRequested

USAGE_EXIT_CODE = 2


def main(arguments: Sequence[str]) -> int:
    """Run the demo and turn how it ended into an exit code."""
    try:
        desk.run(parse(arguments))
    except StopRequested:
        desk.say("stopped")
    except ChildDied as death:
        if death.child.exit_code == USAGE_EXIT_CODE:
            # It said in a sentence what it was given and cannot use; nothing needs to be added.
            print(death.child.last_lines(1), file=sys.stderr)
            return 1
        print(death.child.last_lines(), file=sys.stderr)
        print(f"The desk did not come up: {death} (log: {death.child.log}).", file=sys.stderr)
        return 1
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
