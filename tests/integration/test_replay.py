"""A cache that replays its journal: it says so to everybody who asks, takes nothing, can be stopped, and the next
start has every point. A store that hangs, and less memory than the journal has points, make the replay last."""

import os
import pathlib
import time
import unittest

import harness
import whisper

BIN = pathlib.Path(os.environ["PLUMBAGO_BIN"])
SCHEMAS = "[all]\npattern = .*\nretentions = 1s:2h\n"
SERIES = 400
ROWS = 2500


def value_of(series, row):
    """Does not pack well, and is exact as a text and as a double."""
    return (series * 7919 + row * 104729) % 1_000_003 / 1024


class ReplayTest(unittest.TestCase):
    def setUp(self):
        self.cluster = harness.Cluster(
            BIN, shards=1, schemas=SCHEMAS, cache_flags=["--flush-age", "300ms", "--memory-max", "64MiB"],
            relay_flags=["--shard-stall-timeout", "500ms"], query_flags=["--shard-timeout", "2s"])
        self.addCleanup(self.cluster.__exit__, None, None, None)
        self.cache, self.store = self.cluster.caches[0], self.cluster.stores[0]
        self.first_time = int(time.time()) - ROWS - 60

    def fill_journal(self):
        lines = "".join(f"replay.s{i} {value_of(i, row)!r} {self.first_time + row}\n"
                        for row in range(ROWS) for i in range(SERIES))
        self.cluster.send_tcp(lines)
        harness.wait_until(lambda: self.cache.metric("plumbago_points_received_total") == SERIES * ROWS,
                           "the cache has acknowledged all points", 60)

    def readiness(self):
        try:
            status, _, body = harness.http(f"http://127.0.0.1:{self.cache.admin_port}/readyz", timeout=2)
        except OSError:
            return 0, ""
        return status, body.decode()

    def start_replay_that_stands_still(self):
        memory_flag = self.cache.flags.index("--memory-max") + 1
        self.cache.flags[memory_flag] = "4MiB"
        self.cache.start()
        seen = [None, 0.0]  # the answer, and since when it is the same

        def stands_still():
            answer = self.readiness()
            if answer != seen[0]:
                seen[:] = [answer, time.monotonic()]
            return "replaying the journal" in answer[1] and time.monotonic() - seen[1] > 0.5
        harness.wait_until(stands_still, "the replay waits for memory", 30)
        return seen[0]

    def missing(self):
        found = []
        for i in range(SERIES):
            path = self.cluster.file_of(f"replay.s{i}")
            (start, end, step), values = whisper.fetch(str(path), self.first_time - 1, self.first_time + ROWS)
            stored = dict(zip(range(start, end, step), values))
            found += [(i, row) for row in range(ROWS) if stored.get(self.first_time + row) != value_of(i, row)]
        return found

    def test_a_cache_that_replays_says_so_can_be_stopped_and_loses_nothing(self):
        self.cluster.start()
        self.store.suspend()
        self.fill_journal()
        self.cache.kill()
        status, said = self.start_replay_that_stands_still()
        self.assertEqual(status, 503, said)
        self.assertLess(self.cache.metric("plumbago_cache_points_replayed_total"), SERIES * ROWS)

        # A read gets no answer rather than one of half of the points.
        status, _, body = harness.http(self.cluster.url(
            "/render", target="replay.s1", format="json", **{"from": self.first_time, "until": self.first_time + ROWS}),
            timeout=30)
        self.assertEqual(status, 503, body)
        # A point that comes meanwhile waits at the relay, which is told why.
        self.cluster.send_tcp(f"replay.late 1 {self.first_time}\n")
        harness.wait_until(lambda: self.cluster.relay.metric("plumbago_points_received_total") == SERIES * ROWS + 1,
                           "the relay has the late point")
        harness.wait_until(lambda: "the cache is not ready: replaying the journal: " in self.cluster.relay.log(),
                           "the relay says what the cache does")
        self.assertEqual(self.cache.metric("plumbago_points_received_total"), 0)

        begin = time.monotonic()
        self.assertEqual(self.cache.stop(), 0)
        print(f"stopped in {time.monotonic() - begin:.1f} s during the replay", flush=True)
        self.assertIn("stopped while replaying", self.cache.log())
        self.cache.start()
        self.store.resume()
        self.cache.wait_ready()
        self.assertEqual(self.cache.metric("plumbago_cache_points_replayed_total"), SERIES * ROWS)
        harness.wait_until(lambda: self.cache.metric("plumbago_points_received_total") == 1, "the late point comes")
        harness.wait_until(lambda: self.cluster.unstored_points() == 0, "all is stored", 60)
        self.assertEqual(self.missing()[:10], [])
        self.assertEqual(self.cluster.points("replay.late", self.first_time - 1, self.first_time + 1),
                         {"replay.late": {self.first_time: 1}})


