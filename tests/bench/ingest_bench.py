"""./plumbago bench ingest: points from a TCP socket to files, through all services, beside peers in one run.

Lines that were made beforehand go at full speed to relay, cache and store (journal on), and, one after
the other, to victoria-metrics and carbon-cache where they are installed and to the go-carbon that the
environment variable GO_CARBON names. The sender runs on the same machine.

The first load makes the series; the following ones, `--turns` of them, have further points of the same
series. CPU is user + system of all processes under test from the first byte to the last point in a file,
the least of the turns: what else runs on the machine can only add to it. Then points are looked for as
they are sent, beside a load at a fixed rate: visible is the time from sent to rendered.

--replay measures how a cache with a large journal starts after kill -9, alone; --full does all of it.
"""

import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import measure
from ingest_systems import Goal, Ours, peers
from measure import MIB, argument_parser, harness, progress

STEP_SECONDS = 10
CONNECTIONS = 4
FILE_BYTES = 24 << 10  # of a series, on a disk with blocks of 4 KiB
LATENCY_POINTS_PER_SECOND = 100_000
PROBERS = 4
PROBE_POLL_SECONDS = 0.002
PROBE_SECONDS_MAX = 60
READY_SECONDS_MAX = 600


def parse_arguments():
    parser = argument_parser("ingest", __doc__, series=200_000, rounds=30)
    parser.add_argument("--turns", type=int, default=2, help="loads of known series (default: %(default)s)")
    parser.add_argument("--probes", type=int, default=200,
                        help="points looked for as they are sent, 0 leaves it out (default: %(default)s)")
    parser.add_argument("--shards", type=int, default=1, help="of our system (default: %(default)s)")
    parser.add_argument("--journal-sync", help="of our cache, instead of its default")
    parser.add_argument("--only-ours", action="store_true", help="no peers")
    parser.add_argument("--replay", action="store_true", help="only the start with a large journal")
    parser.add_argument("--journal-mib", type=int, default=1024,
                        help="its size, for --replay and --full (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the series, one turn, 100 probes")
    parser.add_argument("--full", action="store_true",
                        help="also 1,000,000 series of 6 points, and the start with a large journal")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.series //= 10
        arguments.turns = 1
        arguments.probes = min(arguments.probes, 100)
        arguments.journal_mib = min(arguments.journal_mib, 64)
    return arguments


def cache_flags(arguments):
    return ["--journal-sync", arguments.journal_sync] if arguments.journal_sync else []


# ---- what is sent -------------------------------------------------------------------------------


def names_of(series):
    return [f"bench.dc{i % 4}.rack{i // 4 % 50:02}.host{i // 1000:05}.metric{i % 1000:03}.value"
            for i in range(series)]


