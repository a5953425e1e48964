"""./plumbago bench relay: what a point costs in a relay, beside carbon-c-relay in the same run.

The same lines of N series go over TCP to our relay (in front of four discarding caches over gRPC, which
acknowledge) and to its peers (in front of four discarding plaintext sinks, cluster jump_fnv1a_ch).
Sender, sinks and relays share the machine. The lines are made before, and sent once before anything
is measured, so that all names are known; then the relays take turns. CPU is user + system of the
relay's process alone, the least of the turns: what else runs on the machine can only add to it. Our relay
is faster where a sender repeats his order, as senders do; it is also given an order that changes.

PEER_RELAY names a further relay by its command line, as in

  PEER_RELAY='/opt/relay/relay -p {port} -f {config}'

{config} is a file in the form of carbon-c-relay, {port} the port to listen on for plaintext (127.0.0.1),
{sinks} the four addresses apart by blanks. A relay with another form of configuration is named by a
script that writes it.
"""

import contextlib
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import measure
from measure import MIB, argument_parser, harness, progress

SINK_COUNT = 4
CARBON_C_RELAY = "carbon-c-relay -s -w 2 -q 1000000 -p {port} -f {config}"
SHUFFLES = 3
UDP_POINTS_PER_SECOND = 1_500_000
BLOCKED_POINTS_PER_SECOND = 200_000


def parse_arguments():
    parser = argument_parser("relay", __doc__, series=1_000_000, rounds=10)
    parser.add_argument("--turns", type=int, default=3, help="of each relay (default: %(default)s)")
    parser.add_argument("--blocked-seconds", type=int, default=60,
                        help="of one blocked destination, 0 leaves it out (default: %(default)s)")
    parser.add_argument("--udp-rate", type=int, default=UDP_POINTS_PER_SECOND,
                        help="points per second offered over UDP (default: %(default)s)")
    parser.add_argument("--only-ours", action="store_true", help="no peers")
    parser.add_argument("--quick", action="store_true", help="a tenth of the series, one turn, 10 s blocked")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.series //= 10
        arguments.turns = 1
        arguments.blocked_seconds = min(arguments.blocked_seconds, 10)
    return arguments


def write_payload(path, series):
    """One line a series, of the lengths that hosts send; half of the values have decimals."""
    now = int(time.time())
    with open(path, "w", encoding="ascii") as file:
        for i in range(series):
            value = i * 31 % 1_000_000 if i % 2 else f"{i * 31 % 100_000 / 100:.2f}"
            file.write(f"bench.dc{i % 4}.rack{i // 4 % 50:02}.host{i // 1000:05}."
                       f"metric{i % 1000:03}.value {value} {now}\n")


def write_shuffled(path, payload):
    """The lines of `payload` in several orders."""
    lines = payload.read_bytes().splitlines(keepends=True)
    order = random.Random(1)
    with open(path, "wb") as file:
        for _ in range(SHUFFLES):
            order.shuffle(lines)
            file.writelines(lines)


# ---- processes --------------------------------------------------------------------------------


