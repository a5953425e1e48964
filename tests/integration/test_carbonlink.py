"""A cache's carbonlink, asked by graphite-web's own CarbonLinkPool (Debian's graphite-web), and by hostile
clients."""

import importlib.util
import os
import pickle
import socket
import struct
import time
import unittest

import harness
import whisper

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[hour]\npattern = .*\nretentions = 1s:1h,60s:2h\n"
AGGREGATION = "[sums]\npattern = \\.sum$\nxFilesFactor = 0\naggregationMethod = sum\n"


def graphite_pool(port):
    """graphite.carbonlink.CarbonLinkPool with the settings that it reads."""
    from django.conf import settings
    if not settings.configured:
        settings.configure(
            CARBONLINK_HASHING_KEYFUNC=None, CARBONLINK_HASHING_TYPE="carbon_ch", REPLICATION_FACTOR=1,
            CARBONLINK_RETRY_DELAY=15, CARBONLINK_PICKLE_PROTOCOL=-1, CARBON_METRIC_PREFIX="carbon",
            LOG_FILE_INFO="-", LOG_FILE_EXCEPTION="-", LOG_FILE_CACHE="-", LOG_FILE_RENDERING="-",
            LOG_ROTATION=False, LOG_ROTATION_COUNT=1, LOG_DIR="/tmp", LOG_INFO_PERFORMANCE=False,
            LOG_CACHE_PERFORMANCE=False, LOG_RENDERING_PERFORMANCE=False, FUNCTION_PLUGINS=[],
            INPUT_VALIDATION_SOURCE_ID_HEADER=None)
    from graphite.carbonlink import CarbonLinkPool
    return CarbonLinkPool([("127.0.0.1", port, None)], timeout=5)


