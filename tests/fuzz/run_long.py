"""Builds every fuzzer with clang, ASan and UBSan, and runs each for a while from its corpus.

    run_long.py [--seconds 60] [--only NAME ...] [--jobs N]

Exits with 1 where one found something; its input is then in build/fuzz/found/<name>/, and the command
that runs it again is printed. What is new in coverage is not kept: corpora are small on purpose.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "fuzz"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"

# An input that takes longer, or more memory than this under ASan, is a finding.
SECONDS_PER_INPUT_MAX = 5
MEMORY_MIB_MAX = 1024
INPUT_BYTES_MAX = 8192


def build(jobs):
    if shutil.which("clang++") is None:
        sys.exit("clang++ is not installed; it comes with the packages clang and libclang-rt-14-dev")
    for command in (["cmake", "--preset", "fuzz"],
                    ["cmake", "--build", "--preset", "fuzz", "--target", "fuzzers", f"-j{jobs}"]):
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"{' '.join(command)} failed:\n{result.stdout[-4000:]}{result.stderr[-4000:]}")


def run(name, seconds):
    found = BUILD / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    fuzzer = BUILD / "bin" / f"{name}_fuzz"
    with tempfile.TemporaryDirectory() as new_inputs:
        result = subprocess.run(
            [fuzzer, f"-max_total_time={seconds}", f"-timeout={SECONDS_PER_INPUT_MAX}",
             f"-rss_limit_mb={MEMORY_MIB_MAX}", f"-max_len={INPUT_BYTES_MAX}",
             f"-artifact_prefix={found}/", "-print_final_stats=1", new_inputs, CORPUS / name],
            capture_output=True, text=True, errors="replace", timeout=seconds + 300)
    runs = re.search(r"number_of_executed_units: *(\d+)", result.stderr)
    covered = re.findall(r"cov: (\d+)", result.stderr)
    print(f"{name:16} {runs[1] if runs else '?':>10} runs, {covered[-1] if covered else '?':>6} edges: "
          f"{'ok' if result.returncode == 0 else 'FAILED'}", flush=True)
    if result.returncode != 0:
        print(result.stderr[-6000:])
        artifact = re.search(r"Test unit written to (\S+)", result.stderr)
        print(f"run it again: {fuzzer} {artifact[1] if artifact else found}", flush=True)
    return result.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    build(arguments.jobs)
    names = arguments.only or sorted(path.name for path in CORPUS.iterdir())
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as executor:
        results = list(executor.map(lambda name: run(name, arguments.seconds), names))
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
