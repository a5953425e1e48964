"""Every acknowledged point in every read, while points are on their way from memory to file.

A writer sends rounds of points over HTTP, whose answer is the acknowledgement; readers ask for all of
them again and again, while the cache flushes small pieces and forgets them soon after.
"""

import http.client
import os
import random
import threading
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[fast]\npattern = .*\nretentions = 1s:2h\n"
SERIES = 20
SECONDS = 10
READERS = 2


class ReadsTest(unittest.TestCase):
    def setUp(self):
        self.http_ingest_port = harness.free_port()
        self.cluster = harness.Cluster(
            BIN, shards=1, schemas=SCHEMAS,
            cache_flags=["--flush-age", "300ms", "--flush-age-new", "50ms", "--flush-points", "7",
                         "--flush-linger", "2s", "--journal-segment-bytes", "64KiB"],
            relay_flags=["--http", f"127.0.0.1:{self.http_ingest_port}"])
        self.cluster.__enter__()
        self.first = int(time.time()) - 7000
        self.acknowledged = 0  # rounds
        self.reads = 0
        self.faults = []
        self.is_over = threading.Event()

    def tearDown(self):
        self.cluster.__exit__(None, None, None)

    def value(self, series, round_number):
        return series * 100_000 + round_number

    def write(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_ingest_port, timeout=30)
        while not self.is_over.is_set() and self.acknowledged < 6900:
            at = self.first + self.acknowledged
            body = "".join(f"reads.s{i} {self.value(i, self.acknowledged)} {at}\n" for i in range(SERIES))
            connection.request("POST", "/api/v1/points", body)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 300:
                self.faults.append(f"round {self.acknowledged} was answered {answer.status} {text[:200]!r}")
                break
            self.acknowledged += 1
        connection.close()

    def read(self, seed):
        generator = random.Random(seed)
        while not self.is_over.is_set() and not self.faults:
            rounds = self.acknowledged  # before the read: what it must find
            if rounds == 0:
                continue
            begin = generator.choice([0, max(0, rounds - 50), generator.randrange(rounds)])
            series = generator.randrange(SERIES)
            answer = self.cluster.get("/render", **{
                "target": f"reads.s{series}", "from": self.first + begin - 1,
                "until": self.first + rounds - 1, "format": "json", "noCache": "1"})
            found = {at: value for value, at in answer[0]["datapoints"]} if answer else {}
            for number in range(begin, rounds):
                value = found.get(self.first + number)
                if value != self.value(series, number):
                    self.faults.append(f"round {number} of {rounds} of s{series} is {value}")
                    return
            self.reads += 1

    def test_every_acknowledged_point_is_in_every_read_during_flushes(self):
        seed = int(os.environ.get("PLUMBAGO_SEED", random.randrange(2**32)))
        print(f"seed {seed}")
        threads = [threading.Thread(target=self.write)]
        threads += [threading.Thread(target=self.read, args=(seed + i,)) for i in range(READERS)]
        threads[0].start()
        # A new series is found when the store has it; from then on nothing may be missing.
        harness.wait_until(
            lambda: len(self.cluster.points("reads.*", self.first - 1, self.first + 60)) == SERIES,
            "all series are found")
        for thread in threads[1:]:
            thread.start()
        self.is_over.wait(SECONDS)
        self.is_over.set()
        for thread in threads:
            thread.join()
        flushes = self.cluster.caches[0].metric("plumbago_cache_flush_batches_total")
        print(f"{self.acknowledged} rounds, {self.reads} reads, {flushes:.0f} batches to the store")
        self.assertEqual(self.faults, [])
        self.assertGreater(self.reads, 10)
        self.assertGreater(flushes, 10)


if __name__ == "__main__":
    unittest.main()