class CarbonlinkTest(unittest.TestCase):
    def start(self, *cache_flags):
        self.port = harness.free_port()
        cluster = harness.Cluster(
            BIN, shards=1, schemas=SCHEMAS, aggregation=AGGREGATION,
            cache_flags=["--carbonlink", f"127.0.0.1:{self.port}", "--flush-age", "1h", "--flush-age-new",
                         "200ms", "--flush-linger", "1h", *cache_flags])
        self.addCleanup(cluster.__exit__, None, None, None)
        return cluster.start()

    def ask(self, connection, request, protocol=2):
        payload = request if isinstance(request, bytes) else pickle.dumps(request, protocol=protocol)
        connection.sendall(struct.pack("!L", len(payload)) + payload)
        return self.read_answer(connection)

    def read_answer(self, connection):
        """None where the connection was closed."""
        def read(count):
            data = b""
            while len(data) < count:
                try:
                    piece = connection.recv(count - len(data))
                except ConnectionResetError:
                    return None
                if not piece:
                    return None
                data += piece
            return data
        head = read(4)
        return None if head is None else pickle.loads(read(struct.unpack("!L", head)[0]))

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.addCleanup(connection.close)
        return connection

    def send(self, cluster, lines):
        before = cluster.caches[0].metric("plumbago_points_received_total")
        cluster.send_tcp("".join(line + "\n" for line in lines))
        harness.wait_until(lambda: cluster.caches[0].metric("plumbago_points_received_total")
                           >= before + len(lines), "the cache has all points")

    @unittest.skipUnless(importlib.util.find_spec("graphite"), "graphite-web is not installed")
    def test_graphite_web_reads_hot_points_and_metadata(self):
        cluster = self.start()
        now = int(time.time())
        self.send(cluster, [f"a.b {i}.25 {now - i}" for i in range(50)] + [f"a.b 7 {now}", f"a.sum 1 {now}"])
        pool = graphite_pool(self.port)
        expected = {now - i: i + 0.25 for i in range(1, 50)} | {now: 7.0}
        answer = pool.query("a.b")
        self.assertEqual(len(answer), 50)  # a time that was written twice comes once
        self.assertEqual(dict(answer), expected)
        self.assertEqual(pool.query("no.such"), [])
        self.assertEqual(dict(pool.query("a.b")), expected)  # over the same connection
        cluster.wait_until_stored(52)
        self.assertEqual(pool.get_metadata("a.sum", "aggregationMethod"), "sum")
        self.assertEqual(pool.get_metadata("a.b", "aggregationMethod"), "average")
        from graphite.carbonlink import CarbonLinkRequestError
        for ask in (lambda: pool.get_metadata("no.such", "aggregationMethod"),
                    lambda: pool.get_metadata("a.b", "step"),
                    lambda: pool.set_metadata("no.such", "aggregationMethod", "max"),
                    lambda: pool.set_metadata("a.b", "aggregationMethod", "median"),
                    lambda: pool.set_metadata("a.b", "step", "10")):
            with self.assertRaises(CarbonLinkRequestError):
                ask()
        path = str(cluster.file_of("a.b"))
        before = whisper.info(path)
        self.assertEqual(pool.set_metadata("a.b", "aggregationMethod", "max"),
                         {"old_value": "average", "new_value": "max"})
        self.assertEqual(whisper.info(path), {**before, "aggregationMethod": "max"})
        self.assertEqual(pool.get_metadata("a.b", "aggregationMethod"), "max")
        self.assertEqual(cluster.caches[0].metric("plumbago_cache_carbonlink_connections"), 1)
        # The store writes by the new method: of the seconds of a minute the largest.
        minute = now // 60 * 60 - 60
        self.send(cluster, [f"a.b {i % 7} {minute + i}" for i in range(60)])
        cluster.caches[0].stop()  # it stores all
        self.assertEqual(whisper.fetch(path, minute - 1, minute, archiveToSelect=60)[1], [6])

    def test_bulk_queries_of_every_pickle_protocol_are_answered(self):
        cluster = self.start()
        now = int(time.time())
        self.send(cluster, [f"a.one 1 {now}", f"a.two 2 {now}"])
        connection = self.connect()
        for protocol in range(6):
            answer = self.ask(connection, {"type": "cache-query-bulk", "metrics": ["a.one", "a.two", "a.no"]},
                              protocol)
            self.assertEqual(answer, {"datapointsByMetric": {"a.one": [(now, 1.0)], "a.two": [(now, 2.0)],
                                                             "a.no": []}})
        self.assertEqual(self.ask(connection, {"type": "shutdown"}),
                         {"error": 'Invalid request type "shutdown"'})

    def test_what_is_no_request_closes_the_connection_and_is_counted(self):
        cluster = self.start("--carbonlink-connections-max", "2")
        refused = lambda reason: cluster.caches[0].metric("plumbago_cache_carbonlink_refused_total", reason=reason)
        open_count = lambda: cluster.caches[0].metric("plumbago_cache_carbonlink_connections")
        evil = b"cos\nsystem\n(S'touch /tmp/owned'\ntR."
        for count, payload in enumerate([evil, b"", b"\x80", pickle.dumps([1]), pickle.dumps({"metric": "a"})], 1):
            harness.wait_until(lambda: open_count() == 0, "the last connection is closed")
            self.assertIsNone(self.ask(self.connect(), payload), payload)
            harness.wait_until(lambda: refused("malformed") == count, "it is counted")
        connection = self.connect()
        connection.sendall(struct.pack("!L", 1 << 30))
        self.assertIsNone(self.read_answer(connection))
        self.assertEqual(refused("too_large"), 1)
        harness.wait_until(lambda: open_count() == 0, "the last connection is closed")
        two = [self.connect(), self.connect()]
        for connection in two:
            self.assertEqual(self.ask(connection, {"type": "cache-query", "metric": "a"}), {"datapoints": []})
        self.assertIsNone(self.read_answer(self.connect()))
        self.assertEqual(refused("too_many_connections"), 1)

    def test_it_listens_beyond_this_machine_only_when_told(self):
        cluster = harness.Cluster(BIN, shards=1, cache_flags=["--carbonlink", "0.0.0.0:7002"])
        self.addCleanup(cluster.__exit__, None, None, None)
        cluster.caches[0].start()
        self.assertEqual(cluster.caches[0].process.wait(10), 1)
        cluster.caches[0].process = None
        self.assertIn("--allow-unauthenticated", cluster.caches[0].log())


if __name__ == "__main__":
    unittest.main()
