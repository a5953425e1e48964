"""What the benchmarks of services share: the harness of the integration tests, options and sending."""

import argparse
import json
import pathlib
import subprocess
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


def progress(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def replay_command(bin_dir, port, payload, *flags):
    """Sends the lines of a file to 127.0.0.1:port (relay_bench_replay.cc)."""
    return [str(pathlib.Path(bin_dir) / "relay_bench_replay"), "--address", f"127.0.0.1:{port}",
            "--file", str(payload), *map(str, flags)]


def replay(bin_dir, port, payload, *flags):
    """Sends, and says when it began to and how long it took."""
    answer = subprocess.run(replay_command(bin_dir, port, payload, *flags), capture_output=True, text=True)
    assert answer.returncode == 0, f"the sender to port {port} ended: {answer.stderr.strip()}"
    sent = json.loads(answer.stdout)
    return {**sent, "begin": time.monotonic() - sent["seconds"]}


def wait_for(count, goal, what, seconds=600, interval=0.1):
    """Polls seldom: reading metrics costs CPU that would be measured too."""
    deadline = time.monotonic() + seconds
    while count() < goal:
        if time.monotonic() > deadline:
            sys.exit(f"only {count():.0f} of {goal} points were {what} after {seconds} s")
        time.sleep(interval)
