"""Rules with real programs: carbon's own files rewrite, drop, aggregate and send as carbon's daemons
do, a reload takes effect or is refused while points flow, and plumbagoctl tells what would change.

Foreign hosts are plaintext sinks of the test; where points belong is asked of carbon's own classes.
"""

import json
import os
import pathlib
import random
import signal
import socketserver
import subprocess
import tempfile
import threading
import time
import types
import unittest
import warnings

warnings.filterwarnings("ignore", category=DeprecationWarning)  # carbon imports imp

from carbon.routers import ConsistentHashingRouter  # noqa: E402

import harness  # noqa: E402

BIN = pathlib.Path(os.environ["PLUMBAGO_BIN"])
SCHEMAS = "[fast]\npattern = .*\nretentions = 1s:10m,10s:2h\n"
SEED = int(os.environ.get("PLUMBAGO_SEED", "20150401"))


def now():
    return int(time.time())


class Sink(socketserver.ThreadingTCPServer):
    """A carbon host that remembers the names it was sent, with how many points each."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.names = {}
        self.bad_lines = []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                fields = line.decode().split()
                with self.server.lock:
                    if len(fields) != 3 or not line.endswith(b"\n"):
                        self.server.bad_lines.append(line)
                        continue
                    self.server.names[fields[0]] = self.server.names.get(fields[0], 0) + 1

    def end(self):
        self.shutdown()
        self.server_close()


class RulesTestCase(unittest.TestCase):
    """A cluster of one shard, and a directory of rule files."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="plumbago-rules-")
        self.addCleanup(directory.cleanup)
        self.rules = pathlib.Path(directory.name)

    def write(self, name, text):
        (self.rules / name).write_text(text)
        return str(self.rules / name)

    def start(self, *flags):
        cluster = harness.Cluster(BIN, shards=1, schemas=SCHEMAS, relay_flags=list(flags))
        cluster.__enter__()
        self.addCleanup(cluster.__exit__, None, None, None)
        self.cluster = cluster
        self.relay = cluster.relay

    def sink(self):
        sink = Sink()
        self.addCleanup(sink.end)
        return sink

    def ctl(self, *arguments, code=0):
        result = subprocess.run([BIN / "plumbagoctl", "relay", *arguments, "--relay", self.relay.address],
                                capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stdout if code == 0 else result.stderr

    def hangup(self, result):
        """SIGHUP, and until the reload has come to `result`."""
        def count():
            return self.relay.metric("plumbago_relay_rules_reloads_total", result=result)
        before = count()
        self.relay.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: count() == before + 1, f"the reload is {result}")

    def dropped(self, reason):
        return self.relay.metric("plumbago_points_dropped_total", reason=reason)

    def shown(self, target):
        return self.cluster.points(target, now() - 300, now() + 10)