class OrderlyRestartTest(unittest.TestCase):
    """The store's own checkpoints never come: a cache that stops has to ask for one."""
    POINTS = 50_000

    def start_and_fill(self, *cache_flags):
        cluster = harness.Cluster(
            BIN, shards=1, schemas=SCHEMAS, store_flags=["--checkpoint-interval", "1h"],
            cache_flags=["--flush-age", "300ms", *cache_flags])
        self.addCleanup(cluster.__exit__, None, None, None)
        cluster.start()
        self.first_time = int(time.time()) - 600
        cluster.send_tcp("".join(f"orderly.s{i} {value_of(i, row)!r} {self.first_time + row}\n"
                                 for row in range(500) for i in range(100)))
        harness.wait_until(lambda: cluster.caches[0].metric("plumbago_points_received_total") == self.POINTS,
                           "the cache has acknowledged all points", 60)
        return cluster, cluster.caches[0]

    def journal_bytes(self, cache):
        return sum(path.stat().st_size for path in (cache.data_dir / "journal").iterdir())

    def test_the_next_start_after_sigterm_replays_nothing(self):
        cluster, cache = self.start_and_fill()
        self.assertGreater(self.journal_bytes(cache), 16 * self.POINTS)
        begin = time.monotonic()
        self.assertEqual(cache.stop(), 0)
        print(f"stopped in {time.monotonic() - begin:.1f} s", flush=True)
        self.assertNotIn("stay in the journal", cache.log())
        self.assertLess(self.journal_bytes(cache), 100)  # the header of one segment
        cache.start().wait_ready()
        self.assertEqual(cache.metric("plumbago_cache_points_replayed_total"), 0)
        at = self.first_time + 499
        self.assertEqual(cluster.points("orderly.s7", at - 1, at), {"orderly.s7": {at: value_of(7, 499)}})

    def test_a_store_that_does_not_sync_in_time_leaves_the_journal_as_it_was(self):
        cluster, cache = self.start_and_fill("--drain-timeout", "2s")
        harness.wait_until(lambda: cluster.unstored_points() == 0, "all is applied")
        cluster.stores[0].suspend()
        self.assertEqual(cache.stop(), 0)
        self.assertIn("did not get them to its disk by --drain-timeout", cache.log())
        self.assertIn(f"{self.POINTS} points stay in the journal", cache.log())
        cluster.stores[0].resume()
        cache.start().wait_ready()
        self.assertEqual(cache.metric("plumbago_cache_points_replayed_total"), self.POINTS)

    def test_a_store_that_has_gone_does_not_hold_up_the_stop(self):
        cluster, cache = self.start_and_fill()
        harness.wait_until(lambda: cluster.unstored_points() == 0, "all is applied")
        cluster.stores[0].kill()
        begin = time.monotonic()
        self.assertEqual(cache.stop(), 0)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertIn("is away, and had not said that they are on its disk", cache.log())
        cluster.stores[0].start().wait_ready()
        cache.start().wait_ready()
        self.assertEqual(cache.metric("plumbago_cache_points_replayed_total"), self.POINTS)


if __name__ == "__main__":
    unittest.main()
