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


if __name__ == "__main__":
    unittest.main()
