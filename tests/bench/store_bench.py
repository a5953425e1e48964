"""./plumbago bench store: CPU to create, update and fetch series, beside its peers in the same run.

Runs build/release/bin/store_bench (the store, and the bare system calls), creates files with
python3-whisper, and runs index_bench. Figures are microseconds of CPU, user and system, of the process
that does the work; they differ from machine to machine, the ratios less so.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import tempfile
import time

import whisper

PYTHON_SERIES = 5_000
ARCHIVES = [(10, 360), (60, 1440)]
POINTS = 30


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./plumbago bench store", description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--series", type=int, default=200_000, help="series (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=4, help="updates of each (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the store's figures as JSON, no index")
    return parser.parse_args()


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def python_whisper():
    """Microseconds a series: create with the first points, and an update."""
    now = int(time.time())
    with tempfile.TemporaryDirectory(prefix="plumbago-bench-") as directory:
        paths = []
        for i in range(PYTHON_SERIES):
            parent = os.path.join(directory, f"host{i // 100}", f"service{i // 10 % 10}")
            os.makedirs(parent, exist_ok=True)
            paths.append(os.path.join(parent, f"metric{i % 10}.wsp"))
        figures = []
        for start in (now - 2 * POINTS * 10, now - POINTS * 10):
            points = [(start + 10 * k, 1.5 * k) for k in range(POINTS)]
            before = cpu_seconds()
            for path in paths:
                if not figures:
                    whisper.create(path, ARCHIVES, 0.5, "average", useFallocate=True)
                whisper.update_many(path, points)
            figures.append((cpu_seconds() - before) * 1e6 / PYTHON_SERIES)
    return figures


def print_table(result, created, updated):
    def line(what, ours, target, peers):
        print(f"  {what:<46}{ours:>8.1f}   {target:<8}{peers}")

    print(f"{result['series']} series, archives 10s:1h and 1m:1d, {POINTS} points a flush; "
          f"{result['open_files_max']} files are held open\n")
    print(f"  {'us CPU a series':<46}{'ours':>8}   {'goal':<8}beside it")
    line("create, with the first points", result["create"], "<= 45",
         f"create + write {result['bare_create']:.1f}, python3-whisper {created:.1f}")
    line("update, round robin", result["update"], "<= 4",
         f"two writes, open already {result['bare_two_writes']:.1f}; "
         f"open + read + two writes + close {result['bare_open_read_write_close']:.1f}; "
         f"python3-whisper {updated:.1f}")
    line("fetch of 1440 points, in process", result["fetch"], "<= 15", "")
    line("fetch of 1440 points, 10,000 series in one call", result["fetch_grpc"], "<= 15",
         "gRPC; both server and client are counted")


def main():
    arguments = parse_arguments()
    binaries = pathlib.Path(arguments.bin)
    answer = subprocess.run([str(binaries / "store_bench"), str(arguments.series), str(arguments.rounds)],
                            check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(answer.stdout)
    created, updated = python_whisper()
    if arguments.json:
        print(json.dumps({**result, "python_create": created, "python_update": updated}, indent=2))
        return
    print_table(result, created, updated)
    print("\nIndex\n", flush=True)
    subprocess.run([str(binaries / "index_bench")], check=True)


if __name__ == "__main__":
    main()
