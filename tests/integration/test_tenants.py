"""Tenants of a relay with real programs: keys in names and over HTTP, certificates, listeners and
networks, the limits of a tenant, and the caps on connections."""

import base64
import http.client
import json
import os
import pathlib
import resource
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import harness
import test_protocols

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[fast]\npattern = .*\nretentions = 1s:10m,10s:2h\n"


def now():
    return int(time.time())


class TenantsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="plumbago-tenants-"))
        test_protocols.make_certificates(cls.directory)
        cls.ports = {name: harness.free_port() for name in ("http", "pickle", "tls", "own", "net")}
        def at(name, host="127.0.0.1"):
            return f"{host}:{cls.ports[name]}"
        cls.cluster = harness.Cluster(
            BIN, shards=2, schemas=SCHEMAS, cache_flags=["--flush-age", "500ms"],
            query_flags=["--auth", "keys"],
            relay_flags=["--http", at("http"), "--pickle-tcp", f"{at('own')},tenant=acme",
                         "--opentsdb-tcp", f"{at('tls')},tls", "--protobuf-tcp", at("pickle"),
                         "--tenant-networks", "127.0.0.0/8=default 127.0.0.77/32=acme",
                         "--tls-certificate", str(cls.directory / "server.pem"),
                         "--tls-key", str(cls.directory / "server.key"),
                         "--tls-client-ca", str(cls.directory / "ca.pem"),
                         "--new-series-grace", "0s"])
        cls.cluster.__enter__()
        cls.keys = {}
        for tenant in ("default", "acme", "limited", "tight"):
            if tenant != "default":
                cls.ctl("tenant", "create", tenant)
            cls.keys[tenant] = cls.create_key(tenant, "ingest"), cls.create_key(tenant, "read")
        cls.ctl("tenant", "update", "limited", "--points-per-second", "10")
        cls.ctl("tenant", "update", "tight", "--new-series-per-second", "1")
        cls.wait_for_key(cls.keys["tight"][0])

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)
        harness.shutil.rmtree(cls.directory, ignore_errors=True)

    @classmethod
    def ctl(cls, *arguments):
        return json.loads(subprocess.run(
            [f"{BIN}/plumbagoctl", "--controller", cls.cluster.controller.address, "--output", "json",
             *arguments], check=True, stdout=subprocess.PIPE, timeout=30).stdout)

    @classmethod
    def create_key(cls, tenant, scope):
        return cls.ctl("key", "create", tenant, "--scope", scope)["secret"]

    @classmethod
    def wait_for_key(cls, key):
        """Until the relay knows the key, and with it whatever was changed before."""
        harness.wait_until(lambda: cls.post("/api/v1/points", "", key)[0] == 200, "the key is known")
        cls.wait_for_reactors()

    @classmethod
    def wait_for_reactors(cls):
        """Until they take points by the snapshot that HTTP has: they are told on their own threads."""
        harness.wait_until(lambda: cls.cluster.relay.metric("plumbago_relay_reactors_behind_snapshot") == 0,
                           "all reactors have the snapshot")

    @classmethod
    def post(cls, path, body, key=None, scheme="Basic"):
        headers = {}
        if key is not None and scheme == "Basic":
            headers["Authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
        elif key is not None:
            headers["Authorization"] = f"Bearer {key}"
        connection = http.client.HTTPConnection("127.0.0.1", cls.ports["http"], timeout=30)
        connection.request("POST", path, body=body, headers=headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, response, json.loads(text) if text else None

    def series(self, tenant, pattern):
        """{series: {time: value}} as the tenant's reader sees it."""
        url = self.cluster.url("/render", target=pattern, format="json", **{"from": "-2min"})
        status, _, body = harness.http(url, headers={"X-Api-Key": self.keys[tenant][1]}, timeout=30)
        self.assertEqual(status, 200, body)
        return {one["target"]: {at: value for value, at in one["datapoints"] if value is not None}
                for one in json.loads(body)}

    def wait_series(self, tenant, pattern, expected):
        harness.wait_until(lambda: self.series(tenant, pattern) == expected,
                           f"{tenant} sees {expected}")

    def dropped(self, **labels):
        return self.cluster.relay.metric("plumbago_points_dropped_total", **labels)

    def closed(self, reason):
        return self.cluster.relay.metric("plumbago_relay_connections_closed_total", reason=reason)

    def test_a_key_in_front_of_the_name_tells_the_tenant_and_is_cut_off(self):
        at = now()
        acme, default = self.keys["acme"][0], self.keys["default"][0]
        self.cluster.send_tcp(f"{acme}.same.x 1 {at}\n{default}.same.x 2 {at}\nsame.x 3 {at + 1}\n")
        self.wait_series("acme", "same.*", {"same.x": {at: 1}})
        self.wait_series("default", "same.*", {"same.x": {at: 2, at + 1: 3}})
        self.cluster.send_udp(f"{acme}.same.udp 4 {at}\n")
        self.wait_series("acme", "same.udp", {"same.udp": {at: 4}})
        self.assertEqual(self.series("default", "same.udp"), {})
        for path in self.cluster.directory.rglob("*.log"):
            self.assertNotIn(acme, path.read_text(errors="replace"))

    def test_unknown_keys_are_counted_and_end_the_connection(self):
        before, closed = self.dropped(reason="unknown_key"), self.closed("unknown_keys")
        client = self.cluster.connect()
        client.sendall(f"pk_nobody_x.a 1 {now()}\n".encode() * 99)
        harness.wait_until(lambda: self.dropped(reason="unknown_key") == before + 99, "99 are counted")
        self.assertEqual(self.closed("unknown_keys"), closed)
        client.sendall(f"{self.keys['acme'][1]}.a 1 {now()}\n".encode())  # may only read
        client.settimeout(20)
        self.assertEqual(client.recv(10), b"")
        client.close()
        harness.wait_until(lambda: self.dropped(reason="unknown_key") == before + 100, "100 are counted")
        self.assertEqual(self.closed("unknown_keys"), closed + 1)

    def test_a_revoked_key_is_refused_and_never_becomes_a_name(self):
        at = now()
        created = self.ctl("key", "create", "acme", "--scope", "ingest")
        key = created["secret"]
        self.wait_for_key(key)
        self.ctl("key", "revoke", created["key"]["id"])
        harness.wait_until(lambda: self.post("/api/v1/points", "", key)[0] == 401, "it is revoked")
        self.wait_for_reactors()
        before = self.dropped(reason="unknown_key")
        self.cluster.send_tcp(f"{key}.revoked.x 1 {at}\n")
        harness.wait_until(lambda: self.dropped(reason="unknown_key") == before + 1, "it is counted")
        self.assertEqual(self.series("acme", "revoked.*"), {})
        self.assertEqual(self.series("default", "*.revoked.*"), {})

    def test_keys_over_http(self):
        at = now()
        for number, scheme in enumerate(("Basic", "Bearer")):
            status, _, answer = self.post("/api/v1/points", f"byhttp.n{number} 1 {at}\n",
                                          self.keys["acme"][0], scheme)
            self.assertEqual((status, answer["accepted"]), (200, 1))
        self.wait_series("acme", "byhttp.*", {"byhttp.n0": {at: 1}, "byhttp.n1": {at: 1}})
        self.assertEqual(self.series("default", "byhttp.*"), {})
        self.assertEqual(self.post("/api/v1/sink", f"sink.x 1 {at}\n", self.keys["acme"][0])[0], 202)
        self.assertEqual(self.post("/api/v1/points", "x 1 1\n", "pk_nobody_x")[0], 401)
        status, _, answer = self.post("/api/v1/points", "x 1 1\n", self.keys["acme"][1])
        self.assertEqual(status, 403)
        self.assertNotIn(self.keys["acme"][1], answer["message"])

    def test_a_listener_and_a_network_tell_the_tenant(self):
        at = now()
        with socket.create_connection(("127.0.0.1", self.ports["own"])) as client:
            payload = test_protocols.pickle.dumps([("listener.x", (at, 1))])
            client.sendall(test_protocols.frame(payload))
        self.wait_series("acme", "listener.*", {"listener.x": {at: 1}})
        with socket.create_connection(("127.0.0.1", self.cluster.plaintext_port),
                                      source_address=("127.0.0.77", 0)) as client:
            client.sendall(f"network.tcp 2 {at}\n".encode())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("127.0.0.77", 0))
            client.sendto(f"network.udp 3 {at}\n".encode(), ("127.0.0.1", self.cluster.plaintext_port))
        self.wait_series("acme", "network.*", {"network.tcp": {at: 2}, "network.udp": {at: 3}})
        self.assertEqual(self.series("default", "network.*"), {})

    def test_a_client_certificate_tells_the_tenant(self):
        at = now()
        context = ssl.create_default_context(cafile=self.directory / "ca.pem")
        context.check_hostname = False
        context.load_cert_chain(self.directory / "acme.pem", self.directory / "acme.key")
        address = ("127.0.0.1", self.ports["tls"])
        with context.wrap_socket(socket.create_connection(address)) as client:
            client.sendall(f"put cert.x {at} 5\n"
                           f"put {self.keys['default'][0]}.cert.y {at} 6\n".encode())
        self.wait_series("acme", "cert.*", {"cert.x": {at: 5}, "cert.y": {at: 6}})
        self.assertEqual(self.series("default", "cert.*"), {})

    def test_points_over_the_rate_are_refused_and_said_so(self):
        key, at = self.keys["limited"][0], now()
        lines = "".join(f"rate.x 1 {at - i}\n" for i in range(110))
        status, _, answer = self.post("/api/v1/points", lines, key)
        self.assertEqual(status, 200)
        self.assertLess(answer["accepted"], 110)
        self.assertEqual(answer["first_refused"][0]["reason"], "points_rate_limit")
        # The bucket is empty for now, whatever the others do.
        status, response, answer = self.post("/api/v1/points", f"rate.x 1 {at}\n", key)
        if status == 200:  # a slow machine: some have come in again
            self.assertLessEqual(answer["accepted"], 1)
        else:
            self.assertEqual((status, response.headers["Retry-After"]), (429, "1"))
        self.assertEqual(self.post("/api/v1/points", f"free.x 1 {at}\n", self.keys["acme"][0])[0], 200)
        harness.wait_until(lambda: self.dropped(tenant="limited", reason="points_rate_limit") > 0,
                           "they are counted by tenant")

    def test_new_series_over_their_rate_are_refused_and_known_ones_not(self):
        key, at = self.keys["tight"][0], now()
        lines = "".join(f"fresh.n{i} 1 {at}\n" for i in range(100))
        _, _, first = self.post("/api/v1/points", lines, key)
        self.assertTrue(10 <= first["accepted"] < 50, first)
        known = "".join(f"fresh.n{i} 2 {at + 1}\n" for i in range(10))
        status, _, again = self.post("/api/v1/points", known * 20, key)
        self.assertEqual((status, again["accepted"], again["refused"]), (200, 200, 0))
        harness.wait_until(
            lambda: self.dropped(tenant="tight", reason="new_series_rate_limit") == first["refused"],
            "they are counted by tenant")

    def test_a_suspended_tenant_is_refused(self):
        self.ctl("tenant", "create", "pausing")
        key = self.create_key("pausing", "ingest")
        self.wait_for_key(key)
        self.ctl("tenant", "suspend", "pausing")
        harness.wait_until(lambda: self.post("/api/v1/points", "x 1 1\n", key)[0] == 403, "403")
        self.cluster.send_tcp(f"{key}.x 1 {now()}\n")
        harness.wait_until(lambda: self.dropped(tenant="pausing", reason="tenant_refused") == 1,
                           "it is counted")

    def test_the_events_of_a_tenant_go_with_it(self):
        self.ctl("tenant", "create", "gone")
        key = self.create_key("gone", "ingest")
        def add():
            request = urllib.request.Request(self.cluster.url("/events/"), headers={"X-Api-Key": key},
                                             data=json.dumps({"what": "deployed"}).encode())
            try:
                return urllib.request.urlopen(request, timeout=30).status
            except urllib.error.HTTPError as error:
                return error.code
        controller = self.cluster.controller
        harness.wait_until(lambda: add() == 200, "the key is known")
        add()
        self.assertEqual(controller.metric("plumbago_events"), 2)
        self.ctl("tenant", "delete", "gone")
        self.assertEqual(controller.metric("plumbago_events"), 0)
        self.assertEqual(controller.metric("plumbago_events_removed_total", reason="tenant_deleted"), 2)
        self.assertIn(add(), (401, 403, 404))


class ConnectionsTest(unittest.TestCase):
    def start(self, *flags):
        cluster = harness.Cluster(BIN, shards=1, schemas=SCHEMAS, cache_flags=["--flush-age", "500ms"],
                                  relay_flags=["--reactors", "2", *flags])
        cluster.__enter__()
        self.addCleanup(cluster.__exit__, None, None, None)
        return cluster

    def assert_serves(self, cluster, metric):
        at = now()
        cluster.send_udp(f"{metric} 1 {at}\n")
        harness.wait_until(lambda: cluster.points(metric, at - 1, at + 1) == {metric: {at: 1}},
                           "others are served")

    def test_idle_connections_are_closed_and_busy_ones_not(self):
        cluster = self.start("--idle-timeout", "2s")
        idle, busy = cluster.connect(), cluster.connect()
        idle.settimeout(0.2)
        begin = time.monotonic()
        while True:
            busy.sendall(b"busy.x 1 -1\n")
            try:
                self.assertEqual(idle.recv(10), b"")
                break
            except TimeoutError:
                self.assertLess(time.monotonic() - begin, 20)
        self.assertGreater(time.monotonic() - begin, 1.5)
        busy.sendall(b"busy.y 1 -1\n")
        harness.wait_until(lambda: cluster.points("busy.y", now() - 60, now() + 1), "it still serves")
        self.assertEqual(cluster.relay.metric("plumbago_relay_connections_closed_total",
                                              reason="idle", protocol="plaintext"), 1)
        idle.close()
        busy.close()

    def test_connections_are_capped_in_total_and_per_source(self):
        cluster = self.start("--connections-max", "20", "--connections-per-source-max", "10")
        def count(reason):
            return cluster.relay.metric("plumbago_relay_connections_refused_total", reason=reason)
        clients = [cluster.connect() for _ in range(12)]
        harness.wait_until(lambda: count("source") == 2, "two of one source are refused")
        for host in range(15):
            clients.append(socket.create_connection(("127.0.0.1", cluster.plaintext_port),
                                                    source_address=(f"127.0.1.{host + 1}", 0)))
        harness.wait_until(lambda: count("total") == 5, "five of all are refused")
        for client in clients:
            client.close()
        self.assert_serves(cluster, "after.cap")

    def test_ten_thousand_idle_connections_cost_little_and_others_are_served(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit[1] < 11_000:
            self.skipTest(f"the limit on open files is {limit[1]}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        cluster = self.start()
        self.assert_serves(cluster, "before.idle")
        before = cluster.relay.memory_bytes()
        clients = []
        for _ in range(10_000):
            clients.append(cluster.connect())
        harness.wait_until(lambda: cluster.relay.metric("plumbago_relay_connections") == 10_000,
                           "all are open", 60)
        used = cluster.relay.memory_bytes() - before
        print(f"{used / 10_000:.0f} bytes per idle connection")
        self.assertLess(used, 64 << 20)
        self.assert_serves(cluster, "beside.idle")
        for client in clients:
            client.close()
        harness.wait_until(lambda: cluster.relay.metric("plumbago_relay_connections") == 0, "all end", 60)


if __name__ == "__main__":
    unittest.main()
