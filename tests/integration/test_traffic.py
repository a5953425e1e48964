"""What a relay says of its traffic, with real programs: its own Graphite series, and plumbagoctl top."""

import base64
import json
import os
import socket
import subprocess
import threading
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


class TopTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = harness.Cluster(BIN, shards=1, schemas=SCHEMAS)
        cls.cluster.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def top(self, *arguments):
        return json.loads(subprocess.run(
            [f"{BIN}/plumbagoctl", "--output", "json", "top", "--relay", self.cluster.relay.address,
             *arguments], check=True, stdout=subprocess.PIPE, timeout=30).stdout)

    def rows(self, *arguments):
        return {base64.b64decode(row["key"]).decode(): row for row in self.top(*arguments)["rows"]}

    def test_top_shows_who_sends_while_they_send_and_not_after(self):
        stop = threading.Event()

        def send():
            with self.cluster.connect() as heavy, socket.create_connection(
                    ("127.0.0.1", self.cluster.plaintext_port), 20, ("127.0.0.9", 0)) as light:
                while not stop.wait(0.05):
                    heavy.sendall("".join(f"heavy.a.m{i % 50} {i} {now()}\n" for i in range(90)).encode())
                    light.sendall(f"light.b.c 1 {now()}\nlight..b 1 {now()}\n".encode())

        sender = threading.Thread(target=send)
        sender.start()
        try:
            def is_seen():
                rows = self.rows("--by", "prefix", "--depth", "1")
                return rows if {"heavy", "light"} <= rows.keys() else None
            rows = harness.wait_until(is_seen, "both senders are seen")
            heavy, light = rows["heavy"], rows["light"]
            # The ratio is fixed, the rate is not.
            ratio = heavy["points_per_second"] / light["points_per_second"]
            self.assertTrue(35 < ratio < 60, rows)
            self.assertGreater(heavy["bytes_per_second"], 20 * heavy["points_per_second"])
            self.assertEqual(light["refused"][0]["reason"], "empty_node")
            self.assertIn("heavy.a", self.rows("--depth", "2"))
            sources = self.rows("--by", "source")
            self.assertLess(sources["127.0.0.9"]["points_per_second"],
                            sources["127.0.0.1"]["points_per_second"])
            self.assertEqual([row["tenant"] for row in self.top("--by", "tenant")["rows"]], ["default"])
        finally:
            stop.set()
            sender.join()
        harness.wait_until(lambda: "heavy" not in self.rows("--depth", "1"), "it is forgotten", 40)

    def test_top_says_what_is_wrong(self):
        answer = subprocess.run([f"{BIN}/plumbagoctl", "top", "--relay", "127.0.0.1:1"],
                                capture_output=True, text=True, timeout=30)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("relay 127.0.0.1:1", answer.stderr)


if __name__ == "__main__":
    unittest.main()
