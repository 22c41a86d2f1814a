"""The command line: ``python -m ohmgrad``, or ``ohmgrad`` where the package is installed."""

import signal
import sys

from ._native import main as run


def main() -> int:
    # The program has ways of its own to end at Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run(["ohmgrad", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
