"""One series with very many points in memory, read through the whole system: the cache answers in bounded messages,
and every point comes as it was sent."""

import os
import pickle
import socket
import struct
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[long]\npattern = .*\nretentions = 1s:20d\n"
POINTS = 1_400_000
AT_ONCE = 200_000


def value_of(row):
    """Does not pack well, and is exact as a text and as a double."""
    return row * 104729 % 1_000_003 / 1024


class HotSeriesTest(unittest.TestCase):
    def setUp(self):
        self.carbonlink_port = harness.free_port()
        # What is stored lingers, so that all of it is hot whatever is flushed meanwhile.
        self.cluster = harness.Cluster(
            BIN, shards=1, schemas=SCHEMAS,
            cache_flags=["--flush-age", "1h", "--flush-points", str(1 << 20), "--flush-linger", "1h", "--carbonlink",
                         f"127.0.0.1:{self.carbonlink_port}"],
            query_flags=["--shard-timeout", "30s", "--request-timeout", "60s"])
        self.addCleanup(self.cluster.__exit__, None, None, None)
        self.first = int(time.time()) - POINTS - 60

    def send_all(self):
        cache = self.cluster.caches[0]
        with self.cluster.connect() as connection:
            for begin in range(0, POINTS, AT_ONCE):
                connection.sendall("".join(f"hot.one {value_of(row)!r} {self.first + row}\n"
                                           for row in range(begin, begin + AT_ONCE)).encode())
        harness.wait_until(lambda: cache.metric("plumbago_points_received_total") == POINTS, "all are in the cache", 60)
        self.assertEqual(cache.metric("plumbago_cache_points_in_memory"), POINTS)

    def faults(self, found):
        """Of {time: value}."""
        return [(row, found.get(self.first + row)) for row in range(POINTS)
                if found.get(self.first + row) != value_of(row)]

    def carbonlink(self, metric):
        def read(connection, count):
            data = bytearray()
            while len(data) < count:
                piece = connection.recv(count - len(data))
                self.assertTrue(piece, "the connection was closed")
                data += piece
            return bytes(data)
        request = pickle.dumps({"type": "cache-query", "metric": metric}, protocol=2)
        with socket.create_connection(("127.0.0.1", self.carbonlink_port), timeout=30) as connection:
            connection.sendall(struct.pack("!L", len(request)) + request)
            return pickle.loads(read(connection, struct.unpack("!L", read(connection, 4))[0]))["datapoints"]

    def test_a_series_with_1_4_million_hot_points_is_read_as_it_was_sent(self):
        self.cluster.start()
        self.send_all()
        begin = time.monotonic()
        status, headers, body = harness.http(self.cluster.url(
            "/render", target="hot.one", format="raw", **{"from": self.first - 1, "until": self.first + POINTS - 1}),
            timeout=90)
        seconds = time.monotonic() - begin
        self.assertEqual(status, 200, body[:500])
        self.assertIsNone(headers.get("X-Plumbago-Partial"))
        head, _, values = body.decode().partition("|")
        start, _, step = (int(part) for part in head.rsplit(",", 3)[1:])
        found = {start + i * step: float(value) for i, value in enumerate(values.split(",")) if value.strip() != "None"}
        self.assertEqual(self.faults(found)[:10], [])
        self.assertEqual(len(found), POINTS)
        self.assertEqual(self.faults(dict(self.carbonlink("hot.one")))[:10], [])
        peaks = {service.name: service.memory_bytes("VmHWM") >> 20
                 for service in (self.cluster.caches[0], self.cluster.query)}
        print(f"{POINTS} hot points of one series: {len(body) >> 20} MiB in {seconds:.1f} s, peaks in MiB {peaks}",
              flush=True)


if __name__ == "__main__":
    unittest.main()
