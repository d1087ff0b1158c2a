"""`./run demo`: one failure is one sentence and a non-zero exit."""

import sys
from collections.abc import Sequence

from config.demo import desk
from config.demo.errors import SetupError
from config.demo.options import parse
from config.demo.supervisor import ChildDied, StopRequested


def main(arguments: Sequence[str]) -> int:
    """Run the demo and turn how it ended into an exit code."""
    try:
        desk.run(parse(arguments))
    except StopRequested:
        desk.say("stopped")
    except ChildDied as death:
        print(death.child.last_lines(), file=sys.stderr)
        print(f"The desk did not come up: {death} (log: {death.child.log}).", file=sys.stderr)
        return 1
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