def write_payload(path, names, rounds, first_time):
    """The rounds of each series, for senders that cut the file into equal parts: each of them has series
    of its own. All lines are of one length; half of the values have decimals."""
    values = [f"{100_000 + i * 31 % 900_000}" if i % 2 else f"{100 + i * 31 % 90_000 / 100:06.2f}"
              for i in range(1009)]
    share = -(-len(names) // CONNECTIONS)
    with open(path, "w", encoding="ascii") as file:
        for begin in range(0, len(names), share):
            part = names[begin:begin + share]
            for number in range(rounds):
                end = f" {first_time + number * STEP_SECONDS}\n"
                file.writelines(f"{name} {values[(i + number * 7) % 1009]}{end}"
                                for i, name in enumerate(part))


def write_payloads(directory, names, rounds, count):
    """The loads, the last of which ends now: their files and goals."""
    now = int(time.time()) // STEP_SECONDS * STEP_SECONDS
    loads = []
    for number in range(count):
        path = directory / f"payload-{number}"
        first_time = now - ((count - number) * rounds - 1) * STEP_SECONDS
        write_payload(path, names, rounds, first_time)
        loads.append((path, Goal(len(names) * rounds, names, first_time + (rounds - 1) * STEP_SECONDS)))
    return loads


# ---- measurements -------------------------------------------------------------------------------


def measure_load(system, bin_dir, payload, goal):
    system.begin()
    cpu_before, written_before = system.cpu_seconds(), system.write_bytes()
    begin = measure.replay(bin_dir, system.port, payload, "--connections", CONNECTIONS)["begin"]
    sent_at = time.monotonic()
    accepted_at = system.wait_accepted(goal)
    flushed_at, missing = system.wait_flushed(goal)
    cpu = {part: (after - cpu_before[part]) * 1e6 / goal.points
           for part, after in system.cpu_seconds().items()}
    return {"cpu_us_per_point": sum(cpu.values()), "cpu_us_by_process": cpu,
            "sent_per_second": goal.points / (sent_at - begin),
            "accepted_per_second": goal.points / (accepted_at - begin) if accepted_at else None,
            "flushed_per_second": goal.points / (max(flushed_at, sent_at) - begin),
            "written_bytes_per_point": (system.write_bytes() - written_before) / goal.points,
            "missing": missing}


def best(turns):
    """Of several loads: the least CPU with its parts, the best rates."""
    least = min(turns, key=lambda turn: turn["cpu_us_per_point"])
    rates = {key: max((turn[key] for turn in turns if turn[key] is not None), default=None)
             for key in ("sent_per_second", "accepted_per_second", "flushed_per_second")}
    return {**least, **rates, "missing": sum(turn["missing"] for turn in turns),
            "all_cpu_us_per_point": [turn["cpu_us_per_point"] for turn in turns]}


class Prober(threading.Thread):
    """Sends points of one series, one after the other, and asks for each until it is in the answer."""

    def __init__(self, system, name, count):
        super().__init__(daemon=True)
        self.system, self.series, self.count = system, name, count
        self.values = system.open_query()
        self.seconds = []
        self.error = None

    def run(self):
        try:
            with socket.create_connection(("127.0.0.1", self.system.port)) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._probe(connection, 1)  # a new series is another matter
                self.seconds = [self._probe(connection, 2 + i) for i in range(self.count)]
        except Exception as error:  # a thread cannot raise
            self.error = error

    def _probe(self, connection, value):
        begin = time.monotonic()
        connection.sendall(f"{self.series} {value} {int(time.time())}\n".encode())
        while value not in self.values(self.series):
            assert time.monotonic() - begin < PROBE_SECONDS_MAX, (
                f"{self.system.name} does not show {self.series} = {value} after {PROBE_SECONDS_MAX} s")
            time.sleep(PROBE_POLL_SECONDS)
        return time.monotonic() - begin


def measure_latency(system, bin_dir, payload, probes):
    if probes == 0 or system.open_query() is None:
        return None
    sender = subprocess.Popen(
        measure.replay_command(bin_dir, system.port, payload, "--connections", CONNECTIONS,
                               "--times", 1000, "--rate", LATENCY_POINTS_PER_SECOND),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        probers = [Prober(system, f"bench.probe{i}", -(-probes // PROBERS)) for i in range(PROBERS)]
        for prober in probers:
            prober.start()
        for prober in probers:
            prober.join()
            if prober.error:
                raise prober.error
    finally:
        sender.kill()
        sender.wait()
    seconds = sorted(second for prober in probers for second in prober.seconds)
    return {"probes": len(seconds), "p50_ms": seconds[len(seconds) // 2] * 1e3,
            "p99_ms": seconds[len(seconds) * 99 // 100] * 1e3}


def measure_system(make, name, series, rounds, arguments):
    """All loads of one system, which is started and ended here."""
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plumbago-bench-")))
        progress(f"{name}: writing the lines of {series} series")
        loads = write_payloads(directory, names_of(series), rounds, 1 + arguments.turns)
        system = make()
        stack.callback(system.stop)
        turns = []
        for number, (payload, goal) in enumerate(loads):
            turns.append(measure_load(system, arguments.bin, payload, goal))
            parts = ", ".join(f"{part} {cpu:.3f}" for part, cpu in turns[-1]["cpu_us_by_process"].items())
            progress(f"{name}: {'new' if number == 0 else 'known'} series, "
                     f"{turns[-1]['cpu_us_per_point']:.3f} us CPU a point ({parts}), "
                     f"{turns[-1]['flushed_per_second']:,.0f} points/s to files")
        peak = {part: size / MIB for part, size in system.peak_bytes().items()}
        latency = measure_latency(system, arguments.bin, loads[-1][0], arguments.probes)
        return {"system": name, "series": series, "rounds": rounds, "new": turns[0],
                "known": best(turns[1:] or turns), "peak_mib": peak, "latency": latency}


def require_disk(series):
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < 1.3 * series * FILE_BYTES:
        sys.exit(f"{series} series take {series * FILE_BYTES / MIB:,.0f} MiB and {tempfile.gettempdir()} has "
                 f"{free / MIB:,.0f} MiB; name another directory with TMPDIR, or fewer with --series")


def measure_size(series, rounds, arguments):
    require_disk(series)
    results = [measure_system(lambda: Ours(arguments.bin, arguments.shards, cache_flags(arguments)),
                              Ours.name, series, rounds, arguments)]
    for peer in [] if arguments.only_ours else peers():
        results.append(measure_system(peer, peer.name, min(series, peer.series_max or series), rounds,
                                      arguments))
    return results


# ---- the start with a large journal -----------------------------------------------------------------


def fill_journal(cluster, series, size):
    """Sends until the journal of the cache is that large; the store takes nothing. Returns the points."""
    cache, relay = cluster.caches[0], cluster.relay
    points, first_time = 0, int(time.time()) - 3000
    while cache.metric("plumbago_cache_journal_bytes") < size:
        subprocess.run(
            [str(cluster.bin / "plumbago-loadgen"), "--address", f"127.0.0.1:{cluster.plaintext_port}",
             "--series", str(series), "--rounds", "10", "--step", "1", "--first-time",
             str(first_time + points // series)], check=True, stdout=subprocess.DEVNULL)
        points += 10 * series
        measure.wait_for(lambda: relay.metric("plumbago_relay_points_acknowledged_total"), points, "accepted")
    return points


def is_ready(service):
    assert service.process.poll() is None, f"the cache ended at its start:\n{service.log()[-2000:]}"
    with contextlib.suppress(OSError):
        return harness.http(f"http://127.0.0.1:{service.admin_port}/readyz", timeout=5)[0] == 200
    return False


def measure_replay(arguments):
    progress(f"a journal of {arguments.journal_mib} MiB")
    flags = [*cache_flags(arguments), "--journal-bytes-max", "8GiB", "--memory-max", "8GiB"]
    with harness.Cluster(arguments.bin, shards=1, cache_flags=flags) as cluster:
        cache = cluster.caches[0]
        cluster.stores[0].kill()
        points = fill_journal(cluster, arguments.series, arguments.journal_mib * MIB)
        journal_mib = cache.metric("plumbago_cache_journal_bytes") / MIB
        received = cache.metric("plumbago_points_received_total")  # more where the relay has resent
        assert received >= points, f"the cache has {received:.0f} of {points} points"
        progress(f"{points} points, {journal_mib:.0f} MiB; kill -9 and start")
        cluster.relay.kill()
        cache.kill()
        begin = time.monotonic()
        cache.start()
        harness.wait_until(lambda: is_ready(cache), "the cache is ready", READY_SECONDS_MAX)
        seconds, cpu = time.monotonic() - begin, cache.cpu_seconds()
        replayed = cache.metric("plumbago_cache_points_replayed_total")
        return {"journal_mib": journal_mib, "series": arguments.series, "points": points,
                "ready_seconds": seconds, "replay_cpu_seconds": cpu,
                "points_per_second_per_core": replayed / cpu, "lost": int(received - replayed),
                "peak_mib": cache.memory_bytes("VmHWM") / MIB}


# ---- report -----------------------------------------------------------------------------------------


def optional(value, form):
    return "-" if value is None else format(value, form)


def ratio(peer, ours):
    return "" if peer is ours else f"{ours['cpu_us_per_point'] / peer['cpu_us_per_point']:.2f} x"


def print_size(results):
    ours = results[0]
    print(f"\n{ours['series']} series, {ours['rounds']} points of each a load; archives 10s:1h,1m:1d\n")
    print(f"  {'':<17}{'series':>9}{'CPU us/point':>14}{'ours is':>9}{'new series':>12}{'ours is':>9}"
          f"{'accepted/s':>12}{'in files/s':>12}{'peak MiB':>10}{'written B':>11}{'visible p50, p99 ms':>21}"
          f"{'missing':>9}")
    for one in results:
        known, new, latency = one["known"], one["new"], one["latency"]
        ratios = [ratio(one[key], ours[key]) for key in ("known", "new")]
        visible = f"{latency['p50_ms']:.1f}, {latency['p99_ms']:.1f}" if latency else "-"
        print(f"  {one['system']:<17}{one['series']:>9}{known['cpu_us_per_point']:>14.3f}{ratios[0]:>9}"
              f"{new['cpu_us_per_point']:>12.3f}{ratios[1]:>9}"
              f"{optional(known['accepted_per_second'], ',.0f'):>12}"
              f"{known['flushed_per_second']:>12,.0f}{sum(one['peak_mib'].values()):>10.1f}"
              f"{known['written_bytes_per_point']:>11.1f}{visible:>21}{known['missing'] + new['missing']:>9}")
    print(f"\n  {'ours by process':<17}{'CPU us/point':>14}{'new series':>12}{'peak MiB':>10}")
    for part in ours["peak_mib"]:
        print(f"  {part:<17}{ours['known']['cpu_us_by_process'][part]:>14.3f}"
              f"{ours['new']['cpu_us_by_process'][part]:>12.3f}{ours['peak_mib'][part]:>10.1f}")
    cache_and_store = sum(mib for part, mib in ours["peak_mib"].items() if part != "relay")
    turns = ", ".join(f"{cpu:.3f}" for cpu in ours["known"].get("all_cpu_us_per_point", []))
    print(f"  cache + store: peak {cache_and_store:.1f} MiB; turns: {turns} us")


def print_replay(result):
    print(f"\nstart after kill -9 with a journal of {result['journal_mib']:.0f} MiB in the page cache, "
          f"{result['points']} points of {result['series']} series:\n"
          f"  ready after {result['ready_seconds']:.1f} s, {result['replay_cpu_seconds']:.1f} s of CPU, "
          f"{result['points_per_second_per_core']:,.0f} points/s a core, peak {result['peak_mib']:.0f} MiB, "
          f"{result['lost']} points lost")


def print_report(results):
    print(f"\n{os.cpu_count()} cores, load {results['load']:.1f}; data in {tempfile.gettempdir()} "
          f"({results['file_system']}); at most {results['open_files_max']} open files; "
          f"--journal-sync {results['journal_sync']}")
    for one in results["sizes"]:
        print_size(one)
    if results["replay"]:
        print_replay(results["replay"])


def describe(arguments):
    kind = subprocess.run(["findmnt", "-no", "FSTYPE", "-T", tempfile.gettempdir()],
                          capture_output=True, text=True)
    return {"load": os.getloadavg()[0], "file_system": kind.stdout.strip(),
            "open_files_max": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            "journal_sync": arguments.journal_sync or default_journal_sync(arguments.bin)}


def default_journal_sync(bin_dir):
    answer = subprocess.run([f"{bin_dir}/plumbago-cache", "--help"], capture_output=True, text=True)
    return re.search(r"--journal-sync \S+?=(\S+)", answer.stdout).group(1) + " (default)"


def lost_points(results):
    lost = sum(size[0][key]["missing"] for size in results["sizes"] for key in ("new", "known"))
    return lost + (results["replay"]["lost"] if results["replay"] else 0)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # tidies up
    arguments = parse_arguments()
    results = {**describe(arguments), "sizes": [], "replay": None}
    if not arguments.replay:
        results["sizes"].append(measure_size(arguments.series, arguments.rounds, arguments))
        if arguments.full:
            results["sizes"].append(measure_size(1_000_000, 6, arguments))
    if arguments.replay or arguments.full:
        results["replay"] = measure_replay(arguments)
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        print_report(results)
    if lost_points(results) != 0:
        sys.exit(f"{lost_points(results)} points were lost")


if __name__ == "__main__":
    main()
