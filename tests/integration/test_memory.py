"""The ceiling of a cache's memory with real programs: a store that is away makes the cache fill up. The tenant over its
share is refused first and the other one goes on; what is refused waits in the relay's spool, arrives when the store is
back, and nothing is lost."""

import json
import os
import pathlib
import socket
import subprocess
import time
import unittest

import harness
import whisper

BIN = pathlib.Path(os.environ["PLUMBAGO_BIN"])
SCHEMAS = "[all]\npattern = .*\nretentions = 1s:2h\n"
MEMORY_MAX = 16 << 20
# What a cache's process takes beyond --memory-max: code, stacks, what fragmentation adds.
PROCESS_BYTES = 96 << 20
HEAVY_SERIES = 400
LIGHT_SERIES = 10
ROWS_AT_ONCE = 20
ROWS_MAX = 6000


def value_of(series, row):
    """Does not pack well, and is exact as a text and as a double."""
    return (series * 7919 + row * 104729) % 1_000_003 / 1024


class MemoryCeilingTest(unittest.TestCase):
    def setUp(self):
        self.cluster = harness.Cluster(
            BIN, shards=1, schemas=SCHEMAS,
            cache_flags=["--memory-max", str(MEMORY_MAX), "--flush-age", "300ms", "--flush-age-new", "100ms"],
            relay_flags=["--tenant-networks", "127.0.0.0/8=default 127.0.0.77/32=acme"])
        self.addCleanup(self.cluster.__exit__, None, None, None)
        self.relay, self.cache, self.store = self.cluster.relay, self.cluster.caches[0], self.cluster.stores[0]
        self.first_time = int(time.time()) - ROWS_MAX - 60

    def create_tenant(self, tenant):
        """And until the relay knows it."""
        before = self.relay.metric("plumbago_snapshot_version")
        subprocess.run([BIN / "plumbagoctl", "--controller", self.cluster.controller.address, "tenant", "create",
                        tenant], check=True, capture_output=True, timeout=30)
        harness.wait_until(lambda: self.relay.metric("plumbago_snapshot_version") > before
                           and self.relay.metric("plumbago_relay_reactors_behind_snapshot") == 0,
                           "the relay knows the tenant")

    def connect_as(self, address):
        return socket.create_connection(("127.0.0.1", self.cluster.plaintext_port), timeout=20,
                                        source_address=(address, 0))

    def send(self, connection, prefix, series, first_row):
        """ROWS_AT_ONCE rows, and until they are with the cache or in the spool."""
        before = self.relay.metric("plumbago_points_received_total")
        rows = range(first_row, first_row + ROWS_AT_ONCE)
        connection.sendall("".join(f"{prefix}.s{i} {value_of(i, row)!r} {self.first_time + row}\n"
                                   for row in rows for i in range(series)).encode())
        count = len(rows) * series
        harness.wait_until(lambda: self.relay.metric("plumbago_points_received_total") == before + count
                           and self.relay.metric("plumbago_relay_points_held") == 0, "nothing is on the way")

    def refused(self, **labels):
        return self.cache.metric("plumbago_cache_points_refused_for_memory_total", **labels)

    def spool_bytes(self):
        return self.relay.metric("plumbago_relay_spool_bytes")

    def faults(self, tenant, prefix, series, rows):
        """Points that the files do not have as they were sent, as (series, row, value found)."""
        found = []
        for i in range(series):
            path = self.cluster.file_of(f"{prefix}.s{i}", tenant)
            (start, end, step), values = whisper.fetch(str(path), self.first_time - 1, self.first_time + rows)
            stored = dict(zip(range(start, end, step), values))
            found += [(i, row, stored.get(self.first_time + row)) for row in range(rows)
                      if stored.get(self.first_time + row) != value_of(i, row)]
        return found

    def send_until_refused(self, heavy, light):
        """Returns the number of rows of each."""
        for row in range(0, ROWS_MAX, ROWS_AT_ONCE):
            self.send(light, "light", LIGHT_SERIES, row)
            if self.refused(tenant="default") > 0:
                return row, row + ROWS_AT_ONCE
            self.send(heavy, "heavy", HEAVY_SERIES, row)
        self.fail(f"nothing is refused; {self.cache.metric('plumbago_cache_memory_used_bytes')} bytes are in use")

    def test_a_tenant_over_its_share_is_refused_first_and_nothing_is_lost(self):
        self.cluster.start()
        self.create_tenant("acme")
        self.store.suspend()
        with self.connect_as("127.0.0.1") as heavy, self.connect_as("127.0.0.77") as light:
            heavy_rows, light_rows = self.send_until_refused(heavy, light)
            self.assertGreater(self.refused(tenant="default", reason="share"), 0)
            taken = self.cache.metric("plumbago_points_received_total")
            self.send(heavy, "heavy", HEAVY_SERIES, heavy_rows)
            self.send(light, "light", LIGHT_SERIES, light_rows)
        heavy_rows, light_rows = heavy_rows + ROWS_AT_ONCE, light_rows + ROWS_AT_ONCE
        self.assertEqual(self.refused(tenant="acme"), 0)
        self.assertGreaterEqual(self.cache.metric("plumbago_points_received_total"),
                                taken + ROWS_AT_ONCE * LIGHT_SERIES)
        self.assertGreater(self.relay.metric("plumbago_relay_points_refused_by_cache_total"), 0)
        self.assertGreater(self.spool_bytes(), 0)

        self.store.resume()
        harness.wait_until(lambda: self.spool_bytes() == 0 and self.relay.metric("plumbago_relay_points_held") == 0,
                           "the spool is replayed", 120)
        harness.wait_until(lambda: self.cluster.unstored_points() == 0, "all is stored", 120)
        self.assertEqual(self.faults("default", "heavy", HEAVY_SERIES, heavy_rows)[:10], [])
        self.assertEqual(self.faults("acme", "light", LIGHT_SERIES, light_rows)[:10], [])
        self.check_bounds_and_ledger()
        print(f"{heavy_rows * HEAVY_SERIES + light_rows * LIGHT_SERIES} points, {self.refused():.0f} times refused, "
              f"peak of the process {self.cache.memory_bytes('VmHWM') >> 20} MiB", flush=True)

    def check_bounds_and_ledger(self):
        self.assertLess(self.cache.memory_bytes("VmHWM"), MEMORY_MAX + PROCESS_BYTES)
        for service in self.cluster.services:
            self.assertIsNone(service.process.poll(), f"{service.name} has ended")
            self.assertEqual(service.metric("plumbago_points_dropped_total"), 0, service.name)
        result = subprocess.run([BIN / "plumbagoctl", "--controller", self.cluster.controller.address, "--output",
                                 "json", "ledger", "--relay", self.relay.address, "--wait", "30"],
                                capture_output=True, text=True, timeout=60)
        self.assertEqual({balance["difference"] for balance in json.loads(result.stdout)["balances"]}, {0},
                         result.stdout)


if __name__ == "__main__":
    unittest.main()
