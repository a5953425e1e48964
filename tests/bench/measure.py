"""What the benchmarks of services share: the harness of the integration tests, options and waiting."""

import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402, F401

MIB = 2**20


def argument_parser(name, description, series, rounds):
    """The options that all of them have; `series` and `rounds` are the defaults."""
    parser = argparse.ArgumentParser(prog=f"./plumbago bench {name}",
                                     description=description.splitlines()[0])
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--series", type=int, default=series, help="series (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=rounds, help="points of each (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser


def wait_for(count, goal, what, seconds=600):
    """Polls seldom: reading metrics costs CPU that would be measured too."""
    deadline = time.monotonic() + seconds
    while count() < goal:
        if time.monotonic() > deadline:
            sys.exit(f"only {count():.0f} of {goal} points were {what} after {seconds} s")
        time.sleep(0.1)
