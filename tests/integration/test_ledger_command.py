"""plumbagoctl ledger over real traffic: every point that came is in exactly one term, across relay, caches
and stores, and a restart is told."""

import json
import os
import pathlib
import socketserver
import subprocess
import tempfile
import threading
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[hour]\npattern = .*\nretentions = 10s:1h\n"


class Sink(socketserver.ThreadingTCPServer):
    """A foreign host that counts the lines it is sent."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), self.Handler)
        self.line_count = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            for _ in self.rfile:
                with self.server.lock:
                    self.server.line_count += 1

    def end(self):
        self.shutdown()
        self.server_close()


class LedgerTestCase(unittest.TestCase):
    def start(self, replicas=1, **options):
        cluster = harness.Cluster(BIN, schemas=SCHEMAS, cache_flags=["--flush-age", "300ms", "--flush-age-new", "100ms"],
                                  **options)
        cluster.controller.flags += ["--replication-factor", str(replicas)]
        self.addCleanup(cluster.__exit__, None, None, None)
        return cluster.start()

    def run_ledger(self, cluster, *flags, wait=10):
        return subprocess.run(
            [pathlib.Path(BIN) / "plumbagoctl", "--controller", cluster.controller.address, "ledger",
             "--relay", cluster.relay.address, "--wait", str(wait), *flags],
            capture_output=True, text=True, timeout=60)

    def terms(self, text):
        """{(service, term, reason): points} of the table."""
        sums = {}
        for line in text.splitlines():
            cells = line.split("  ")
            cells = [cell.strip() for cell in cells if cell.strip()]
            if len(cells) == 6 and cells[5].isdigit():
                key = (cells[0].split()[0], cells[2], cells[4])
                sums[key] = sums.get(key, 0) + int(cells[5])
        return sums

    def assert_balanced(self, cluster):
        """Returns the terms, as terms()."""
        result = self.run_ledger(cluster, wait=30)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        balances = json.loads(self.run_ledger(cluster, "--output", "json").stdout)["balances"]
        self.assertEqual({balance["difference"] for balance in balances}, {0}, result.stdout)
        return self.terms(result.stdout)


class LedgerCommandTest(LedgerTestCase):
    def send_all_kinds(self, cluster, now):
        good = [f"ledger.s{i} {i} {now - 10 * k}" for i in range(100) for k in range(10)]
        duplicates = [f"ledger.s{i} {i + 1} {now}" for i in range(100)]
        bad = ["ledger.bad x 1", "ledger.bad", f"ledger..bad- nan {now}"]
        old = [f"ledger.s{i} 1 {now - 2 * 86400}" for i in range(7)]
        cluster.send_tcp("\n".join(good + duplicates + bad + old) + "\n")
        return len(good), len(duplicates), len(bad), len(old)

    def test_duplicates_bad_lines_and_old_points_balance_exactly(self):
        cluster = self.start()
        good, duplicates, bad, old = self.send_all_kinds(cluster, int(time.time()) // 10 * 10)
        taken = good + duplicates + old

        def is_quiet():
            dropped = sum(store.metric("plumbago_points_dropped_total") for store in cluster.stores)
            merged = sum(cache.metric("plumbago_cache_points_merged_total") for cache in cluster.caches)
            stored = sum(store.metric("plumbago_store_points_stored_total") for store in cluster.stores)
            return stored + dropped + merged == taken and cluster.unstored_points() == 0
        harness.wait_until(is_quiet, "everything is stored")
        result = self.run_ledger(cluster)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        terms = self.terms(result.stdout)
        self.assertEqual(terms["relay", "received", "-"], taken + bad)
        self.assertEqual(sum(points for (service, term, _), points in terms.items()
                             if (service, term) == ("relay", "dropped")), bad)
        self.assertEqual(terms["relay", "acknowledged", "-"], taken)
        self.assertEqual(terms["cache", "received", "-"], taken)
        merged = terms.get(("cache", "merged", "-"), 0)
        self.assertEqual(terms["cache", "stored", "-"] + merged, good + duplicates)
        self.assertEqual(terms["cache", "refused by store", "out_of_retention"], old)
        self.assertEqual(terms["store", "dropped", "out_of_retention"], old)
        self.assertEqual(terms["store", "stored", "-"] + merged, good + duplicates)
        balances = json.loads(self.run_ledger(cluster, "--output", "json").stdout)["balances"]
        self.assertEqual([balance["difference"] for balance in balances], [0] * 7)  # 5 processes, 2 ways

    def test_an_outage_through_the_spool_balances_exactly(self):
        cluster = self.start(shards=1)
        now = int(time.time()) // 10 * 10
        cluster.send_tcp(f"a.first 1 {now}\n")
        cluster.wait_until_stored(1)
        cluster.caches[0].suspend()
        cluster.send_tcp("".join(f"a.s{i} {i} {now}\n" for i in range(5000)))
        harness.wait_until(lambda: cluster.relay.metric("plumbago_relay_points_spooled_total") > 0,
                           "points are in the spool")
        cluster.caches[0].resume()
        harness.wait_until(lambda: cluster.relay.metric("plumbago_relay_points_replayed_total") >= 5000,
                           "the spool is replayed")
        harness.wait_until(lambda: cluster.unstored_points() == 0, "everything is stored")
        result = self.run_ledger(cluster)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        terms = self.terms(result.stdout)
        self.assertEqual(terms["relay", "received", "-"], 5001)
        self.assertEqual(terms["relay", "spooled", "-"], terms["relay", "replayed", "-"])

    def test_points_that_a_killed_cache_had_taken_are_told_as_a_restart(self):
        cluster = self.start(shards=1)
        now = int(time.time()) // 10 * 10
        cluster.send_tcp("".join(f"a.s{i} {i} {now}\n" for i in range(100)))
        cluster.wait_until_stored(100)
        cluster.caches[0].kill()
        cluster.caches[0].start().wait_ready()
        harness.wait_until(lambda: cluster.unstored_points() == 0, "the replay is stored")
        result = self.run_ledger(cluster, wait=0)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("the process before it was killed or crashed", result.stdout)
        self.assertIn("a cache has started after a relay", result.stdout)
        self.assertEqual(self.terms(result.stdout)["cache", "replayed", "-"], 100)


class LedgerOfRulesTest(LedgerTestCase):
    """What rules do with points: they drop, rename, aggregate, send to foreign hosts and to two replicas."""
    SERIES = 50

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="plumbago-ledger-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def write(self, name, text):
        (self.directory / name).write_text(text)
        return str(self.directory / name)

    def start_with_rules(self, foreign_port):
        return self.start(shards=2, replicas=2, relay_flags=[
            "--destination-protocol", "line", "--shard-stall-timeout", "500ms",
            "--blacklist", self.write("blacklist.conf", "^noise\\.\n"),
            "--rewrite-rules", self.write("rewrite-rules.conf", "[pre]\n^old\\. = servers.\n"),
            "--aggregation-rules", self.write("aggregation-rules.conf", "all.<what> (1) = sum servers.*.<what>\n"),
            "--relay-rules", self.write("relay-rules.conf", "[all]\ndefault = true\n"
                                        f"destinations = 127.0.0.1:{foreign_port}:a, shards\n")])

    def send(self, cluster):
        """Returns the number of lines."""
        now = int(time.time())
        lines = [f"noise.n{i} 1 {now}" for i in range(7)]
        lines += [f"old.web{i}.requests {i} {now}" for i in range(self.SERIES)]
        lines += [f"servers.db{i}.requests {i} {now}" for i in range(self.SERIES)]
        lines += [f"other.o{i} {i} {now}" for i in range(self.SERIES)]
        lines += [f"servers.late.requests 1 {now - 600}"]
        cluster.send_tcp("\n".join(lines) + "\n")
        return len(lines)

    def wait_until_all_is_out(self, cluster, received):
        """Until the sums are out too, and nothing is held."""
        relay = cluster.relay
        harness.wait_until(lambda: relay.metric("plumbago_points_received_total", protocol="plaintext") == received,
                           "the relay has all lines")
        harness.wait_until(lambda: relay.metric("plumbago_points_received_total", protocol="internal") > 0
                           and relay.metric("plumbago_relay_points_held") == 0, "the sums are out")
        harness.wait_until(lambda: cluster.unstored_points() == 0, "everything is stored")

    def test_rules_replicas_and_a_foreign_host_balance_exactly(self):
        sink = Sink()
        self.addCleanup(sink.end)
        cluster = self.start_with_rules(sink.server_address[1])
        sent = self.send(cluster)
        self.wait_until_all_is_out(cluster, sent)
        terms = self.assert_balanced(cluster)
        sums = terms["relay", "received", "-"] - sent  # what the rule has given
        self.assertGreater(sums, 0)
        taken = sent - 7 + sums
        self.assertEqual(terms["relay", "dropped", "blacklist"], 7)
        self.assertEqual(terms["relay", "dropped", "aggregate_late"], 1)
        self.assertEqual(terms["relay", "aggregated", "-"], 2 * self.SERIES)
        self.assertEqual(terms["relay", "forwarded", "-"], taken)
        self.assertEqual(terms["relay", "acknowledged", "-"], 2 * taken)
        harness.wait_until(lambda: sink.line_count == taken, "the foreign host has read them")

    def test_a_foreign_host_that_is_away_balances_through_its_spool(self):
        port = harness.free_port()
        cluster = self.start_with_rules(port)
        sent = self.send(cluster)
        spooled = "plumbago_relay_destination_points_spooled_total"
        harness.wait_until(lambda: cluster.relay.metric(spooled) >= sent - 7, "the points are in the spool")
        self.wait_until_all_is_out(cluster, sent)
        self.assertGreater(self.assert_balanced(cluster)["relay", "spooled foreign", "-"], 0)
        sink = Sink(port)
        self.addCleanup(sink.end)
        harness.wait_until(lambda: cluster.relay.metric("plumbago_relay_destination_spool_bytes") == 0,
                           "the spool is replayed", 60)
        terms = self.assert_balanced(cluster)
        self.assertEqual(terms["relay", "spooled foreign", "-"], terms["relay", "replayed foreign", "-"])
        self.assertEqual(sink.line_count, terms["relay", "forwarded", "-"])


if __name__ == "__main__":
    unittest.main()
