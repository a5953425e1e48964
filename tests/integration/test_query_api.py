"""Graphite's HTTP API as its clients use it: Grafana's ways of asking, every endpoint and format, and
requests that are wrong, against the real services with known points.
"""

import json
import os
import time
import unittest
import urllib.parse

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[minute]\npattern = .*\nretentions = 60s:1d\n"
HOSTS = ["a", "b", "c"]


class QueryApiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = harness.Cluster(BIN, shards=2, schemas=SCHEMAS, cache_flags=["--flush-age", "300ms"])
        cls.cluster.__enter__()
        cls.end = int(time.time()) // 60 * 60
        cls.times = [cls.end - 60 * i for i in range(9, -1, -1)]
        # cpu of host number h at minute i is 10 h + i.
        cls.cluster.send_tcp("".join(
            f"servers.{host}.cpu {10 * h + i} {at}\n"
            for h, host in enumerate(HOSTS) for i, at in enumerate(cls.times)))
        cls.cluster.send_tcp(f"tagged.disk;rack=r1;dc=x 5 {cls.end}\n")
        for n, (host, dc) in enumerate([("a", "b"), ("c", "b"), ("d", "x")]):
            cls.cluster.send_tcp(f"load;host={host};dc={dc} {n + 1} {cls.end}\n")
        cls.cluster.wait_for_series("servers.*.cpu", 3)
        cls.cluster.wait_until_stored(34)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def render(self, target, **more):
        return self.cluster.get("/render", target=target, format="json",
                                **{"from": self.times[0] - 60, "until": self.end, **more})

    def values(self, target, **more):
        return {one["target"]: [value for value, _ in one["datapoints"]] for one in self.render(target, **more)}

    # ---- answers ----

    def test_info_has_the_retentions_on_each_shard(self):
        answer = self.cluster.get("/info/", target="servers.*.cpu", format="json")
        metrics = [one for shard, info in answer["info"].items() for one in info["metrics"]
                   if self.assertIn(shard, ("shard-0", "shard-1")) is None]
        self.assertEqual(sorted(one["name"] for one in metrics), [f"servers.{host}.cpu" for host in HOSTS])
        for one in metrics:
            self.assertEqual(one["retentions"], [{"secondsPerPoint": 60, "numberOfPoints": 1440}])
            self.assertEqual((one["consolidationFunc"], one["maxRetention"]), ("average", 86400))
            self.assertAlmostEqual(one["xFilesFactor"], 0.5)
        self.assertEqual(harness.http(self.cluster.url("/info", target="no.such"))[0], 404)

    def test_functions_give_the_numbers_of_graphite(self):
        ramp = [float(i) for i in range(10)]
        cases = {
            "servers.a.cpu": {"servers.a.cpu": ramp},
            "sumSeries(servers.*.cpu)": {"sumSeries(servers.*.cpu)": [30 + 3.0 * i for i in range(10)]},
            "averageSeries(servers.*.cpu)": {"averageSeries(servers.*.cpu)": [10 + 1.0 * i for i in range(10)]},
            "maxSeries(servers.{a,b}.cpu)": {"maxSeries(servers.{a,b}.cpu)": [10 + 1.0 * i for i in range(10)]},
            "minSeries(servers.[ab].cpu)": {"minSeries(servers.[ab].cpu)": ramp},
            "alias(servers.a.cpu,'load of a')": {"load of a": ramp},
            "aliasByNode(servers.*.cpu, 1)": {"a": ramp, "b": [10 + v for v in ramp], "c": [20 + v for v in ramp]},
            "servers.a.cpu | scale(2) | alias('twice')": {"twice": [2 * v for v in ramp]},
            "offset(servers.a.cpu, -1)": {"offset(servers.a.cpu,-1)": [v - 1 for v in ramp]},
            "derivative(servers.a.cpu)": {"derivative(servers.a.cpu)": [None] + [1.0] * 9},
            "perSecond(servers.a.cpu)": {"perSecond(servers.a.cpu)": [None] + [0.016667] * 9},
            "groupByNode(servers.*.cpu, 0, 'sum')": {"servers": [30 + 3.0 * i for i in range(10)]},
            "aliasByNode(highestAverage(servers.*.cpu, 1), 1)": {"c": [20 + v for v in ramp]},
            "exclude(servers.*.cpu, '[bc]\\.cpu')": {"servers.a.cpu": ramp},
            "grep(servers.*.cpu, '\\.b\\.')": {"servers.b.cpu": [10 + v for v in ramp]},
            "aliasSub(servers.a.cpu, '^servers\\.(\\w+).*$', 'host \\1')": {"host a": ramp},
            'aliasSub(servers.a.cpu, "(^.*$)", "\\1 A")': {"servers.a.cpu A": ramp},
            "template(servers.$host.cpu, host='b')": {"servers.b.cpu": [10 + v for v in ramp]},
            "nothing.here": {},
        }
        for target, expected in cases.items():
            with self.subTest(target=target):
                self.assertEqual(self.values(target), expected)

    def test_several_targets_keep_their_order_and_get_and_post_merge(self):
        body = urllib.parse.urlencode([("target", "servers.b.cpu"), ("format", "json"),
                                       ("from", self.times[0] - 60), ("until", self.end)])
        status, _, answer = harness.http(self.cluster.url("/render", target="servers.a.cpu", format="raw"), body)
        self.assertEqual(status, 200)
        self.assertEqual([one["target"] for one in json.loads(answer)], ["servers.a.cpu", "servers.b.cpu"])

    def test_max_data_points_consolidates(self):
        answer = self.render("servers.a.cpu", maxDataPoints=5)[0]["datapoints"]
        self.assertLessEqual(len(answer), 6)
        self.assertEqual(answer[1][1] - answer[0][1], 120)
        one = self.render("servers.a.cpu", maxDataPoints=1)[0]["datapoints"]
        self.assertEqual([value for value, _ in one], [4.5])

    def test_raw_and_csv(self):
        parameters = {"target": "servers.a.cpu", "from": self.times[0] - 60, "until": self.end}
        raw = harness.http(self.cluster.url("/render", format="raw", **parameters))[2].decode()
        values = ",".join(f"{i}.0" for i in range(10))
        self.assertEqual(raw, f"servers.a.cpu,{self.times[0]},{self.end + 60},60|{values}\n")
        csv = harness.http(self.cluster.url("/render", format="csv", **parameters))[2].decode()
        first = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.times[0]))
        self.assertEqual(csv.split("\r\n")[0], f"servers.a.cpu,{first},0.0")
        self.assertEqual(len(csv.strip().split("\r\n")), 10)

    def test_a_tagged_series_is_found_by_its_exact_name(self):
        found = self.values("tagged.disk;dc=x;rack=r1")
        self.assertEqual(list(found), ["tagged.disk;dc=x;rack=r1"])
        self.assertEqual(found["tagged.disk;dc=x;rack=r1"][-1], 5.0)

    def test_tagged_series_are_found_by_their_tags(self):
        def last(target):
            return {name: values[-1] for name, values in self.values(target).items()}
        self.assertEqual(last("seriesByTag('name=load')"),
                         {"load;dc=b;host=a": 1.0, "load;dc=b;host=c": 2.0, "load;dc=x;host=d": 3.0})
        self.assertEqual(last("aliasByTags(seriesByTag('name=load', 'dc=b'), 'host')"), {"a": 1.0, "c": 2.0})
        self.assertEqual(last("groupByTags(seriesByTag('name=~^lo'), 'sum', 'dc')"),
                         {"load;dc=b": 3.0, "load;dc=x": 3.0})
        self.assertEqual(last("seriesByTag('name=load','host!=a') | sumSeries() | alias('others')"), {"others": 5.0})
        self.assertEqual(last("seriesByTag('dc=nowhere')"), {})
        one = self.render("seriesByTag('host=d')")[0]
        self.assertEqual(one["tags"], {"name": "load", "host": "d", "dc": "x"})
        # Points that are in the cache only are there too.
        self.cluster.send_tcp(f"load;host=d;dc=x 33 {self.end}\n")
        harness.wait_until(lambda: last("seriesByTag('host=d')") == {"load;dc=x;host=d": 33.0}, "the new value is shown")

    def test_save_and_test_of_grafana(self):
        answer = self.cluster.get("/render", target="constantLine(100)", format="json", maxDataPoints=300)
        self.assertEqual([value for value, _ in answer[0]["datapoints"]], [100.0] * 3)

    def test_find_in_its_formats(self):
        find = self.cluster.get("/metrics/find", query="servers.*")
        self.assertEqual([(one["text"], one["leaf"], one["expandable"]) for one in find],
                         [("a", 0, 1), ("b", 0, 1), ("c", 0, 1)])
        # Grafana posts the query without encoding it.
        status, _, body = harness.http(self.cluster.url("/metrics/find"), "query=servers.{a,b}.*",
                                       {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual((status, [one["text"] for one in json.loads(body)]), (200, ["cpu"]))
        completer = self.cluster.get("/metrics/find", query="servers.a", format="completer")
        self.assertEqual(completer, {"metrics": [{"path": "servers.a.", "name": "a", "is_leaf": "0"}]})
        self.assertEqual(self.cluster.get("/metrics/find", query="no.such.*"), [])

    def test_expand_index_functions_and_version(self):
        self.assertEqual(self.cluster.get("/metrics/expand", query="servers.*.cpu"),
                         {"results": [f"servers.{host}.cpu" for host in HOSTS]})
        index = self.cluster.get("/metrics/index.json")
        self.assertEqual([name for name in index if name.startswith("servers.")],
                         [f"servers.{host}.cpu" for host in HOSTS])
        functions = self.cluster.get("/functions")
        for name in ("sumSeries", "sum", "alias", "movingAverage", "timeShift", "summarize"):
            self.assertEqual(functions[name]["name"], name)
            self.assertTrue(functions[name]["params"])
        self.assertEqual(self.cluster.get("/functions/scale")["group"], "Transform")
        self.assertRegex(harness.http(self.cluster.url("/version"))[2].decode(), r"^\d+\.\d+\.\d+\n?$")

    def test_answers_are_compressed_where_the_client_can(self):
        url = self.cluster.url("/render", target="servers.*.cpu", format="json", **{"from": "-1d"})
        _, headers, body = harness.http(url, headers={"Accept-Encoding": "gzip"})
        self.assertEqual(headers["Content-Encoding"], "gzip")
        import gzip
        self.assertEqual(len(json.loads(gzip.decompress(body))), 3)

    # ---- requests that are wrong ----

    def refused(self, path, status=400, **parameters):
        code, headers, body = harness.http(self.cluster.url(path, **parameters))
        self.assertEqual(code, status, body[:300])
        self.assertIn("application/json", headers["Content-Type"])
        return json.loads(body)["message"]

    def test_wrong_targets_are_400_and_name_the_place(self):
        cases = {
            "sumSeries(servers.a.cpu": "position 23",
            "servers.a.cpu)": "position 13",
            "sumSeries(,)": "position 10",
            "noSuchFunction(servers.a.cpu)": "noSuchFunction",
            "scale(servers.a.cpu)": "factor",
            "scale(servers.a.cpu,'x')": "factor",
            "scale(servers.a.cpu,1,2,3)": "scale",
            "summarize(servers.a.cpu,'0min')": "summarize",
            "summarize(servers.a.cpu,'-10min')": "summarize",
            "movingAverage(servers.a.cpu,'soon')": "movingAverage",
            "groupByNode(servers.*.cpu,1,'noSuchFunction')": "noSuchFunction",
            "grep(servers.*.cpu,'(')": "grep",
            "seriesByTag('name=load','oops')": "position 24",
            "seriesByTag('name!=load')": "at position 0",
            "seriesByTag('name=~(')": "malformed regex",
            "alias(servers.a.cpu,'open": "position",
        }
        for target, part in cases.items():
            with self.subTest(target=target):
                self.assertIn(part, self.refused("/render", target=target, format="json"))

    def test_wrong_times_and_limits_are_400(self):
        self.assertIn("yesterdayish", self.refused("/render", target="a", **{"from": "yesterdayish"}))
        self.assertIn("time", self.refused("/render", target="a", **{"from": 100, "until": 100}))
        self.assertTrue(self.refused("/metrics/find"))
        self.assertTrue(self.refused("/metrics/find", query=""))

    def test_hostile_requests_are_refused_within_bounds(self):
        deep = "alias(" * 10_000 + "a" + ",'x')" * 10_000
        wide = "a.{" + ",".join(str(i) for i in range(20_000)) + "}"
        for target in (deep, wide, "{" * 5_000, "a" * 500_000, "*." * 5_000 + "*"):
            body = urllib.parse.urlencode({"target": target, "format": "json"})
            status, _, answer = harness.http(self.cluster.url("/render"), body)
            self.assertIn(status, (200, 400, 413, 422), answer[:200])
        self.assertEqual(self.values("servers.a.cpu")["servers.a.cpu"][0], 0.0)

    def test_an_unknown_path_is_404_with_a_message(self):
        self.assertTrue(self.refused("/no/such/path", status=404))


if __name__ == "__main__":
    unittest.main()
