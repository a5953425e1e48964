"""Writes libs/protocols/testdata/statsd_vectors.txt: what the real statsd sends to Graphite for given
datagrams and configurations, at the flush after them and at the next one.

    npm pack statsd@0.9.0 && tar xf statsd-0.9.0.tgz
    statsd_vectors.py PACKAGE_DIRECTORY [--seed S] > libs/protocols/testdata/statsd_vectors.txt

The file is checked in, so that the tests need neither npm nor the package. statsd runs as a process of
its own; a case is one datagram, so that all of it falls into one interval. Times that statsd measures
of itself are left out.
"""

import argparse
import json
import pathlib
import random
import socket
import subprocess
import tempfile

LEFT_OUT = ("graphiteStats", "processing_time", "timestamp_lag")
FLUSH_MILLIS = 1000


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read_flush(server):
    """The lines of one flush: statsd connects, writes and closes for each."""
    connection, _ = server.accept()
    with connection:
        data = b"".join(iter(lambda: connection.recv(65536), b""))
    return data.decode().splitlines()


def is_kept(line):
    return not any(word in line for word in LEFT_OUT)


def run_case(package, config, lines):
    """The kept "name value" lines of two flushes."""
    with socket.create_server(("127.0.0.1", 0)) as server, \
            tempfile.NamedTemporaryFile("w", suffix=".js") as file:
        port = free_port(socket.SOCK_DGRAM)
        whole = {"graphiteHost": "127.0.0.1", "graphitePort": server.getsockname()[1], "port": port,
                 "mgmt_port": free_port(socket.SOCK_STREAM), "address": "127.0.0.1",
                 "flushInterval": FLUSH_MILLIS, "backends": ["./backends/graphite"], **config}
        file.write(json.dumps(whole))
        file.flush()
        server.settimeout(20)
        process = subprocess.Popen(["node", "stats.js", file.name], cwd=package,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            read_flush(server)  # it listens now, and a new interval has just begun
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto("\n".join(lines).encode(), ("127.0.0.1", port))
            flushes = [read_flush(server), read_flush(server)]
        finally:
            process.kill()
            process.wait()
    return [sorted(line.rsplit(" ", 1)[0] for line in flush if is_kept(line)) for flush in flushes]


def random_lines(rng):
    number = lambda: rng.choice([rng.randint(0, 1000), round(rng.uniform(0, 1000), rng.randint(1, 9))])
    rate = lambda: rng.choice(["", "", "|@0.1", "|@0.5", "|@1"])
    lines = []
    for _ in range(rng.randint(20, 120)):
        key = rng.choice(["a", "b.c", "d e/f", "g%h", "tagged;k=v", "x.y.z-1"])
        kind = rng.choice(["c", "c", "g", "gd", "ms", "ms", "ms", "s", "multi", "bad"])
        lines.append({
            "c": lambda: f"{key}.c:{rng.choice(['', '-'])}{number()}|c{rate()}",
            "g": lambda: f"{key}.g:{number()}|g",
            "gd": lambda: f"{key}.g:{rng.choice('+-')}{number()}|g",
            "ms": lambda: f"{rng.choice('ab')}.t:{number()}|ms{rate()}",
            "s": lambda: f"{key}.s:{rng.randint(0, 20)}|s",
            "multi": lambda: f"{key}.m:{number()}|ms:{number()}|c:{number()}|g|#dc:eu,rack:r1",
            "bad": lambda: rng.choice(["bad", "bad:1", "bad:x|c", "bad:1|c|@x", "bad:-1|ms"]),
        }[kind]())
    return lines


CONFIGS = [
    {},
    {"percentThreshold": [50, 90, 99.9, -10, 0.4]},
    {"graphite": {"legacyNamespace": False}, "percentThreshold": [95, -50]},
    {"graphite": {"legacyNamespace": False, "globalPrefix": "", "prefixCounter": "cnt",
                  "prefixTimer": "tim", "prefixGauge": "gau", "prefixSet": "",
                  "globalSuffix": "host1"}, "prefixStats": "sd"},
    {"flush_counts": False, "graphite": {"globalSuffix": "h"}},
    {"deleteIdleStats": True},
    {"deleteIdleStats": True, "gaugesMaxTTL": 2, "deleteTimers": False},
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("package", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    print("# Written by tests/conformance/statsd_vectors.py from statsd 0.9.0; seed", arguments.seed)
    for config in CONFIGS:
        lines = random_lines(rng)
        flushes = run_case(arguments.package, config, lines)
        print("case", json.dumps(config))
        for line in lines:
            print("in", line)
        for number, flush in enumerate(flushes, 1):
            for line in flush:
                print(f"out{number}", line)
        print("end")


if __name__ == "__main__":
    main()