class Sink:
    """One discarding destination (relay_bench_sink.cc)."""

    def __init__(self, bin_dir, kind):
        self.address = f"127.0.0.1:{harness.free_port()}"
        self.process = subprocess.Popen([str(bin_dir / "relay_bench_sink"), kind, self.address],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", f"the sink at {self.address} did not start"

    def points(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def stop(self):
        self.process.kill()
        self.process.wait()


class Relay:
    """A relay under test with its sinks: `pid`, `port` and `points()` that have come through."""

    def __init__(self, name, bin_dir, directory, sink_kind):
        self.name = name
        self.bin = bin_dir
        self.directory = directory / name
        self.directory.mkdir()
        self.port = harness.free_port()
        self.sinks = [Sink(bin_dir, sink_kind) for _ in range(SINK_COUNT)]

    def points(self):
        return sum(sink.points() for sink in self.sinks)

    def cpu_seconds(self):
        return harness.cpu_seconds(self.pid)

    def memory_mib(self, field="VmRSS"):
        return harness.memory_bytes(self.pid, field) / MIB

    def stop(self):
        for sink in self.sinks:
            sink.stop()


class Ours(Relay):
    """plumbago-relay with the controller that tells it where the caches are."""

    def __init__(self, bin_dir, directory):
        super().__init__("plumbago", bin_dir, directory, "grpc")
        self.controller = harness.Service(self, "controller", "plumbago-tenant-controller", [])
        for i, sink in enumerate(self.sinks):
            # Nothing is asked of a store here.
            self.controller.flags += ["--shard", f"id=shard-{i},cache={sink.address},store=127.0.0.1:1"]
        listen = f"127.0.0.1:{self.port}"
        self.service = harness.Service(
            self, "relay", "plumbago-relay",
            ["--controller", self.controller.address, "--plaintext-tcp", listen, "--plaintext-udp", listen])
        for service in (self.controller, self.service):
            service.start()
        for service in (self.controller, self.service):
            service.wait_ready()
        self.pid = self.service.process.pid

    def stop(self):
        for service in (self.service, self.controller):
            if service.process is not None:
                service.kill()
        super().stop()


class Peer(Relay):
    """A relay that is configured as carbon-c-relay is."""

    def __init__(self, bin_dir, directory, command):
        super().__init__(os.path.basename(shlex.split(command)[0]), bin_dir, directory, "plaintext")
        sinks = [sink.address for sink in self.sinks]
        config = self.directory / "relay.conf"
        config.write_text("cluster bench jump_fnv1a_ch\n  "
                          + "\n  ".join(f"{address}={i}" for i, address in enumerate(sinks))
                          + "\n  ;\nmatch * send to bench stop;\n")
        words = [word.format(port=self.port, config=config, sinks=" ".join(sinks))
                 for word in shlex.split(command)]
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid
        harness.wait_until(self._listens, f"{self.name} listens on port {self.port}")

    def _listens(self):
        assert self.process.poll() is None, (self.directory / "log").read_text(errors="replace")[-2000:]
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False

    def stop(self):
        self.process.kill()
        self.process.wait()
        super().stop()


class Memory(threading.Thread):
    """Looks at a relay's memory each tenth of a second."""

    def __init__(self, relay):
        super().__init__(daemon=True)
        self.relay = relay
        self.samples = []  # monotonic time, MiB
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.1):
            self.samples.append((time.monotonic(), self.relay.memory_mib()))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


# ---- measurements -------------------------------------------------------------------------------


def replay(relay, payload, *flags):
    return measure.replay(relay.bin, relay.port, payload, *flags)


def wait_until_through(relay, goal):
    """Until all points have come through, or none has for 3 s: what is missing then was dropped."""
    points, since = relay.points(), time.monotonic()
    while points < goal and time.monotonic() - since < 3:
        time.sleep(0.02)
        before, points = points, relay.points()
        if points != before:
            since = time.monotonic()
    return points, since


def send(relay, payload, series, times):
    """Sends the payload `times` times: CPU per point that came through, and how many did."""
    points_before, cpu_before = relay.points(), relay.cpu_seconds()
    begin = replay(relay, payload, "--times", times)["begin"]
    points, end = wait_until_through(relay, points_before + series * times)
    points -= points_before
    return {"cpu_us_per_point": (relay.cpu_seconds() - cpu_before) * 1e6 / max(points, 1),
            "points_per_second": points / (end - begin),
            "lost": series * times - points}


def measure_tcp(relays, payload, arguments):
    results = {}
    for relay in relays:
        progress(f"{relay.name}: {arguments.series} names that it does not know yet")
        first = send(relay, payload, arguments.series, 1)
        results[relay.name] = {"relay": relay.name, "new_name_us": first["cpu_us_per_point"], "turns": []}
    for turn in range(arguments.turns):
        for relay in relays:
            one = send(relay, payload, arguments.series, arguments.rounds)
            results[relay.name]["turns"].append(one)
            progress(f"turn {turn + 1} of {arguments.turns}: {relay.name} "
                     f"{one['cpu_us_per_point']:.3f} us/point, {one['points_per_second']:,.0f} points/s")
    for relay in relays:
        result = results[relay.name]
        result["cpu_us_per_point"] = min(turn["cpu_us_per_point"] for turn in result["turns"])
        result["points_per_second"] = max(turn["points_per_second"] for turn in result["turns"])
        result["lost"] = sum(turn["lost"] for turn in result["turns"])
        result["peak_mib"] = relay.memory_mib("VmHWM")
    return list(results.values())


def measure_shuffled(ours, shuffled, arguments):
    """The least CPU per point where each series comes at another place each time."""
    progress("our relay, in an order that changes each time")
    points = arguments.series * SHUFFLES
    send(ours, shuffled, points, 1)
    times = max(1, arguments.rounds // SHUFFLES)
    return min(send(ours, shuffled, points, times)["cpu_us_per_point"] for _ in range(arguments.turns))


def measure_udp(ours, payload, arguments):
    """Datagrams at a fixed rate: what the relay accepted, what the kernel dropped before it."""
    def lost_by_kernel():
        return ours.service.metric("plumbago_relay_udp_datagrams_lost_total")

    times = max(1, round(arguments.udp_rate * 5 / arguments.series))
    progress(f"UDP: {times} times all series, {arguments.udp_rate:,} points/s offered")
    before, cpu_before, lost_before = ours.points(), ours.cpu_seconds(), lost_by_kernel()
    sent = replay(ours, payload, "--udp", "--times", times, "--rate", arguments.udp_rate)
    accepted = wait_until_through(ours, before + sent["lines"])[0] - before
    return {"offered_per_second": sent["lines"] / sent["seconds"],
            "accepted_per_second": accepted / sent["seconds"],
            "missing_percent": 100 * (1 - accepted / sent["lines"]),
            "datagrams_dropped_by_kernel": lost_by_kernel() - lost_before,
            "cpu_us_per_point": (ours.cpu_seconds() - cpu_before) * 1e6 / max(accepted, 1)}


def shards_down(ours):
    return [key for key, value in ours.service.metrics().items()
            if key.startswith("plumbago_relay_shard_state") and 'state="down"' in key and value == 1]


def measure_blocked(ours, payload, arguments):
    """Live traffic while one cache takes nothing: memory from when it counts as down until the end."""
    seconds = arguments.blocked_seconds
    progress(f"one destination blocked for {seconds} s, {BLOCKED_POINTS_PER_SECOND:,} points/s")
    times = BLOCKED_POINTS_PER_SECOND * (seconds + 30) // arguments.series + 1
    sender = subprocess.Popen(
        measure.replay_command(ours.bin, ours.port, payload, "--times", times,
                               "--rate", BLOCKED_POINTS_PER_SECOND),
        stdout=subprocess.DEVNULL)
    try:
        with Memory(ours) as memory:
            time.sleep(5)
            blocked_at = time.monotonic()
            ours.sinks[0].process.send_signal(signal.SIGSTOP)
            harness.wait_until(lambda: shards_down(ours), "the blocked shard counts as down")
            down_at = time.monotonic()
            while time.monotonic() < blocked_at + seconds:
                time.sleep(min(5, blocked_at + seconds - time.monotonic()))
                progress(f"memory {ours.memory_mib():.1f} MiB")
    finally:
        ours.sinks[0].process.send_signal(signal.SIGCONT)
        sender.kill()
        sender.wait()
    before = max(mib for at, mib in memory.samples if at < blocked_at)
    during = [mib for at, mib in memory.samples if at > down_at + 1]
    return {"seconds": seconds, "before_mib": before, "first_mib": during[0], "last_mib": during[-1],
            "peak_mib": max(during), "growth_percent": 100 * (during[-1] / during[0] - 1)}


# ---- report -------------------------------------------------------------------------------------


def print_tables(results):
    ours = results["tcp"][0]
    print(f"\n{results['series']} series over TCP, {results['rounds']} points of each a turn, the best of "
          f"{results['turns']} turns\n")
    print(f"  {'relay':<18}{'CPU us/point':>13}{'ours is':>12}{'points/s':>13}{'peak MiB':>10}"
          f"{'new name, us':>14}{'lost':>10}")
    for one in results["tcp"]:
        ratio = f"1/{one['cpu_us_per_point'] / ours['cpu_us_per_point']:.1f}" if one is not ours else ""
        print(f"  {one['relay']:<18}{one['cpu_us_per_point']:>13.3f}{ratio:>12}"
              f"{one['points_per_second']:>13,.0f}{one['peak_mib']:>10.1f}{one['new_name_us']:>14.3f}"
              f"{one['lost']:>10}")
    shuffled = results["shuffled_cpu_us_per_point"]
    print(f"\n  plumbago, in an order that changes each time: {shuffled:.3f} us CPU a point")
    udp = results["udp"]
    print(f"  UDP: {udp['offered_per_second']:,.0f} points/s offered, {udp['accepted_per_second']:,.0f} "
          f"accepted, {udp['missing_percent']:.2f} % sent and not accepted "
          f"({udp['datagrams_dropped_by_kernel']:.0f} datagrams dropped by the kernel); "
          f"{udp['cpu_us_per_point']:.3f} us CPU a point")
    if "blocked" in results:
        one = results["blocked"]
        print(f"  One destination blocked for {one['seconds']} s: memory {one['growth_percent']:+.1f} % from "
              f"when it counts as down ({one['first_mib']:.1f} MiB, at most {one['peak_mib']:.1f}, "
              f"{one['last_mib']:.1f} at the end; {one['before_mib']:.1f} before)")


def peer_commands(arguments):
    if arguments.only_ours:
        return []
    commands = []
    if shutil.which("carbon-c-relay"):
        commands.append(CARBON_C_RELAY)
    else:
        progress("carbon-c-relay is not installed (Debian package carbon-c-relay): left out")
    if os.environ.get("PEER_RELAY"):
        commands.append(os.environ["PEER_RELAY"])
    return commands


def run(arguments):
    bin_dir = pathlib.Path(arguments.bin)
    results = {"series": arguments.series, "rounds": arguments.rounds, "turns": arguments.turns}
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plumbago-bench-")))
        payload = directory / "payload"
        progress(f"writing the lines of {arguments.series} series")
        write_payload(payload, arguments.series)
        ours = Ours(bin_dir, directory)
        stack.callback(ours.stop)
        relays = [ours]
        for command in peer_commands(arguments):
            relays.append(Peer(bin_dir, directory, command))
            stack.callback(relays[-1].stop)
        results["tcp"] = measure_tcp(relays, payload, arguments)
        shuffled = directory / "shuffled"
        write_shuffled(shuffled, payload)
        results["shuffled_cpu_us_per_point"] = measure_shuffled(ours, shuffled, arguments)
        shuffled.unlink()
        results["udp"] = measure_udp(ours, payload, arguments)
        if arguments.blocked_seconds > 0:
            results["blocked"] = measure_blocked(ours, payload, arguments)
    return results


def main():
    arguments = parse_arguments()
    results = run(arguments)
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        print_tables(results)


if __name__ == "__main__":
    main()
