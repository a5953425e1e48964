"""plumbagoctl ledger over real traffic: every point that came is in exactly one term, across relay, caches
and stores, and a restart is told."""

import json
import os
import pathlib
import subprocess
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[hour]\npattern = .*\nretentions = 10s:1h\n"


class LedgerCommandTest(unittest.TestCase):
    def start(self, **options):
        cluster = harness.Cluster(BIN, schemas=SCHEMAS, cache_flags=["--flush-age", "300ms", "--flush-age-new", "100ms"],
                                  **options)
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


if __name__ == "__main__":
    unittest.main()
