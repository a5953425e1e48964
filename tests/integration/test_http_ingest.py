"""HTTP listeners of a relay with real programs: TLS, PROXY headers, tenants by certificate, caps on
connections, the spool, and certificates that are read again."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

import harness
import test_protocols

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[fast]\npattern = .*\nretentions = 1s:10m,10s:2h\n"
SOURCE_MAX = 20


def now():
    return int(time.time())


def request_text(body):
    return (f"POST /api/v1/points HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def read_all(connection):
    answer = b""
    try:
        while piece := connection.recv(4096):
            answer += piece
    except ConnectionResetError:
        pass  # it was closed with something unread
    return answer


class HttpIngestTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="plumbago-http-ingest-"))
        test_protocols.make_certificates(cls.directory)
        cls.ports = {name: harness.free_port() for name in ("plain", "tls", "proxy", "both", "lines")}
        def at(name):
            return f"127.0.0.1:{cls.ports[name]}"
        cls.cluster = harness.Cluster(
            BIN, shards=2, schemas=SCHEMAS, cache_flags=["--flush-age", "500ms"],
            relay_flags=["--http", f"{at('plain')} {at('tls')},tls {at('proxy')},proxy "
                                   f"{at('both')},proxy,tls,tenant=acme",
                         "--opentsdb-tcp", f"{at('lines')},tls",
                         "--tls-certificate", str(cls.directory / "server.pem"),
                         "--tls-key", str(cls.directory / "server.key"),
                         "--tls-client-ca", str(cls.directory / "ca.pem"),
                         "--tenant-networks", "192.0.2.77/32=acme",
                         "--connections-per-source-max", str(SOURCE_MAX),
                         "--shard-stall-timeout", "500ms", "--spool-disk-free-min", "0"])
        cls.cluster.__enter__()
        cls.ctl("tenant", "create", "acme")
        cls.wait_for_snapshot()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)
        shutil.rmtree(cls.directory, ignore_errors=True)

    @classmethod
    def ctl(cls, *arguments):
        subprocess.run([f"{BIN}/plumbagoctl", "--controller", cls.cluster.controller.address,
                        *arguments], check=True, stdout=subprocess.PIPE, timeout=30)

    @classmethod
    def wait_for_snapshot(cls):
        """Until the relay has what was changed: a key that is made afterwards is known."""
        made = subprocess.run(
            [f"{BIN}/plumbagoctl", "--controller", cls.cluster.controller.address, "--output", "json",
             "key", "create", "acme", "--scope", "ingest"],
            check=True, stdout=subprocess.PIPE, timeout=30).stdout
        headers = {"X-Api-Key": json.loads(made)["secret"]}
        url = f"http://127.0.0.1:{cls.ports['plain']}/api/v1/points"
        harness.wait_until(lambda: harness.http(url, "", headers)[0] == 200, "the key is known")
        harness.wait_until(
            lambda: cls.cluster.relay.metric("plumbago_relay_reactors_behind_snapshot") == 0,
            "all reactors have the snapshot")

    def connect(self, name):
        connection = socket.create_connection(("127.0.0.1", self.ports[name]), timeout=30)
        self.addCleanup(connection.close)
        return connection

    def tls(self, connection, client=None):
        context = ssl.create_default_context(cafile=self.directory / "ca.pem")
        context.check_hostname = False
        if client is not None:
            context.load_cert_chain(self.directory / f"{client}.pem", self.directory / f"{client}.key")
        wrapped = context.wrap_socket(connection)
        self.addCleanup(wrapped.close)
        return wrapped

    def exchange(self, connection, body, before=b""):
        connection.sendall(before + request_text(body))
        return read_all(connection)

    def post(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["plain"], timeout=30)
        connection.request("POST", "/api/v1/points", body=body)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status

    def assert_accepted(self, answer):
        self.assertIn(b"HTTP/1.1 200", answer)
        self.assertIn(b'"accepted":1', answer)

    def assert_arrives(self, metric, at, value, tenant="default"):
        if tenant == "default":
            harness.wait_until(lambda: self.cluster.points(metric, at - 5, at + 5) == {metric: {at: value}},
                               f"{metric} is rendered")
        else:
            harness.wait_until(lambda: self.cluster.file_of(metric, tenant), f"{metric} of {tenant} is stored")
            self.assertIsNone(self.cluster.file_of(metric))

    def metric(self, name, **labels):
        return self.cluster.relay.metric(f"plumbago_relay_{name}", **labels)

    # ---- what stands in front ----

    def test_tls(self):
        at = now()
        self.assert_accepted(self.exchange(self.tls(self.connect("tls")), f"http.tls 1.5 {at}\n"))
        self.assert_arrives("http.tls", at, 1.5)
        closed = self.metric("connections_closed_total", protocol="http", reason="tls")
        self.assertNotIn(b"200", self.exchange(self.connect("tls"), f"http.bare 1 {at}\n"))
        harness.wait_until(lambda: self.metric("connections_closed_total", protocol="http",
                                               reason="tls") == closed + 1, "it is counted")

    def test_several_requests_and_a_large_body_on_one_tls_connection(self):
        at = now()
        context = ssl.create_default_context(cafile=self.directory / "ca.pem")
        context.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", self.ports["tls"], timeout=30, context=context)
        self.addCleanup(connection.close)
        for i in range(3):
            body = "".join(f"http.large.n{i}_{k} {k} {at}\n" for k in range(20_000))
            connection.request("POST", "/api/v1/points", body=body)
            response = connection.getresponse()
            self.assertEqual((response.status, json.loads(response.read())["accepted"]), (200, 20_000))
        self.assert_arrives("http.large.n2_19999", at, 19999.0)

    def test_the_certificate_of_a_client_names_its_tenant(self):
        at = now()
        self.assert_accepted(self.exchange(self.tls(self.connect("tls"), "acme"), f"http.cert 1 {at}\n"))
        self.assert_arrives("http.cert", at, 1.0, "acme")

    def test_the_proxy_header_names_the_network_and_comes_before_tls(self):
        at = now()
        header = b"PROXY TCP4 192.0.2.77 192.0.2.1 5555 2007\r\n"
        self.assert_accepted(self.exchange(self.connect("proxy"), f"http.net 1 {at}\n", header))
        self.assert_arrives("http.net", at, 1.0, "acme")
        self.assert_accepted(self.exchange(self.connect("proxy"), f"http.local 1 {at}\n", b"PROXY UNKNOWN\r\n"))
        self.assert_arrives("http.local", at, 1.0)
        connection = self.connect("both")
        connection.sendall(b"PROXY TCP4 192.0.2.8 192.0.2.1 5555 2007\r\n")
        self.assert_accepted(self.exchange(self.tls(connection), f"http.both 1 {at}\n"))
        self.assert_arrives("http.both", at, 1.0, "acme")  # by its listener

    def test_connections_count_in_the_cap_of_their_source(self):
        refused = self.metric("connections_refused_total", reason="source")
        header = b"PROXY TCP4 192.0.2.50 192.0.2.1 5555 2007\r\n"
        held = [self.connect("proxy") for _ in range(SOURCE_MAX)]
        for connection in held:
            # Answered, so that the relay has read the header; the connection stays.
            connection.sendall(header + b"GET /api/v1/points HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b"405", connection.recv(4096))
        self.assertEqual(self.exchange(self.connect("proxy"), "x 1 1\n", header), b"")
        self.assertEqual(self.metric("connections_refused_total", reason="source"), refused + 1)
        other = b"PROXY TCP4 192.0.2.51 192.0.2.1 5555 2007\r\n"
        self.assert_accepted(self.exchange(self.connect("proxy"), f"http.other 1 {now()}\n", other))
        for connection in held:
            connection.close()
        harness.wait_until(
            lambda: b"200" in self.exchange(self.connect("proxy"), f"http.again 1 {now()}\n", header),
            "the places are given back")

    # ---- limits of a tenant ----

    def test_a_tenant_has_its_own_limits_on_names_and_connections(self):
        self.ctl("tenant", "update", "acme", "--name-bytes-max", "10", "--connections", "2")
        self.wait_for_snapshot()
        at = now()
        header = b"PROXY TCP4 192.0.2.77 192.0.2.1 5555 2007\r\n"
        answer = self.exchange(self.connect("proxy"), f"short.name 1 {at}\nlonger.name 1 {at}\n", header)
        self.assertIn(b'"accepted":1,', answer)
        self.assertIn(b"name_too_long", answer)
        # Over TLS: the tenant is known by the certificate.
        refused = self.metric("connections_refused_total", reason="tenant")
        def open_line():
            client = self.tls(self.connect("lines"), "acme")
            client.sendall(b"version\n")
            try:
                return client.recv(100) != b""
            except OSError:
                return False
        self.assertEqual([open_line() for _ in range(3)], [True, True, False])
        self.assertEqual(self.metric("connections_refused_total", reason="tenant"), refused + 1)
        self.ctl("tenant", "update", "acme", "--name-bytes-max", "0", "--connections", "0")
        self.wait_for_snapshot()
        self.assertTrue(open_line())

    # ---- a shard that takes nothing ----

    def test_points_for_a_shard_that_hangs_are_in_the_spool_when_the_request_is_answered(self):
        at = now()
        lines = "".join(f"http.spool.n{i} {i} {at}\n" for i in range(100))  # on both shards
        self.cluster.caches[0].suspend()
        try:
            begin = time.monotonic()
            self.assertEqual(self.post(lines), 200)
            self.assertLess(time.monotonic() - begin, 8)
            self.assertEqual(self.metric("shard_state", shard="shard-0", state="down"), 1)
            self.assertGreater(self.metric("points_spooled_total", shard="shard-0"), 0)
            self.cluster.relay.kill()  # what was answered is safe
        finally:
            self.cluster.caches[0].resume()
        self.cluster.relay.start().wait_ready()
        expected = {f"http.spool.n{i}": {at: float(i)} for i in range(100)}
        harness.wait_until(lambda: self.cluster.points("http.spool.*", at - 5, at + 5) == expected,
                           "all points are rendered", 60)

    # ---- certificates ----

    def served_certificate(self, name):
        with self.tls(self.connect(name)) as client:
            return client.getpeercert(binary_form=True)

    def reload(self, result):
        before = self.metric("tls_reloads_total", result=result)
        self.cluster.relay.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: self.metric("tls_reloads_total", result=result) == before + 1,
                           f"the certificate is {result}")

    def test_a_new_certificate_is_for_new_connections_and_a_broken_one_is_not_taken(self):
        at = now()
        certificate = self.directory / "server.pem"
        old = certificate.read_bytes()
        old_served = self.served_certificate("tls")
        expiry = self.metric("tls_certificate_expiry_timestamp_seconds")
        self.assertAlmostEqual(expiry, now() + 2 * 86400, delta=3600)
        lines = self.tls(self.connect("lines"))
        lines.sendall(f"put reload.before {at} 1\n".encode())
        self.assert_arrives("reload.before", at, 1.0)
        subprocess.run(["openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                        "-CAcreateserial", "-out", "server.pem", "-days", "20"],
                       cwd=self.directory, check=True, capture_output=True)
        self.reload("applied")
        new_served = self.served_certificate("tls")
        self.assertNotEqual(new_served, old_served)
        self.assertEqual(self.served_certificate("lines"), new_served)
        self.assertGreater(self.metric("tls_certificate_expiry_timestamp_seconds"), expiry + 10 * 86400)
        certificate.write_text("no certificate\n")
        self.reload("refused")
        self.assertIn("the certificate stays as it was", self.cluster.relay.log())
        self.assertEqual(self.served_certificate("tls"), new_served)
        certificate.write_bytes(old)
        self.reload("applied")
        self.assertEqual(self.served_certificate("lines"), old_served)
        lines.sendall(f"put reload.after {at} 2\n".encode())  # on the connection of before
        self.assert_arrives("reload.after", at, 2.0)


if __name__ == "__main__":
    unittest.main()
