"""Checks what the compiler does not: which library may include which, where adapters' headers may
appear, that logic takes time and files as dependencies, sizes of files, and the format.

Prints every fault with file and line; exits with 1 where there is one.
"""

import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# A library may include its own headers and those of libraries on a lower level. Siblings on one
# level do not include each other, except as ALLOWED says.
LEVELS = [
    {"base", "testing"},
    {"metric"},
    {"whisper", "index", "topology", "functions", "routing", "journal", "protocols"},
    {"relay", "cache", "store", "query", "graph", "tenancy"},
    {"rpc", "http", "kv", "service"},
]
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
ALLOWED = {("rpc", "http"), ("service", "rpc"), ("service", "http")}

ADAPTERS = LEVELS[-1]
ADAPTER_HEADERS = re.compile(r'#include [<"](grpcpp|boost|rocksdb|prometheus|CLI)/')
ADAPTER_FILES = {"libs/base/metrics.cc"}

# Logic takes a Clock&, FileSystem& or Random&, so that tests can decide about them.
UNINJECTED = re.compile(r"\babsl::Now\(|_clock::now\(|[^\w.>:]time\(nullptr|[^\w.>:]rand\(|::rename\(")

LINES_MAX = {".h": 250, ".cc": 800}
TEST_LINES_MAX = 600


def sources():
    for top in ("libs", "services", "tools", "tests"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path


def library_of(relative):
    return relative.parts[1] if relative.parts[0] == "libs" else None


def check_include(library, line):
    match = re.match(r'#include "([a-z_0-9]+)/', line)
    if library is None or match is None or match[1] not in LEVEL:
        return None
    other = match[1]
    if other == library or LEVEL[other] < LEVEL[library] or (library, other) in ALLOWED:
        return None
    return f"{library} must not include {other}: dependencies point down only"


def check_line(relative, library, line):
    if fault := check_include(library, line):
        return fault
    is_domain = library is not None and library not in ADAPTERS
    if is_domain and str(relative) not in ADAPTER_FILES and ADAPTER_HEADERS.match(line):
        return "this header belongs in an adapter (libs/rpc, http, kv, service, services/)"
    if is_domain and library != "base" and UNINJECTED.search(line):
        return "time, files and randomness are injected: take a Clock& or FileSystem&"
    return None


def check_file(path):
    relative = path.relative_to(ROOT)
    library = library_of(relative)
    if library is not None and library not in LEVEL:
        yield f"{relative}:1: library {library} has no level in tests/lint/check_sources.py"
    lines = path.read_text().splitlines()
    limit = TEST_LINES_MAX if path.name.endswith("_test.cc") else LINES_MAX[path.suffix]
    if len(lines) > limit:
        yield f"{relative}:{limit}: {len(lines)} lines; at most {limit}: split it by meaning"
    for number, line in enumerate(lines, 1):
        if fault := check_line(relative, library, line):
            yield f"{relative}:{number}: {fault}"
    if path.name == "main.cc" and relative.parts[0] == "services" and len(lines) > 80:
        yield f"{relative}:80: {len(lines)} lines; a main has at most 80"


def check_format():
    if shutil.which("clang-format") is None:
        print("clang-format is not installed: the format is not checked")
        return
    result = subprocess.run(["clang-format", "--dry-run", "--Werror", *map(str, sources())],
                            capture_output=True, text=True)
    for line in result.stderr.splitlines():
        if ": error:" in line:
            yield line.replace(str(ROOT) + "/", "")


def main():
    faults = [fault for path in sources() for fault in check_file(path)]
    faults += check_format()
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
