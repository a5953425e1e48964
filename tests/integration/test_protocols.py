"""Every protocol of the relay with real programs at both ends, what arrives compared by value.

carbon-relay.py and carbon-aggregator.py (pickle), Prometheus (remote write), curl, the zstd and gzip
tools, openssl; plain sockets where a client does no more than write lines.
"""

import gzip
import http.client
import json
import os
import pathlib
import pickle
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[fast]\npattern = .*\nretentions = 1s:10m,10s:2h\n"
CARBON_CONF = """\
[relay]
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {line_port}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {pickle_port}
RELAY_METHOD = consistent-hashing
DESTINATIONS = 127.0.0.1:{destination}:a
DESTINATION_PROTOCOL = pickle
USER =
STORAGE_DIR = {directory}
CONF_DIR = {directory}
LOG_DIR = {directory}
PID_DIR = {directory}
CARBON_METRIC_INTERVAL = 0

[aggregator]
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {line_port}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {pickle_port}
DESTINATIONS = 127.0.0.1:{destination}:a
FORWARD_ALL = True
REPLICATION_FACTOR = 1
MAX_QUEUE_SIZE = 10000
USE_FLOW_CONTROL = True
MAX_DATAPOINTS_PER_MESSAGE = 500
MAX_AGGREGATION_INTERVALS = 5
USER =
STORAGE_DIR = {directory}
CONF_DIR = {directory}
LOG_DIR = {directory}
PID_DIR = {directory}
CARBON_METRIC_INTERVAL = 0
"""
PROMETHEUS_YML = """\
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: relay
    static_configs: [{{targets: ["{scraped}"]}}]
remote_write:
  - url: {url}
    queue_config: {{batch_send_deadline: 200ms}}
"""


def now():
    return int(time.time())


