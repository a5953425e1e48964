"""Proves that an acknowledged point survives `kill -9` of any process, at any time and at every named
failpoint.

PLUMBAGO_SEED repeats the kills of an earlier run; PLUMBAGO_KILLS says how many there are (15)."""

import os
import random
import time
import unittest

import harness
import ledger

BIN = os.environ["PLUMBAGO_BIN"]
KILLS = int(os.environ.get("PLUMBAGO_KILLS") or 15)
# A row takes a second of the retention, and up to so many come between two kills.
ROWS_PER_KILL_MAX = 100
HOURS = 6 + KILLS * ROWS_PER_KILL_MAX * 4 // 3600
SCHEMAS = f"[all]\npattern = .*\nretentions = 1s:{HOURS}h\n"
# How far behind the last check the next one begins: what was hot then may have been lost since.
ROWS_CHECKED_AGAIN = 3000
CACHE_FLAGS = ["--flush-age", "1s", "--flush-age-new", "100ms", "--flush-linger", "1s",
               "--journal-segment-bytes", "256KiB"]
STORE_FLAGS = ["--checkpoint-interval", "1s"]
# Where a process dies, and at which hit of it.
FAILPOINTS = {
    "cache": [("journal.written", 200), ("ingest.before_acknowledgement", 200),
              ("journal.before_roll", 2), ("journal.rolled", 2), ("journal.before_cut", 2),
              ("flush.taken", 5), ("flush.applied", 5)],
    "store": [("store.created", 50), ("store.written", 500), ("checkpoint.before_sync", 3),
              ("checkpoint.synced", 3)],
}
KILLED = 137  # the exit code of a failpoint


class ChaosTest(unittest.TestCase):
    def start(self):
        cluster = harness.Cluster(BIN, shards=1, schemas=SCHEMAS, cache_flags=CACHE_FLAGS,
                                  store_flags=STORE_FLAGS)
        self.addCleanup(cluster.__exit__, None, None, None)
        return cluster.start()

    def ledger_of(self, cluster):
        return ledger.Ledger(cluster, cluster.caches[0], int(time.time()) - (HOURS - 2) * 3600)

    def assert_nothing_is_missing(self, cluster, book, first_row=0):
        """A pattern finds a new series when the store has it, which takes a moment after a restart; a
        point that is lost never comes."""
        url = f"http://127.0.0.1:{cluster.http_port}"
        faults = []

        def is_complete():
            faults[:] = book.missing(url, first_row)
            return not faults
        try:
            harness.wait_until(is_complete, "all is found", 30)
        except AssertionError:
            self.fail(f"{len(faults)} of {book.row_count() * book.series} acknowledged points are missing "
                      f"or altered, as (series, row, value): {faults[:10]}")


class KillTest(ChaosTest):
    def test_acknowledged_points_survive_kills_of_every_process(self):
        seed = int(os.environ.get("PLUMBAGO_SEED") or random.randrange(2**32))
        print(f"\nPLUMBAGO_SEED={seed} PLUMBAGO_KILLS={KILLS} ./plumbago test chaos repeats this run",
              flush=True)
        chance = random.Random(seed)
        cluster = self.start()
        victims = [cluster.caches[0], cluster.caches[0], cluster.stores[0], cluster.stores[0],
                   cluster.relay, cluster.query, cluster.controller]
        kill_count = checked_rows = 0
        with self.ledger_of(cluster) as book:
            for kill in range(KILLS):
                book.wait_for_rows(book.row_count() + chance.randrange(10, ROWS_PER_KILL_MAX))
                victim = chance.choice(victims)
                victim.kill()
                kill_count += 1
                if chance.random() < 0.5:  # or a second one while the first is down
                    other = chance.choice([v for v in victims if v is not victim])
                    other.kill()
                    kill_count += 1
                    other.start()
                victim.start()
                cluster.caches[0].wait_ready()
                if kill % 10 == 9:
                    self.wait_until_all_are_ready(cluster)
                    self.assert_nothing_is_missing(cluster, book,
                                                   max(0, checked_rows - ROWS_CHECKED_AGAIN))
                    checked_rows = book.row_count()
                    print(f"{kill_count} kills, {checked_rows} rows of {book.series} points", flush=True)
        self.wait_until_all_are_ready(cluster)
        self.assert_nothing_is_missing(cluster, book)
        print(f"{kill_count} kills, {book.row_count() * book.series} acknowledged points, 0 lost", flush=True)
        self.assertGreater(book.row_count(), 10 * KILLS)

    def wait_until_all_are_ready(self, cluster):
        for service in cluster.services:
            service.wait_ready()


class FailpointTest(ChaosTest):
    def test_acknowledged_points_survive_a_death_at_each_failpoint(self):
        for kind, failpoints in FAILPOINTS.items():
            for name, nth in failpoints:
                with self.subTest(f"{kind} at {name}:{nth}"):
                    self.die_at(kind, name, nth)

    def die_at(self, kind, name, nth):
        cluster = self.start()
        victim = {"cache": cluster.caches, "store": cluster.stores}[kind][0]
        victim.stop()
        victim.environment = {"PLUMBAGO_FAILPOINT": f"{name}:{nth}"}
        victim.start().wait_ready()
        with self.ledger_of(cluster) as book:
            code = victim.process.wait(60)
            victim.process = None
            self.assertEqual(code, KILLED, f"{victim.name} ended otherwise:\n{victim.log()[-1000:]}")
            victim.environment = {}
            victim.start().wait_ready()
            book.wait_for_rows(book.row_count() + 20)
        self.assert_nothing_is_missing(cluster, book)
        cluster.__exit__(None, None, None)


if __name__ == "__main__":
    unittest.main()
