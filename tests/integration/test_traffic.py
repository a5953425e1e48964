"""What a relay says of its traffic, with real programs: its own Graphite series."""

import os
import socket
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[fast]\npattern = .*\nretentions = 1s:10m,10s:2h\n"
HOST = socket.gethostname().replace(".", "_")


def now():
    return int(time.time())


class OwnMetricsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = harness.Cluster(BIN, shards=1, schemas=SCHEMAS,
                                      relay_flags=["--own-metrics-interval", "2s"])
        cls.cluster.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def own(self, name):
        """{time: value} of one own series."""
        series = self.cluster.points(f"plumbago.relay.{HOST}.{name}", now() - 120, now() + 1)
        return next(iter(series.values()), {})

    def test_the_relay_writes_what_it_received_and_refused_per_interval(self):
        begin = now()
        lines = "".join(f"own.m{i % 7} {i} {begin}\n" for i in range(500))
        self.cluster.send_tcp(lines + "own..bad 1 1\n" * 3)
        harness.wait_until(lambda: sum(self.own("received.plaintext").values()) == 503,
                           "503 received points are in the series")
        self.assertEqual(sum(self.own("dropped.empty_node").values()), 3)
        self.assertEqual(sum(self.own("metricsDropped").values()), 3)
        self.assertEqual({at % 2 for at in self.own("metricsReceived")}, {0})
        harness.wait_until(lambda: sum(self.own("destinations.shard-0.sent").values()) >= 500,
                           "the shard's points are in its series")
        harness.wait_until(lambda: sum(self.own("received.internal").values()) > 0,
                           "own points count as received")

    def test_the_relay_writes_its_use_of_the_machine(self):
        memory = harness.wait_until(lambda: self.own("memUsage"), "memUsage is there")
        actual = self.cluster.relay.memory_bytes()
        self.assertTrue(all(actual / 2 < value < actual * 2 for value in memory.values()), memory)
        cpu = harness.wait_until(lambda: self.own("cpuUsage"), "cpuUsage is there")
        self.assertTrue(all(0 <= value < 100 * os.cpu_count() + 10 for value in cpu.values()), cpu)
        with self.cluster.connect():
            harness.wait_until(lambda: 1 in self.own("connections").values(), "one connection is seen")


if __name__ == "__main__":
    unittest.main()
