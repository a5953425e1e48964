"""Proves that an acknowledged point survives what a disk, a scheduler and too many senders can do to the
services: SIGSTOP of each, full disks, a failing fsync, and ten times the load that they can take in a bounded
memory.

PLUMBAGO_SEED repeats the choices of an earlier run. Full disks need root for their tmpfs, the failing fsync
needs strace, the overload needs cgroups that can be written; what is missing is said as a skip."""

import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import time
import unittest

import cgroup
import harness
import ledger

BIN = pathlib.Path(os.environ["PLUMBAGO_BIN"])
OVERLOAD_SECONDS = int(os.environ.get("PLUMBAGO_OVERLOAD_SECONDS") or 300)
SCHEMAS = "[all]\npattern = .*\nretentions = 1s:6h\n"
CACHE_FLAGS = ["--flush-age", "1s", "--flush-age-new", "100ms", "--flush-linger", "1s",
               "--journal-segment-bytes", "256KiB"]
STORE_FLAGS = ["--checkpoint-interval", "1s"]
LINES_PER_DATAGRAM = 25


class FaultTest(unittest.TestCase):
    def cluster(self, **options):
        options = {"shards": 1, "schemas": SCHEMAS, "cache_flags": CACHE_FLAGS, "store_flags": STORE_FLAGS, **options}
        cluster = harness.Cluster(BIN, **options)
        self.addCleanup(cluster.__exit__, None, None, None)
        return cluster

    def ledger_of(self, cluster, **options):
        return ledger.Ledger(cluster, cluster.caches[0], int(time.time()) - 3 * 3600, **options)

    def assert_nothing_is_missing(self, cluster, book, seconds=60):
        faults = []

        def is_complete():
            faults[:] = book.missing(f"http://127.0.0.1:{cluster.http_port}")
            return not faults
        try:
            harness.wait_until(is_complete, "all is found", seconds)
        except AssertionError:
            self.fail(f"{len(faults)} of {book.row_count() * book.series} acknowledged points are missing or "
                      f"altered, as (series, row, value): {faults[:10]}")
        print(f"{self.id().rsplit('.', 1)[1]}: {book.row_count() * book.series} acknowledged points, 0 lost",
              flush=True)

    def assert_ledger_balances(self, cluster, book=None):
        """`book`: a ledger client that ran beside the relay, straight to the cache, over a stream that may
        have left its last rows without an acknowledgement. A cache that accepts nothing for --shard-stall-timeout
        may have taken in what the relay then takes back, and brings again: that it comes at least once is the promise,
        and `resent` the ledger's own bound on what came twice. It is 0 where no stream stalled."""
        result = subprocess.run([BIN / "plumbagoctl", "--controller", cluster.controller.address, "--output",
                                 "json", "ledger", "--relay", cluster.relay.address, "--wait",
                                 "60"],  # points may be on the way out of a spool
                                capture_output=True, text=True, timeout=120)
        differences = {balance["what"]: balance["difference"] for balance in json.loads(result.stdout)["balances"]}
        past_the_relay = -differences.pop("relay -> cache")
        acknowledged = 0 if book is None else book.row_count() * book.series
        unacknowledged_max = 0 if book is None else 10 * book.series
        resent = cluster.relay.metric("plumbago_relay_points_resent_total")
        self.assertGreaterEqual(past_the_relay, acknowledged, result.stdout)
        self.assertLessEqual(past_the_relay, acknowledged + unacknowledged_max + resent, result.stdout)
        self.assertEqual(set(differences.values()), {0}, result.stdout)

    def wait_until_relay_is_empty(self, cluster, seconds):
        harness.wait_until(lambda: cluster.relay.metric("plumbago_relay_spool_bytes") == 0
                           and cluster.relay.metric("plumbago_relay_points_held") == 0,
                           "memory and spool of the relay are empty", seconds)

    def mount_tmpfs(self, directory, size):
        directory.mkdir(parents=True, exist_ok=True)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(directory)], check=False)

    def fill(self, directory, leave_bytes):
        info = os.statvfs(directory)
        ballast = directory / "ballast"
        with open(ballast, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, info.f_bavail * info.f_frsize - leave_bytes))
        return ballast