class CarbonFilesTest(RulesTestCase):
    def test_names_are_dropped_rewritten_and_aggregated(self):
        self.start("--blacklist", self.write("blacklist.conf", "^noise\\.\n"),
                   "--rewrite-rules", self.write("rewrite-rules.conf", "[pre]\n^old\\. = servers.\n"),
                   "--aggregation-rules",
                   self.write("aggregation-rules.conf", "all.<what> (5) = sum servers.*.<what>\n"))
        at = now()
        self.cluster.send_tcp(f"noise.a 1 {at}\nold.web1.requests 2 {at}\n"
                              f"servers.web2.requests 40 {at}\nservers.web2.requests 7 {at - 600}\n")
        self.cluster.wait_for_series("servers.*.requests", 2)
        harness.wait_until(lambda: self.dropped("blacklist") == 1, "the blacklist is counted")
        self.assertEqual(self.dropped("aggregate_late"), 1)
        self.assertEqual(self.shown("old.*.*"), {})
        harness.wait_until(lambda: 42 in self.shown("all.requests").get("all.requests", {}).values(),
                           "the sum is written")
        self.assertEqual(self.relay.metric("plumbago_relay_aggregator_points_added_total"), 2)

    def test_what_is_aggregated_is_written_when_the_relay_stops(self):
        self.start("--aggregation-rules",
                   self.write("aggregation-rules.conf", "all.<what> (600) = sum servers.*.<what>\n"))
        at = now() - 1
        self.cluster.send_tcp(f"servers.a.x 1 {at}\nservers.b.x 2 {at}\n")
        harness.wait_until(
            lambda: self.relay.metric("plumbago_relay_aggregator_points_added_total") == 2, "2 are added")
        self.assertEqual(self.relay.stop(), 0)
        cache = self.cluster.caches[0]
        self.assertEqual(cache.metric("plumbago_points_received_total"), 3)  # the drain waits for it

    def test_a_fault_is_told_with_file_and_line_and_the_relay_does_not_start(self):
        path = self.write("blacklist.conf", "fine\n(\n")
        result = subprocess.run([BIN / "plumbago-relay", "--data-dir", str(self.rules / "data"),
                                 "--blacklist", path], capture_output=True, text=True, timeout=30,
                                check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("blacklist.conf line 2", result.stderr)


class ReloadTest(RulesTestCase):
    def test_a_reload_takes_effect_or_leaves_the_old_rules(self):
        blacklist = self.write("blacklist.conf", "^noise\\.\n")
        self.start("--blacklist", blacklist)
        self.cluster.send_tcp(f"noise.a 1 {now()}\nm.a 1 {now()}\nm.b 1 {now()}\n")
        harness.wait_until(lambda: self.dropped("blacklist") == 1, "noise is dropped")
        self.write("blacklist.conf", "ok\n(\n")
        self.hangup("refused")
        self.assertIn("blacklist.conf line 2", self.relay.log())
        self.assertIn("blacklist.conf line 2", self.ctl("reload", code=1))
        self.cluster.send_tcp(f"noise.a 1 {now()}\n")
        harness.wait_until(lambda: self.dropped("blacklist") == 2, "the old rules are in force")

        self.write("blacklist.conf", "^m\\.a$\n")
        dry = self.ctl("reload", "--dry-run")
        self.assertIn("of 3 live series 2 would be treated otherwise", dry)
        self.assertRegex(dry, r"m\.a +m\.a to shards +dropped: blacklist")
        self.assertRegex(dry, r"noise\.a +dropped: blacklist +noise\.a to shards")
        self.cluster.send_tcp(f"m.a 2 {now()}\n")
        self.cluster.wait_for_series("m.*", 2)
        self.assertEqual(self.dropped("blacklist"), 2)  # a dry run changes nothing

        self.hangup("applied")
        self.cluster.send_tcp(f"m.a 3 {now()}\nnoise.a 3 {now()}\n")
        harness.wait_until(lambda: self.dropped("blacklist") == 3, "the new rules are in force")
        self.cluster.wait_for_series("noise.a", 1)

    def test_explain_tells_rules_name_slot_and_destination(self):
        self.start("--blacklist", self.write("blacklist.conf", "^noise\n"),
                   "--rewrite-rules", self.write("rewrite-rules.conf", "[pre]\n^old = new\n"))
        shown = self.ctl("explain", "old.x")
        self.assertIn("rewrite-rules.conf line 2", shown)
        self.assertRegex(shown, r"shard shard-0 +new\.x +up")
        self.assertRegex(shown, r"slot \d+")
        self.assertIn("points_per_second none (relay)", shown)
        self.assertIn("dropped as blacklist", self.ctl("explain", "noise.x"))
        self.assertIn("not a valid name", self.ctl("explain", "a..b", code=1))
        self.assertIn("no tenant", self.ctl("explain", "a.b", "--tenant", "nobody", code=1))
        answer = json.loads(self.ctl("explain", "old.x", "--output", "json"))[self.relay.address]
        self.assertEqual(len(answer["targets"]), 1)


class ForeignHostsTest(RulesTestCase):
    def destinations(self, sinks):
        return ", ".join(f"127.0.0.1:{sink.port}:{'abcdefgh'[i]}" for i, sink in enumerate(sinks))

    def arrive(self, sinks, count, seconds=120):
        def total():
            return sum(sum(sink.names.values()) for sink in sinks)
        harness.wait_until(lambda: total() >= count, f"{count} points have arrived", seconds)
        self.assertEqual(total(), count)
        self.assertEqual([sink.bad_lines for sink in sinks], [[] for _ in sinks])

    def test_relay_rules_send_where_carbon_would(self):
        sinks = [self.sink() for _ in range(2)]
        first, second = self.destinations(sinks).split(", ")
        self.write("relay-rules.conf",
                   f"[web]\npattern = ^web\ndestinations = {first}\ncontinue = true\n"
                   f"[all]\ndefault = true\ndestinations = {second}, shards\n")
        self.start("--carbon-conf", self.write(
            "carbon.conf", f"[relay]\nRELAY_METHOD = rules\nDESTINATIONS = {first}, {second}\n"
            "DESTINATION_PROTOCOL = line\n"))
        self.cluster.send_tcp(f"web.a 1 {now()}\nWEB.b 1 {now()}\ndb.c 1 {now()}\n")
        self.arrive(sinks, 5)
        self.assertEqual(set(sinks[0].names), {"web.a", "WEB.b"})
        self.assertEqual(set(sinks[1].names), {"web.a", "WEB.b", "db.c"})
        self.cluster.wait_for_series("*.*", 3)

    def test_100_000_names_go_to_the_hosts_that_carbon_chooses(self):
        sinks = [self.sink() for _ in range(4)]
        self.start("--carbon-conf", self.write(
            "carbon.conf",
            f"[relay]\nRELAY_METHOD = consistent-hashing\nDESTINATIONS = {self.destinations(sinks)}\n"
            "DESTINATION_PROTOCOL = line\nREPLICATION_FACTOR = 2\nDIVERSE_REPLICAS = False\n"))
        rng = random.Random(SEED)
        print(f"seed {SEED}")
        names = sorted({f"servers.w{rng.randrange(10 ** 9)}.cpu{rng.randrange(99)}"
                        for _ in range(100_000)})
        at = now()
        with self.cluster.connect() as connection:
            for begin in range(0, len(names), 1000):
                connection.sendall("".join(f"{name} 1 {at}\n" for name in names[begin:begin + 1000])
                                   .encode())
            self.arrive(sinks, 2 * len(names))
        settings = types.SimpleNamespace(REPLICATION_FACTOR=2, DIVERSE_REPLICAS=False,
                                         ROUTER_HASH_TYPE=None)
        router = ConsistentHashingRouter(settings)
        for i, sink in enumerate(sinks):
            router.addDestination(("127.0.0.1", sink.port, "abcdefgh"[i]))
        wanted = [set() for _ in sinks]
        port_index = {sink.port: i for i, sink in enumerate(sinks)}
        for name in names:
            for _, port, _ in router.getDestinations(name):
                wanted[port_index[port]].add(name)
        for i, sink in enumerate(sinks):
            self.assertEqual(set(sink.names), wanted[i])

    def test_a_host_that_leaves_the_rules_gets_no_more(self):
        sinks = [self.sink() for _ in range(2)]
        first, second = self.destinations(sinks).split(", ")
        flags = ["--destination-protocol", "line", "--relay-rules"]
        rules = "[all]\ndefault = true\ndestinations = %s\n"
        self.start(*flags, self.write("relay-rules.conf", rules % first))
        self.cluster.send_tcp(f"a 1 {now()}\n")
        self.arrive(sinks, 1)
        self.write("relay-rules.conf", rules % second)
        self.assertIn("rules are in force", self.ctl("reload"))
        self.cluster.send_tcp(f"a 2 {now()}\n")
        self.arrive(sinks, 2)
        self.assertEqual([sum(sink.names.values()) for sink in sinks], [1, 1])


if __name__ == "__main__":
    unittest.main()
