"""Grafana's Graphite data source against the real services, in its three personalities: the browser
with targets as written (9 to 11.5), the browser with aliasSub wrappers (11.6 to 12), and the Go
backend (alerting on all, panels on 13). Answers are read as strictly as Go reads them.
"""

import concurrent.futures
import gzip
import http.client
import json
import os
import re
import time
import unittest
import urllib.parse

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[minute]\npattern = .*\nretentions = 60s:1d\n"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def refuse_constant(text):
    raise ValueError(f"{text} is no JSON")


def strict(body):
    """RFC 8259, numbers that a float64 holds, as Go's decoder."""
    def number(text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise ValueError(f"{text} overflows")
        return value
    return json.loads(body, parse_constant=refuse_constant, parse_float=number)


def component(text):
    return urllib.parse.quote(text, safe="()*'!~._-")  # encodeURIComponent


class Personality:
    """How one generation of Grafana asks for the targets of a panel; answers {refId: series}."""

    def __init__(self, test):
        self.test = test

    def post(self, body, query=""):
        status, _, answer = harness.http(self.test.cluster.url("/render") + query, body, FORM)
        self.test.assertEqual(status, 200, answer[:300])
        return strict(answer)


class Plain(Personality):
    def send(self, targets, start, end, points=500):
        body = "&".join(["target=" + component(self.written(ref, target)) for ref, target in targets.items()]
                        + [f"from={start}", f"until={end}", "format=json", f"maxDataPoints={points}"])
        return self.read(targets, self.post(body))

    def written(self, _ref, target):
        return target

    def read(self, _targets, series):
        return [(one["target"], one["datapoints"]) for one in series]


class Wrapped(Plain):
    def written(self, ref, target):
        return f'aliasSub({target}, "(^.*$)", "\\1 {ref}")'

    def read(self, targets, series):
        names = []
        for one in series:
            words = one["target"].split(" ")
            self.test.assertIn(words[-1], targets, one["target"])
            names.append((" ".join(words[:-1]), one["datapoints"]))
        return names


class Backend(Personality):
    def send(self, targets, start, end, points=43200):
        answers = []
        for target in targets.values():
            body = urllib.parse.urlencode(sorted({"format": "json", "from": start, "maxDataPoints": points,
                                                  "target": target, "until": end}.items()))
            answers += [(one["target"], one["datapoints"]) for one in self.post(body)]
        return answers


class GrafanaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = harness.Cluster(BIN, shards=2, schemas=SCHEMAS, cache_flags=["--flush-age", "300ms"])
        cls.cluster.__enter__()
        try:
            cls.fill()
        except BaseException:
            cls.cluster.__exit__(None, None, None)
            raise

    @classmethod
    def fill(cls):
        cls.end = int(time.time()) // 60 * 60
        cls.times = [cls.end - 60 * i for i in range(4, -1, -1)]
        cls.cluster.send_tcp("".join(
            f"prod.{host}.count {n} {at}\nmem;host={host};dc=x {n} {at}\n"
            for n, host in enumerate(("a", "b")) for at in cls.times))
        cls.cluster.wait_for_series("prod.*.count", 2)
        cls.cluster.wait_until_stored(20)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def each(self):
        return [kind(self) for kind in (Plain, Wrapped, Backend)]

    def names(self, personality, **targets):
        return [name for name, _ in personality.send(targets, self.times[0] - 60, self.end)]

    def post(self, path, body, headers=FORM, **parameters):
        return harness.http(self.cluster.url(path, **parameters), body, headers)

    # Rows 1 and 2.
    def test_save_and_test_has_a_series_with_points(self):
        for body in ("target=constantLine(100)&format=json&maxDataPoints=300",
                     'target=aliasSub(constantLine(100)%2C%20%22(%5E.*%24)%22%2C%20%22%5C1%20A%22)&format=json',
                     f"format=json&from={self.end - 3600}&maxDataPoints=100&target=constantLine%28100%29&until={self.end}"):
            status, _, answer = self.post("/render", body)
            self.assertEqual(status, 200)
            self.assertEqual(len(strict(answer)), 1)
            self.assertGreaterEqual(len(strict(answer)[0]["datapoints"]), 2)

    # Rows 3 and 4: references are replaced by the client; one that is unknown gets here.
    def test_targets_keep_their_order_and_references_are_harmless(self):
        for personality in self.each():
            self.assertEqual(self.names(personality, A="prod.b.count", B="sumSeries(prod.*.count)", C="prod.a.count"),
                             ["prod.b.count", "sumSeries(prod.*.count)", "prod.a.count"])
            self.assertEqual(self.names(personality, C="scale(sumSeries(prod.a.count,prod.b.count),2)"),
                             ["scale(sumSeries(prod.a.count,prod.b.count),2)"])
        status, _, body = self.post("/render", "target=" + component("sumSeries(#Z)") + "&format=json")
        self.assertIn(status, (200, 400))
        self.assertEqual(type(strict(body)), list if status == 200 else dict)

    # Row 5.
    def test_names_of_all_kinds_survive_the_wrapper(self):
        cases = {"alias(constantLine(99),'99%')": "99%", "alias(prod.a.count,'a b')": "a b",
                 "alias(prod.a.count,'\u00fc \u20ac')": "\u00fc \u20ac", "mem;dc=x;host=a": "mem;dc=x;host=a",
                 "seriesByTag('name=mem','host=b')": "mem;dc=x;host=b", "alias(prod.a.count,'a\\\\1b')": None,
                 "constantLine(5)": None, "alias(prod.a.count,'')": ""}
        for personality in self.each():
            for target, name in cases.items():
                found = self.names(personality, A=target)
                self.assertEqual(len(found), 1, target)
                if name is not None:
                    self.assertEqual(found, [name])
            self.assertEqual(self.names(personality, A="nothing.here"), [])

    # Row 6.
    def test_spaces_in_both_encodings_and_raw_find_bodies(self):
        for space in ("+", "%20"):
            _, _, body = self.post("/render", f"target=alias(prod.a.count,'a{space}b')&format=json")
            self.assertEqual(strict(body)[0]["target"], "a b")
        for query, found in (("prod.{a,b}.*", ["count"]), ("prod.*", ["a", "b"]), ("prod.%", []), ("prod.^(a|b)$", [])):
            status, _, body = self.post("/metrics/find", f"query={query}", **{"from": "-6h", "until": "now"})
            self.assertEqual((status, [one["text"] for one in strict(body)]), (200, found), query)

    # Rows 7 and 8.
    def test_intervals_and_time_forms(self):
        for personality in self.each():
            for interval in ("5min", "1mon"):
                self.assertEqual(len(self.names(personality, A=f"summarize(prod.a.count,'{interval}','sum')")), 1)
            for start in ("-24h", "-5min", "-1mon", "-90s", self.times[0]):
                self.assertEqual(len(personality.send({"A": "prod.a.count"}, start, "now")), 1, start)
        swapped = self.cluster.get("/render", target="prod.a.count", format="json",
                                   **{"from": self.end, "until": self.times[0] - 60})
        self.assertEqual(len(swapped[0]["datapoints"]), 5)
        status, _, body = self.post("/render", f"target=a&format=json&from={self.end}&until={self.end}")
        self.assertEqual(status, 400)
        self.assertIn("empty time range", strict(body)["message"])

    # Row 9.
    def test_max_data_points(self):
        for points in (1, 100, 1500, 43200, ""):
            found = Plain(self).send({"A": "prod.b.count"}, self.times[0] - 60, self.end, points)
            self.assertEqual(len(found[0][1]), 1 if points == 1 else 5)

    # Row 10.
    def test_meta_is_read_from_url_and_body(self):
        for body, query in (("target=prod.a.count&format=json", "?meta=true"),
                            ("target=prod.a.count&format=json&meta=true", "")):
            answer = Personality(self).post(body, query)
            self.assertEqual(answer["version"], "v0.1")
            self.assertEqual(type(answer["meta"]["stats"]), dict)
            self.assertEqual([one["target"] for one in answer["series"]], ["prod.a.count"])
            lineage, = answer["series"][0]["meta"]
            self.assertEqual((lineage["schema-retentions"], lineage["archive-read"], lineage["aggnum-rc"],
                              lineage["count"]), ("1min:1d", 0, 0, 1))
        answer = Personality(self).post("target=sumSeries(prod.*.count)&format=json&maxDataPoints=10&meta=true")
        lineage, = answer["series"][0]["meta"]
        self.assertEqual((lineage["consolidator-normfetch"], lineage["count"]), ("AverageConsolidator", 2))
        self.assertGreater(lineage["aggnum-rc"], 1)

    # Row 11.
    def test_functions_map_to_what_the_editor_needs(self):
        functions = strict(re.sub(rb'"default": ?1e9999', b'"default":0', harness.http(self.cluster.url("/functions"))[2]))
        types = set()
        for name, function in functions.items():
            self.assertEqual(function["name"], name)
            self.assertTrue(all(function[key] for key in ("function", "description", "module", "group")), name)
            for parameter in function["params"]:
                self.assertTrue(parameter["name"])
                types.add(parameter["type"])
        self.assertLessEqual(types, {"boolean", "date", "float", "integer", "interval", "intOrInterval", "intOrInf",
                                     "node", "nodeOrTag", "series", "seriesList", "seriesLists", "string", "tag", "any",
                                     "aggFunc", "aggOrSeriesFunc"})

    # Row 12.
    def test_tags_are_completed_however_grafana_asks(self):
        tags = "/tags/autoComplete/tags"
        self.assertEqual(self.cluster.get(tags), ["dc", "host", "name"])
        self.assertEqual(self.cluster.get(tags, expr="name=mem"), ["dc", "host"])
        self.assertEqual(self.cluster.get(tags, expr=["name=mem", "dc=x"]), ["host"])
        self.assertEqual(self.cluster.get(tags, **{"expr[]": ["name=mem", "dc=x"]}), ["host"])
        self.assertEqual(self.cluster.get(tags, tagPrefix="", limit=0, until="undefined", **{"from": "undefined"}),
                         ["dc", "host", "name"])
        self.assertEqual(self.cluster.get(tags, tagPrefix="h", limit=10000), ["host"])
        values = "/tags/autoComplete/values"
        self.assertEqual(self.cluster.get(values, tag="host", expr="dc=x", limit=10000), ["a", "b"])
        self.assertEqual(self.cluster.get(values, tag="host", valuePrefix="b", limit=0), ["b"])
        self.assertEqual(self.cluster.get("/tags/host"), {
            "tag": "host", "values": [{"value": "a", "count": 1}, {"value": "b", "count": 1}]})

    # Row 13.
    def test_find_has_numbers_where_go_reads_integers(self):
        for one in self.cluster.get("/metrics/find", query="*"):
            for key in ("allowChildren", "expandable", "leaf"):
                self.assertIs(type(one[key]), int)
            self.assertEqual(one["context"], {})

    # Row 14: as Grafana's annotations ask, raw and encoded.
    def test_events_have_a_list_of_tags_and_a_whole_second(self):
        def add(**event):
            status, _, body = self.post("/events/", json.dumps(event), {"Content-Type": "application/json"})
            self.assertEqual((status, body), (200, b""))
        add(what="deploy", tags=["web", "v2"], when=self.end - 30, data="by hand")
        add(what="restart", tags="web db", when=self.end - 20.5)
        add(what="now")
        raw = harness.http(self.cluster.url("/events/get_data") + f"?from={self.end - 60}&until=now&tags=web%20v2")
        self.assertEqual(strict(raw[2]), [{"when": self.end - 30, "what": "deploy", "data": "by hand",
                                           "tags": ["web", "v2"], "id": 1}])
        self.assertIs(type(strict(raw[2])[0]["when"]), int)
        found = self.cluster.get("/events/get_data", tags="web", until="now", **{"from": "-24h"})
        self.assertEqual([one["what"] for one in found], ["deploy", "restart"])
        self.assertEqual(found[1]["when"], self.end - 21)
        self.assertEqual(self.cluster.get("/events/2/")["tags"], ["web", "db"])
        self.assertEqual(harness.http(self.cluster.url("/events/9"))[0], 404)
        for personality in self.each():
            (name, points), = personality.send({"A": "events('web')"}, self.end - 60, self.end)
            self.assertEqual(name, 'events("web")')
            self.assertEqual([time for value, time in points if value], [self.end - 30, self.end - 21])
        # They are where all query services find them, and survive the controller.
        self.cluster.controller.stop()
        self.assertEqual(harness.http(self.cluster.url("/events/get_data"))[0], 503)
        status, headers, _ = harness.http(self.cluster.url("/render", target="events('*')", format="json"))
        self.assertEqual(status, 200)
        self.assertIn("events (", headers["X-Plumbago-Partial"])
        self.cluster.controller.start().wait_ready()
        harness.wait_until(lambda: harness.http(self.cluster.url("/events/get_data"))[0] == 200, "events are back")
        self.assertEqual(len(self.cluster.get("/events/get_data")), 3)

    # Row 15.
    def test_the_version_has_three_parts(self):
        self.assertRegex(harness.http(self.cluster.url("/version"))[2].decode().strip(), r"^\d+\.\d+\.\d+$")

    # Row 16.
    def test_what_is_not_finite_is_null(self):
        for personality in self.each():
            found = personality.send({"A": "divideSeries(prod.b.count,prod.a.count)",
                                      "B": "pow(scale(prod.b.count,1e200),9)",
                                      "C": "logarithm(prod.a.count)"}, self.times[0] - 60, self.end)
            self.assertEqual(len(found), 3)
            self.assertTrue(all(value is None for _, points in found for value, _ in points))

    # Row 17.
    def test_gzip_is_the_only_compression(self):
        for accepted, used in (("gzip", "gzip"), ("deflate", None), ("br, deflate", None), ("deflate, gzip", "gzip")):
            _, headers, body = harness.http(self.cluster.url("/functions"), headers={"Accept-Encoding": accepted})
            self.assertEqual(headers.get("Content-Encoding"), used)
            strict((gzip.decompress(body) if used else body).replace(b"1e9999", b"0"))

    # Row 18.
    def test_errors_have_a_message(self):
        for path, parameters in (("/render", {"target": "nosuch(a)", "format": "json"}), ("/metrics/find", {}),
                                 ("/tags/autoComplete/values", {}), ("/functions/nosuch", {}), ("/nowhere", {}),
                                 ("/tags/findSeries", {"expr": "bad"}), ("/metrics/expand", {"query": "a..b"})):
            status, headers, body = harness.http(self.cluster.url(path, **parameters))
            self.assertIn(status, (400, 404))
            self.assertIn("application/json", headers["Content-Type"])
            self.assertTrue(strict(body)["message"])
            self.assertNotIn(b"<", body[:1])

    # Row 19.
    def test_a_missing_key_is_401(self):
        port = harness.free_port()
        query = harness.Service(self.cluster, "query-keys", "plumbago-query",
                                ["--controller", self.cluster.controller.address, "--auth", "keys",
                                 "--http-listen", f"127.0.0.1:{port}"])
        query.start()
        try:
            query.wait_ready()
            for path in ("/render?target=a&format=json", "/metrics/find?query=*", "/tags/autoComplete/tags"):
                status, headers, body = harness.http(f"http://127.0.0.1:{port}{path}",
                                                     headers={"Authorization": "Bearer wrong"})
                self.assertEqual(status, 401, path)
                self.assertIn("Basic", headers["WWW-Authenticate"])
                self.assertTrue(strict(body)["message"])
        finally:
            query.stop()

    # Row 20.
    def test_many_queries_of_a_panel_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda n: self.names(Backend(self), A=f"scale(prod.a.count,{n})"), range(10)))
        self.assertEqual(answers, [[f"scale(prod.a.count,{n})"] for n in range(10)])

    # Rows 21 and 22.
    def test_paths_with_more_slashes_and_get(self):
        for path in ("/render/", "//render", "//render//"):
            status, _, body = self.post(path, "target=prod.a.count&format=json")
            self.assertEqual((status, strict(body)[0]["target"]), (200, "prod.a.count"))
        self.assertEqual(self.cluster.get("/render", target="prod.a.count", format="json")[0]["target"], "prod.a.count")

    # Row 23.
    def test_a_body_beyond_the_limit_is_refused_by_us(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.cluster.http_port, timeout=10)
        connection.putrequest("POST", "/render")
        connection.putheader("Content-Length", str(200 << 20))
        connection.endheaders()
        answer = connection.getresponse()
        self.assertEqual(answer.status, 413)
        self.assertTrue(strict(answer.read())["message"])
        connection.close()

    # Row 24.
    def test_preflight_of_a_browser(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.cluster.http_port, timeout=10)
        connection.request("OPTIONS", "/render", headers={"Origin": "http://grafana", "Access-Control-Request-Method": "POST"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 204)
        self.assertEqual(answer.getheader("Access-Control-Allow-Origin"), "*")
        self.assertIn("POST", answer.getheader("Access-Control-Allow-Methods"))
        connection.close()


if __name__ == "__main__":
    unittest.main()