class StopTest(FaultTest):
    def test_a_service_that_hangs_loses_nothing(self):
        seed = int(os.environ.get("PLUMBAGO_SEED") or random.randrange(2**32))
        print(f"\nPLUMBAGO_SEED={seed} repeats this run", flush=True)
        chance = random.Random(seed)
        cluster = self.cluster().start()
        with self.ledger_of(cluster) as book:
            for service in cluster.services:
                book.wait_for_rows(book.row_count() + 20)
                service.suspend()
                stopped_at = time.monotonic()
                pause = chance.uniform(1, 4)
                if service is cluster.caches[0]:
                    harness.wait_until(lambda: time.monotonic() - stopped_at > pause, "the pause is over")
                else:  # the cache goes on acknowledging whatever hangs beside it
                    rows = int(pause * 20)
                    book.wait_for_rows(book.row_count() + rows, seconds=30)
                service.resume()
                book.wait_for_rows(book.row_count() + 20)
        self.assert_nothing_is_missing(cluster, book)


class FullDiskTest(FaultTest):
    def run_with_full_disk(self, directory_of, size, is_hit):
        """`is_hit(cluster, book)`: whether the full disk is felt."""
        cluster = self.cluster()
        directory = directory_of(cluster)
        self.mount_tmpfs(directory, size)
        cluster.start()
        with self.ledger_of(cluster, series=20) as book:
            book.wait_for_rows(100)
            ballast = self.fill(directory, leave_bytes=64 << 10)
            harness.wait_until(lambda: is_hit(cluster, book), "the full disk is felt", 30)
            ballast.unlink()
            book.wait_for_rows(book.row_count() + 100)
        for service in cluster.services:
            self.assertIsNone(service.process.poll(), f"{service.name} has ended:\n{service.log()[-1000:]}")
        self.assert_nothing_is_missing(cluster, book)

    def test_a_journal_on_a_full_disk_takes_nothing_and_goes_on_later(self):
        seen = [0, 0.0]  # rows, and since when there have been so many

        def is_standing_still(cluster, book):
            if book.row_count() != seen[0]:
                seen[:] = [book.row_count(), time.monotonic()]
            return time.monotonic() - seen[1] > 2
        self.run_with_full_disk(lambda cluster: cluster.caches[0].data_dir / "journal", "8m", is_standing_still)

    def test_a_store_on_a_full_disk_makes_points_wait(self):
        self.run_with_full_disk(lambda cluster: cluster.stores[0].data_dir / "whisper", "64m",
                                lambda cluster, book: cluster.stores[0].metric("plumbago_store_read_only") == 1)

    def test_a_spool_on_a_full_disk_makes_senders_wait(self):
        cluster = self.cluster(relay_flags=["--in-flight-max", "2MiB", "--shard-stall-timeout", "500ms",
                                            "--spool-disk-free-min", "256KiB"])
        directory = cluster.relay.data_dir / "spool"
        self.mount_tmpfs(directory, "2m")
        cluster.start()
        now = int(time.time()) // 60 * 60
        count = 1_500_000  # beyond spool, memory and the sockets' buffers
        lines = "".join(f"spool.s{i % 1000} {i // 1000} {now - i // 1000}\n" for i in range(count)).encode()
        cluster.caches[0].suspend()
        with cluster.connect() as connection:
            connection.settimeout(3)
            sent = 0
            try:
                while sent < len(lines):
                    sent += connection.send(lines[sent:sent + 65536])
            except TimeoutError:
                pass
            self.assertLess(sent, len(lines), "the relay took more than memory and disk hold")
            cluster.caches[0].resume()
            connection.settimeout(60)
            connection.sendall(lines[sent:])
        harness.wait_until(lambda: cluster.relay.metric("plumbago_points_received_total") == count,
                           "the relay has all lines", 60)
        self.wait_until_relay_is_empty(cluster, 60)
        harness.wait_until(lambda: cluster.unstored_points() == 0, "all is stored", 60)
        found = cluster.points("spool.*", now - count // 1000, now)
        missing = [(i, row) for i in range(1000) for row in range(count // 1000)
                   if found.get(f"spool.s{i}", {}).get(now - row) != row]
        self.assertEqual(missing[:10], [])
        self.assertEqual(cluster.relay.metric("plumbago_points_dropped_total"), 0)
        self.assert_ledger_balances(cluster)
        print(f"spool on a full disk: {count} points sent, 0 lost", flush=True)


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class FailingSyncTest(FaultTest):
    def run_with_failing_sync(self, kind):
        """EIO from every sync: the process has to end, and to say why."""
        cluster = self.cluster().start()
        victim = {"cache": cluster.caches, "store": cluster.stores}[kind][0]
        with self.ledger_of(cluster) as book:
            book.wait_for_rows(50)
            calls = "fsync,fdatasync,syncfs"
            tracer = subprocess.Popen(
                ["strace", "-f", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO",
                 "-p", str(victim.process.pid)], stderr=subprocess.PIPE, text=True)
            try:
                code = victim.process.wait(30)
            except subprocess.TimeoutExpired:
                tracer.terminate()
                said = tracer.communicate()[1]
                if "ermitted" in said:
                    self.skipTest(f"strace may not trace here: {said.strip()[-200:]}")
                self.fail(f"{victim.name} goes on although no sync works; strace said {said[-500:]}")
            tracer.communicate(timeout=10)
            victim.process = None
            self.assertNotEqual(code, 0)
            self.assertIn("sync", victim.log()[-2000:])
            victim.start().wait_ready()
            book.wait_for_rows(book.row_count() + 50)
        self.assert_nothing_is_missing(cluster, book)

    def test_a_cache_whose_journal_cannot_be_synced_ends_and_loses_nothing(self):
        self.run_with_failing_sync("cache")

    def test_a_store_whose_files_cannot_be_synced_ends_and_loses_nothing(self):
        self.run_with_failing_sync("store")


class OverloadTest(FaultTest):
    """Relay, cache and store in one cgroup with little memory. A sender of datagrams, who cannot be made to wait, sends
    ten times what they can take, and the ledger client goes on beside it.

    What they can take is bounded by the rate at which the cache may write series, so that a small machine shared with
    others has power enough to send ten times as much, and so that every bound on the way is met: the memory of the
    cache, that of the relay, its spool, the socket. It is measured, not computed: what the caches acknowledge to a
    sender who waits, once all of these are full. A full memory is flushed once in SERIES / UPDATES_PER_SECOND seconds;
    after as many the rate is steady."""
    MEMORY_BYTES = 256 << 20
    CACHE_MEMORY_BYTES = 16 << 20
    SPOOL_BYTES = 32 << 20  # 16 a point
    SERIES = 2000
    UPDATES_PER_SECOND = 40
    SENDERS = 3
    # A cache refuses once 15/16 are in use. What each stream brings at that moment comes on top: one batch of the
    # relay's reactors, of its replay and of the ledger client; 16 bytes a point as a message, 16 as columns, 16 as
    # the journal's record, 24 in the memory of series, which grows by doubling. What gRPC has read ahead is not in
    # this: it belongs to the 15/16 from the flusher's next look on.
    STREAMS = os.cpu_count() + 2
    CACHE_PEAK_BYTES_MAX = CACHE_MEMORY_BYTES * 15 // 16 + STREAMS * 8192 * (16 + 16 + 16 + 24)
    WARM_UP_SECONDS = SERIES // UPDATES_PER_SECOND + 10
    CAPACITY_SECONDS = 20

    def test_ten_times_the_load_is_refused_and_counted_in_bounded_memory(self):
        group = cgroup.create("plumbago-overload", self.MEMORY_BYTES)
        if isinstance(group, str):
            self.skipTest(group)
        self.addCleanup(group.remove)
        cluster = self.cluster(
            cache_flags=[*CACHE_FLAGS, "--memory-max", str(self.CACHE_MEMORY_BYTES), "--updates-per-second-max",
                         str(self.UPDATES_PER_SECOND)],
            relay_flags=["--in-flight-max", "16MiB", "--spool-bytes-max", str(self.SPOOL_BYTES)])
        cluster.start()
        bounded = [cluster.relay, cluster.caches[0], cluster.stores[0]]
        for service in bounded:
            group.add(service.process.pid)
        capacity = self.measure_capacity(cluster)
        with self.ledger_of(cluster, series=50, rows_per_second=10) as book:
            sent_lines, seconds = self.send_datagrams(cluster, 10 * capacity)
        for service in bounded:
            self.assertIsNone(service.process.poll(), f"{service.name} was killed")
        times = sent_lines / seconds / capacity
        self.assertEqual(group.kill_count(), 0)
        taken = self.check_every_line(cluster, sent_lines)
        self.wait_until_relay_is_empty(cluster, 60 + 2 * self.SPOOL_BYTES / 16 / capacity)
        self.assert_nothing_is_missing(cluster, book, seconds=120)
        harness.wait_until(lambda: cluster.unstored_points() == 0, "all is stored", 4 * self.WARM_UP_SECONDS)
        self.assert_ledger_balances(cluster, book)
        print(f"overload by {group.kind}: capacity {capacity:.0f} points/s; {sent_lines} sent in {seconds:.0f} s "
              f"({times:.1f} x), {taken} taken, {sent_lines - taken} refused and counted {self.lost_by_reason(cluster)}; "
              f"peak memory {group.peak_bytes() >> 20} of {self.MEMORY_BYTES >> 20} MiB, of the cache "
              f"{self.cache_peak_bytes / 2**20:.2f} of {self.CACHE_MEMORY_BYTES >> 20} MiB; "
              f"{cluster.relay.metric('plumbago_relay_points_refused_by_cache_total'):.0f} points refused by the cache "
              f"and brought again, {cluster.relay.metric('plumbago_relay_points_resent_total'):.0f} resent", flush=True)
        self.assertLessEqual(self.cache_peak_bytes, self.CACHE_PEAK_BYTES_MAX)
        self.assertGreaterEqual(times, 9, "all is accounted for, but the senders were too slow for a tenfold overload: "
                                "they need a core to themselves")
        self.assertLess(taken, sent_lines)

    def test_a_shard_that_hangs_costs_its_own_points_only_and_each_is_counted(self):
        """One of two shards hangs, and its spool is full: the relay itself refuses the points for it, of senders
        who cannot wait, takes those for the other, and lets a sender who can wait do so."""
        cluster = self.cluster(shards=2, relay_flags=["--in-flight-max", "8MiB", "--spool-bytes-max", "2MiB",
                                                      "--shard-stall-timeout", "500ms"]).start()
        relay, (goes_on, hangs) = cluster.relay, cluster.caches
        spool_full = lambda: relay.metric("plumbago_points_dropped_total", reason="spool_full")
        hangs.suspend()
        self.tcp_lines = 0
        sender = self.client(cluster, 20, "--udp", "--rate", "100000")
        harness.wait_until(lambda: spool_full() > 0, "the spool is full", 20)
        stored_by = [goes_on.metric("plumbago_points_received_total"), spool_full()]
        waiting = self.client(cluster, 1, "--prefix", "waiting")  # over TCP
        sent_lines = self.result_of(sender, 60)[0]
        self.assertGreater(goes_on.metric("plumbago_points_received_total"), stored_by[0])
        self.assertGreater(spool_full(), stored_by[1])
        self.assertIsNone(waiting.poll(), "a sender who can wait was not made to")
        hangs.resume()
        self.tcp_lines = self.result_of(waiting, 60)[0]
        taken = self.check_every_line(cluster, sent_lines)
        refused = sent_lines - taken
        self.wait_until_relay_is_empty(cluster, 60)
        harness.wait_until(lambda: cluster.unstored_points() == 0, "all is stored", 60)
        self.assert_ledger_balances(cluster)
        self.assertEqual(relay.metric("plumbago_points_dropped_total"), spool_full())
        print(f"one of two shards hangs: {sent_lines} sent by UDP, {taken} taken, {refused} refused and counted "
              f"{self.lost_by_reason(cluster)}; {self.tcp_lines} by TCP, all taken", flush=True)

    def client(self, cluster, seconds, *flags):
        return subprocess.Popen(
            [BIN / "overload_client", "--address", f"127.0.0.1:{cluster.plaintext_port}", "--duration", f"{seconds}s",
             "--series", str(self.SERIES), "--lines-per-datagram", str(LINES_PER_DATAGRAM), *flags], stdout=subprocess.PIPE, text=True)

    def result_of(self, client, seconds):
        said = client.communicate(timeout=seconds)[0]
        self.assertEqual(client.returncode, 0)
        result = json.loads(said)
        return result["lines"], result["seconds"]

    def measure_capacity(self, cluster):
        """Points a second that the caches acknowledge, in the steady state, to one TCP sender who waits."""
        def acknowledged():
            """And when: somewhere between the question and the answer."""
            asked_at = time.monotonic()
            points = cluster.relay.metric("plumbago_relay_points_acknowledged_total")
            return points, (asked_at + time.monotonic()) / 2

        def wait(seconds):
            end = time.monotonic() + seconds
            harness.wait_until(lambda: time.monotonic() >= end, "the time is over", 2 * seconds)
        client = self.client(cluster, self.WARM_UP_SECONDS + self.CAPACITY_SECONDS + 5)
        wait(self.WARM_UP_SECONDS)
        before, begun_at = acknowledged()
        wait(self.CAPACITY_SECONDS)
        after, ended_at = acknowledged()
        self.tcp_lines = self.result_of(client, 120)[0]
        harness.wait_until(lambda: cluster.relay.metric("plumbago_points_received_total") >= self.tcp_lines
                           and cluster.relay.metric("plumbago_relay_points_held") == 0,
                           "the caches have all lines", 120)
        self.assertGreater(after, before)
        return (after - before) / (ended_at - begun_at)

    def send_datagrams(self, cluster, lines_per_second):
        """Returns lines and seconds. Notes the largest use of the cache's memory meanwhile."""
        clients = [self.client(cluster, OVERLOAD_SECONDS, "--udp", "--rate", str(int(lines_per_second / self.SENDERS)))
                   for _ in range(self.SENDERS)]
        self.cache_peak_bytes = 0
        while any(client.poll() is None for client in clients):
            used_bytes = cluster.caches[0].metric("plumbago_cache_memory_used_bytes")
            self.cache_peak_bytes = max(self.cache_peak_bytes, used_bytes)
        results = [self.result_of(client, 10) for client in clients]
        return sum(lines for lines, _ in results), max(seconds for _, seconds in results)

    def check_every_line(self, cluster, sent_lines):
        """Each line was received or was in a datagram that the kernel has counted as lost. Returns how many
        points were taken."""
        relay = cluster.relay

        def accounted():
            received = relay.metric("plumbago_points_received_total") - self.tcp_lines
            lost = relay.metric("plumbago_relay_udp_datagrams_lost_total") * LINES_PER_DATAGRAM
            return received + lost == sent_lines
        try:
            harness.wait_until(accounted, "every line is accounted for", 120)
        except AssertionError:
            self.fail(f"sent {sent_lines}; received {relay.metric('plumbago_points_received_total')} with "
                      f"{self.tcp_lines} over TCP, lost {relay.metric('plumbago_relay_udp_datagrams_lost_total')} "
                      f"datagrams of {LINES_PER_DATAGRAM}")
        dropped = relay.metric("plumbago_points_dropped_total")
        return int(relay.metric("plumbago_points_received_total") - self.tcp_lines - dropped)

    def lost_by_reason(self, cluster):
        prefix = "plumbago_points_dropped_total{"
        lost = {re.search('reason="([^"]+)"', key)[1]: int(value) for key, value in cluster.relay.metrics().items()
                if key.startswith(prefix) and value > 0}
        return lost | {"datagrams lost by the kernel": int(
            cluster.relay.metric("plumbago_relay_udp_datagrams_lost_total")) * LINES_PER_DATAGRAM}


if __name__ == "__main__":
    unittest.main()