def frame(payload):
    return struct.pack("!L", len(payload)) + payload


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def make_certificates(directory):
    """ca.pem, server.pem/.key for 127.0.0.1, acme.pem/.key with the common name acme."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca", "-keyout", "ca.key",
            "-out", "ca.pem", "-days", "2")
    for name in ("server", "acme"):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout",
                f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", "2")


class ProtocolsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="plumbago-protocols-"))
        make_certificates(cls.directory)
        cls.ports = {name: harness.free_port() for name in (
            "pickle", "protobuf", "opentsdb", "gzip", "zstd", "statsd", "http", "tls", "proxy")}
        def at(name):
            return f"127.0.0.1:{cls.ports[name]}"
        plaintext = [f"{at('gzip')},gzip", f"{at('zstd')},zstd", f"{at('tls')},tls",
                     f"{at('proxy')},proxy"]
        cls.cluster = harness.Cluster(
            BIN, shards=2, schemas=SCHEMAS, cache_flags=["--flush-age", "500ms"],
            relay_flags=[
                "--pickle-tcp", at("pickle"), "--protobuf-tcp", at("protobuf"),
                "--opentsdb-tcp", at("opentsdb"), "--statsd-udp", at("statsd"),
                "--statsd-tcp", at("statsd"), "--statsd-flush-interval", "1s", "--http", at("http"),
                "--plaintext-unix", str(cls.directory / "relay.sock"),
                "--tls-certificate", str(cls.directory / "server.pem"),
                "--tls-key", str(cls.directory / "server.key"),
                "--tls-client-ca", str(cls.directory / "ca.pem"), "--reactors", "2"])
        flags = cls.cluster.relay.flags
        index = flags.index("--plaintext-tcp") + 1
        flags[index] = " ".join([flags[index], *plaintext])
        cls.cluster.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)
        harness.shutil.rmtree(cls.directory, ignore_errors=True)

    def connect(self, name):
        connection = socket.create_connection(("127.0.0.1", self.ports[name]), timeout=20)
        self.addCleanup(connection.close)
        return connection

    def send(self, name, data):
        with self.connect(name) as connection:
            connection.sendall(data)

    def assert_arrives(self, metric, expected):
        """`expected`: {time: value}, all of the series."""
        begin, end = min(expected) - 5, max(expected) + 5
        shown = {}
        def is_shown():
            shown.update(self.cluster.points(metric, begin, end))
            return shown.get(metric) == expected
        try:
            harness.wait_until(is_shown, f"{metric} is rendered")
        except AssertionError as error:
            raise AssertionError(f"{error}: {shown} instead of {expected}") from error

    def assert_closed(self, client):
        """A reset counts too: the relay has not read everything."""
        try:
            self.assertEqual(client.recv(10), b"")
        except ConnectionResetError:
            pass

    def dropped(self, **labels):
        return self.cluster.relay.metric("plumbago_points_dropped_total", **labels)

    def wait_dropped(self, count, **labels):
        harness.wait_until(lambda: self.dropped(**labels) == count, f"{count} {labels} are counted")

    # ---- carbon's clients ----

    def run_carbon(self, program, line_port, extra=()):
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.directory))
        (directory / "carbon.conf").write_text(CARBON_CONF.format(
            line_port=line_port, pickle_port=harness.free_port(),
            destination=self.ports["pickle"], directory=directory))
        (directory / "storage-schemas.conf").write_text("[a]\npattern = .*\nretentions = 60s:1d\n")
        for name, text in extra:
            (directory / name).write_text(text)
        process = subprocess.Popen(
            [f"/usr/bin/{program}", "--nodaemon", "--config", directory / "carbon.conf", "--pidfile",
             directory / "pid", "--logdir", directory, "start"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=directory)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        def is_up():
            try:
                socket.create_connection(("127.0.0.1", line_port), timeout=1).close()
                return True
            except OSError:
                return False
        harness.wait_until(is_up, f"{program} listens")

    def test_carbon_relay_sends_pickles(self):
        port, at = harness.free_port(), now()
        self.run_carbon("carbon-relay", port)
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(f"relayed.a 1.5 {at}\nrelayed.a -2 {at + 1}\nrelayed.b 7e9 {at}\n".encode())
        self.assert_arrives("relayed.a", {at: 1.5, at + 1: -2.0})
        self.assert_arrives("relayed.b", {at: 7e9})

    def test_carbon_aggregator_sends_pickles(self):
        port, at = harness.free_port(), now()
        self.run_carbon("carbon-aggregator", port, [
            ("aggregation-rules.conf", "summed.<app>.all (1) = sum parts.<app>.*.count\n"),
            ("rewrite-rules.conf", "")])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(f"parts.web.h1.count 3 {at}\nparts.web.h2.count 4 {at}\n".encode())
        self.assert_arrives("parts.web.h1.count", {at: 3.0})
        self.assert_arrives("summed.web.all", {at: 7.0})

    def test_scripts_send_pickles_of_every_protocol(self):
        at = now()
        for protocol in range(6):
            payload = pickle.dumps([(f"script.p{protocol}", (at, protocol + 0.25))], protocol)
            self.send("pickle", frame(payload))
            self.assert_arrives(f"script.p{protocol}", {at: protocol + 0.25})

    def test_protobuf(self):
        at = now()
        def point(seconds, value):
            return field(2, b"\x08" + varint(seconds) + b"\x11" + struct.pack("<d", value))
        metric = field(1, b"pb.x") + point(at, 2.5) + point(at + 1, -3)
        self.send("protobuf", frame(field(1, metric)))
        self.assert_arrives("pb.x", {at: 2.5, at + 1: -3.0})

    # ---- lines ----

    def test_opentsdb_lines(self):
        at = now()
        client = self.connect("opentsdb")
        client.sendall(f"put tsdb.x {at} 42.5 host=w1 cpu=0\nversion\nput tsdb.x nope 1\n".encode())
        answers = client.makefile()
        self.assertEqual(answers.readline(), "plumbago\n")
        self.assertIn("put: illegal argument", answers.readline())
        client.sendall(b"exit\n")
        self.assertEqual(answers.readline(), "")
        self.assert_arrives("tsdb.x;cpu=0;host=w1", {at: 42.5})

    def test_unix_socket(self):
        at = now()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.directory / "relay.sock"))
            client.sendall(f"unix.x 5 {at}\n".encode())
        self.assert_arrives("unix.x", {at: 5.0})

    def test_gzip_streams(self):
        at = now()
        self.send("gzip", gzip.compress(f"gz.x 1 {at}\n".encode()) +
                  gzip.compress(f"gz.x 2 {at + 1}\n".encode()))
        self.assert_arrives("gz.x", {at: 1.0, at + 1: 2.0})

    def test_zstd_streams(self):
        at = now()
        packed = subprocess.run(["zstd", "-c"], input=f"zs.x 3 {at}\n".encode(), check=True,
                                capture_output=True).stdout
        self.send("zstd", packed)
        self.assert_arrives("zs.x", {at: 3.0})

    def test_tls(self):
        at = now()
        context = ssl.create_default_context(cafile=self.directory / "ca.pem")
        context.check_hostname = False
        text = "".join(f"tls.n{i} {i} {at}\n" for i in range(20_000))  # more than one record
        with context.wrap_socket(self.connect("tls")) as client:
            client.sendall(text.encode())
        self.assert_arrives("tls.n0", {at: 0.0})
        self.assert_arrives("tls.n19999", {at: 19999.0})
        closed = self.cluster.relay.metric("plumbago_relay_connections_closed_total", reason="tls")
        self.send("tls", b"tls.plain 1 1700000000\n" * 100)
        harness.wait_until(lambda: self.cluster.relay.metric(
            "plumbago_relay_connections_closed_total", reason="tls") == closed + 1, "it is counted")

    def test_proxy_protocol(self):
        at = now()
        self.send("proxy", f"PROXY TCP4 192.0.2.7 192.0.2.1 5555 2003\r\nprox.v1 1 {at}\n".encode())
        header = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton("192.0.2.7") +
                  socket.inet_aton("192.0.2.1") + struct.pack("!HH", 5555, 2003))
        client = self.connect("proxy")
        for byte in header:  # in as many pieces as can be
            client.sendall(bytes([byte]))
        client.sendall(f"prox.v2 2 {at}\n".encode())
        client.close()
        self.assert_arrives("prox.v1", {at: 1.0})
        self.assert_arrives("prox.v2", {at: 2.0})
        bare = self.connect("proxy")
        bare.sendall(b"prox.bare 1 1700000000\n")
        self.assert_closed(bare)

    # ---- StatsD ----

    def statsd_values(self, metric):
        answer = self.cluster.get("/render", target=metric, format="json", **{"from": "-2min"})
        return [value for series in answer for value, _ in series["datapoints"] if value is not None]

    def test_statsd_over_udp_and_tcp(self):
        # What the npm package statsd-client writes, several metrics in a packet included.
        packets = ["page.views:1|c\npage.views:2|c|@0.5", "load:320|ms\nload:20|ms", "users:u7|s",
                   "fuel:10|g", "fuel:-4|g"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for packet in packets:
                client.sendto(packet.encode(), ("127.0.0.1", self.ports["statsd"]))
        self.send("statsd", b"page.views:10|c\n")
        def sums():
            return sum(self.statsd_values("stats_counts.page.views"))
        harness.wait_until(lambda: sums() == 15, "1 + 2/0.5 + 10 views are counted")
        harness.wait_until(lambda: 320.0 in self.statsd_values("stats.timers.load.upper"), "timers")
        self.assertIn(170.0, self.statsd_values("stats.timers.load.mean"))
        self.assertEqual(max(self.statsd_values("stats.sets.users.count")), 1.0)
        self.assertEqual(self.statsd_values("stats.gauges.fuel")[-1], 6.0)

    # ---- HTTP ----

    def post(self, path, body, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=30)
        connection.request("POST", path, body=body, headers=headers or {})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, response, json.loads(text) if text else None

    def test_datagrams_lost_after_the_last_one_that_was_queued_are_counted(self):
        """Nothing comes after them, so no later datagram can tell of them."""
        def counted():
            return (self.cluster.relay.metric("plumbago_points_received_total", protocol="plaintext")
                    + self.cluster.relay.metric("plumbago_relay_udp_datagrams_lost_total"))
        before, lost_before = counted(), self.cluster.relay.metric("plumbago_relay_udp_datagrams_lost_total")
        padding = ".".join(["x" * 150] * 3)
        sent_count = 100_000  # a kilobyte each for the kernel, whose buffers are 64 MiB at most
        self.cluster.relay.suspend()
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                for i in range(sent_count):
                    client.sendto(f"lost.{padding} {i} {int(time.time())}\n".encode(),
                                  ("127.0.0.1", self.cluster.plaintext_port))
        finally:
            self.cluster.relay.resume()
        harness.wait_until(lambda: counted() - before == sent_count, f"{sent_count} datagrams are received or lost")
        self.assertGreater(self.cluster.relay.metric("plumbago_relay_udp_datagrams_lost_total"), lost_before)

    def test_lines_over_http_are_answered_when_the_relay_may_die(self):
        at = now()
        status, _, answer = self.post("/api/v1/points", f"h.x 1 {at}\nh.y 2 {at}\n")
        self.cluster.relay.kill()
        self.assertEqual((status, answer), (200, {"accepted": 2, "refused": 0}))
        self.cluster.relay.start().wait_ready()
        self.assert_arrives("h.x", {at: 1})
        self.assert_arrives("h.y", {at: 2})

    def test_json_and_gzip_over_http(self):
        at = now()
        body = gzip.compress(json.dumps(
            [{"metric": "hj.x", "value": 1.5, "timestamp": at, "tags": {"dc": "b"}}]).encode())
        status, _, answer = self.post("/api/v1/points", body, {
            "Content-Type": "application/json", "Content-Encoding": "gzip"})
        self.assertEqual((status, answer["accepted"]), (200, 1))
        self.assert_arrives("hj.x;dc=b", {at: 1.5})

    def test_bad_points_over_http_are_listed(self):
        at = now()
        status, _, answer = self.post("/api/v1/points", f"h.good 1 {at}\nh.bad x {at}\na..b 1 {at}\n")
        self.assertEqual((status, answer["accepted"], answer["refused"]), (200, 1, 2))
        self.assertEqual([(e["position"], e["reason"]) for e in answer["first_refused"]],
                         [(2, "bad_value"), (3, "empty_node")])
        status, _, answer = self.post("/api/v1/points", "nothing here\n")
        self.assertEqual((status, answer["accepted"], answer["refused"]), (400, 0, 1))
        status, _, answer = self.post("/api/v1/points", "[{", {"Content-Type": "application/json"})
        self.assertEqual(status, 400)
        self.assertIn("message", answer)

    def test_bodies_over_http_are_bounded(self):
        bomb = gzip.compress(b"\n" * (64 << 20))
        status, _, answer = self.post("/api/v1/points", bomb, {"Content-Encoding": "gzip"})
        self.assertEqual(status, 413, answer)
        self.assertEqual(self.post("/api/v1/points", "x", {"Content-Encoding": "br"})[0], 415)
        self.assertEqual(self.post("/nowhere", "x")[0], 404)

    def test_sink_of_hosted_graphite_and_put_of_opentsdb(self):
        at = now()
        self.assertEqual(self.post("/api/v1/sink", f"sink.x 4 {at}\n")[0], 202)
        self.assert_arrives("sink.x", {at: 4.0})
        put = json.dumps({"metric": "put.x", "value": 3, "timestamp": at * 1000, "tags": {"a": "b"}})
        self.assertEqual(self.post("/api/put", put)[0], 204)
        self.assertEqual(self.post("/api/put?summary", put)[2], {"success": 1, "failed": 0})
        self.assertEqual(self.post("/api/put?details", '{"metric": "x"}')[2]["failed"], 1)
        self.assert_arrives("put.x;a=b", {at: 3.0})

    def test_http_is_refused_while_a_shard_does_not_answer(self):
        # With a spool they would be accepted there.
        self.cluster.relay.flags += ["--http-timeout", "1s", "--spool-bytes-max", "0"]
        self.cluster.relay.stop()
        self.cluster.relay.start().wait_ready()
        lines = "".join(f"slow.n{i} 1 {now()}\n" for i in range(100))  # on both shards
        self.cluster.caches[0].suspend()
        try:
            status, response, answer = self.post("/api/v1/points", lines)
        finally:
            self.cluster.caches[0].resume()
        self.assertEqual(status, 503, answer)
        self.assertEqual(response.headers["Retry-After"], "1")
        self.assertEqual(self.post("/api/v1/points", lines)[0], 200)

    def test_prometheus_writes_what_it_scrapes(self):
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.directory))
        scraped = f"127.0.0.1:{self.cluster.relay.admin_port}"
        (directory / "prometheus.yml").write_text(PROMETHEUS_YML.format(
            scraped=scraped, url=f"http://127.0.0.1:{self.ports['http']}/api/v1/write"))
        port = harness.free_port()
        process = subprocess.Popen(
            ["/usr/bin/prometheus", f"--config.file={directory}/prometheus.yml",
             f"--storage.tsdb.path={directory}/data", f"--web.listen-address=127.0.0.1:{port}"],
            stdout=subprocess.DEVNULL, stderr=(directory / "log").open("wb"))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        series = f"up;instance={scraped};job=relay"
        begin = now()
        harness.wait_until(lambda: len(self.cluster.points(series, begin, now() + 1).get(series, {})) > 7,
                           "Prometheus' points are rendered", 60)
        end = now() - 2
        theirs = self.prometheus_samples(port, "up", begin, end)
        ours = self.cluster.points(series, begin, end)[series]
        self.assertGreater(len(theirs), 1)
        self.assertEqual({at: value for at, value in ours.items() if at in theirs}, theirs)

    @staticmethod
    def prometheus_samples(port, name, begin, end):
        url = f"http://127.0.0.1:{port}/api/v1/query?query={name}[{end - begin}s]&time={end}"
        result = json.loads(harness.http(url)[2])["data"]["result"]
        return {int(at): float(value) for at, value in result[0]["values"]}

    # ---- bad input ----

    def test_bad_messages_are_refused_counted_and_end_the_connection(self):
        class Evil:
            def __reduce__(self):
                return (os.system, ("touch /tmp/plumbago-evil",))
        client = self.connect("pickle")
        client.sendall(frame(pickle.dumps([Evil()])))
        self.assert_closed(client)
        self.wait_dropped(1, protocol="pickle", reason="pickle_class")
        self.assertFalse(os.path.exists("/tmp/plumbago-evil"))
        client = self.connect("pickle")
        client.sendall(b"\x7f\xff\xff\xff")
        self.assert_closed(client)
        self.wait_dropped(1, protocol="pickle", reason="too_large")

    def test_a_bomb_is_cut_off_within_bounded_memory(self):
        bomb = gzip.compress(gzip.compress(b"\0" * (512 << 20)))
        before = self.cluster.relay.memory_bytes()
        client = self.connect("gzip")
        bomb = gzip.decompress(bomb)
        try:
            client.sendall(bomb)
            client.recv(10)
        except OSError:
            pass  # closed while it was being sent
        harness.wait_until(lambda: self.cluster.relay.metric(
            "plumbago_relay_connections_closed_total", reason="too_large", protocol="plaintext") >= 1,
            "the bomb is counted")
        self.assertLess(self.cluster.relay.memory_bytes() - before, 64 << 20)

    def test_lines_without_end_and_slow_senders_harm_nobody(self):
        before = self.cluster.relay.memory_bytes()
        endless = self.connect("proxy")
        endless.sendall(b"PROXY UNKNOWN\r\n")
        for _ in range(64):
            endless.sendall(b"x" * (1 << 20))
        slow = [socket.create_connection(("127.0.0.1", self.cluster.plaintext_port)) for _ in range(100)]
        at = now()
        text = f"slow.byte 9 {at}\n".encode()
        for byte in text:
            for client in slow:
                client.sendall(bytes([byte]))
        self.assert_arrives("slow.byte", {at: 9.0})
        for client in slow:
            client.close()
        self.assertLess(self.cluster.relay.memory_bytes() - before, 32 << 20)
        harness.wait_until(lambda: self.dropped(reason="line_too_long") >= 1, "the line is counted")


if __name__ == "__main__":
    unittest.main()
