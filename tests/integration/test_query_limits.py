"""Requests that are wrong, huge or hostile, against the real services: each is answered in bounded time
and memory, and the service serves on. Then what operators do about queries: list, kill, block, limits."""

import json
import os
import pathlib
import subprocess
import threading
import time
import unittest
import urllib.parse

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[ten]\npattern = ^ten\nretentions = 10s:1h,1m:1d\n[minute]\npattern = .*\nretentions = 60s:1d\n"
ANSWER_SECONDS_MAX = 20
MEMORY_GROWTH_MAX = 400 << 20


def hostile_requests():
    """(name, parameters of /render). What a client may try."""
    deep = "absolute(" * 10_000 + "ten.a" + ")" * 10_000
    explode = "(((a*)*)*)*" * 20 + "b"
    return [
        ("zero interval", [("target", 'summarize(ten.a,"0min")')]),
        ("negative interval", [("target", 'summarize(ten.a,"-10min")')]),
        ("a target of 1 MB", [("target", "sum(" + "a" * (1 << 20) + ")")]),
        ("a target of 60 KB", [("target", "sum(" + ",".join(["ten.a"] * 10_000) + ")")]),
        ("nesting", [("target", deep)]),
        ("nesting below the length limit", [("target", deep[:60_000])]),
        ("a million braces", [("target", "{" * 1_000_000)]),
        ("60,000 braces", [("target", "{" * 60_000)]),
        ("braces that multiply", [("target", "ten." + "{a,b}" * 30)]),
        ("an exploding regex", [("target", f"grep(ten.*,'{explode}')")]),
        ("a counted regex", [("target", "grep(ten.*,'((a{1000}){1000}){1000}')")]),
        ("an exploding tag regex", [("target", f"seriesByTag('name=~{explode}')")]),
        ("stars", [("target", "*" * 5000)]),
        ("the year 9999", [("target", "ten.a"), ("from", "19700101"), ("until", "99991231")]),
        ("constant lines to the year 9999", [("target", "timeFunction('x',1)"), ("from", "1"),
                                             ("until", "99991231")]),
        ("epochs beyond 64 bits", [("target", "ten.a"), ("from", "9" * 40)]),
        ("a step of zero", [("target", "timeFunction('x',0)")]),
        ("a negative step", [("target", "randomWalk('x',-60)")]),
        ("NaN", [("target", "scale(ten.a,nan)"), ("xFilesFactor", "nan")]),
        ("infinity", [("target", "scale(ten.a,1e308)|scale(1e308)")]),
        ("division by zero", [("target", "divideSeries(ten.a,scale(ten.b,0))")]),
        ("mixed retentions", [("target", "sumSeries(ten.a,minute.a)"), ("from", "-6h")]),
        ("a window of 100 years", [("target", "movingAverage(ten.a,'100y')")]),
        ("many copies", [("target", "timeStack(ten.a,'1d',0,100000000)")]),
        ("a picture of gigapixels", [("target", "ten.a"), ("format", "png"), ("width", "1000000"),
                                     ("height", "1000000")]),
        ("10,000 targets", [("target", "ten.a")] * 10_000),
        ("zeros and control bytes", [("target", "\0\1\xff('\0")]),
        ("no points at all", [("target", "ten.a"), ("maxDataPoints", "-1"), ("cacheTimeout", "-1")]),
    ]


class QueryLimitsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = harness.Cluster(BIN, shards=1, schemas=SCHEMAS,
                                      cache_flags=["--flush-age", "300ms"],
                                      query_flags=["--slow-query-threshold", "0s",
                                                   "--result-cache-bytes", "1MiB"])
        cls.cluster.__enter__()
        now = int(time.time())
        cls.cluster.send_tcp("".join(f"{name} {i} {now - 10 * i}\n" for i in range(60)
                                     for name in ("ten.a", "ten.b", "minute.a")))
        cls.cluster.wait_until_stored(100)
        harness.wait_until(lambda: cls.render([("target", "ten.*"), ("noCache", "1")])[0] == 200, "ready")

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    @classmethod
    def render(cls, parameters, headers=None):
        fields = parameters if any(k == "format" for k, _ in parameters) else [*parameters, ("format", "json")]
        return harness.http(cls.cluster.url("/render"), urllib.parse.urlencode(fields), headers,
                            timeout=ANSWER_SECONDS_MAX)

    def ctl(self, *arguments):
        return subprocess.run([str(pathlib.Path(BIN) / "plumbagoctl"), "query", *arguments, "--query",
                               self.cluster.query.address], capture_output=True, text=True, timeout=20)

    def test_no_request_takes_the_service_down(self):
        memory_before = self.cluster.query.memory_bytes("VmHWM")
        for name, parameters in hostile_requests():
            with self.subTest(name):
                begin = time.monotonic()
                status, _, body = self.render(parameters)
                self.assertIn(status, (200, 400, 413, 422), body[:300])
                self.assertLess(time.monotonic() - begin, ANSWER_SECONDS_MAX)
                if status != 200:
                    self.assertTrue(json.loads(body)["message"], name)
                self.assertIsNone(self.cluster.query.process.poll(), f"{name}: the service has ended")
        for store in self.cluster.stores:
            self.assertIsNone(store.process.poll())
        self.assertLess(self.cluster.query.memory_bytes("VmHWM") - memory_before, MEMORY_GROWTH_MAX)
        self.assertEqual(self.render([("target", "ten.a")])[0], 200)

    def test_equal_requests_at_once_and_again_are_answered_from_one(self):
        until = int(time.time()) - 120
        fields = [("target", "ten.*"), ("from", str(until - 300)), ("until", str(until))]
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.render(fields))) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({status for status, _, _ in answers}, {200})
        self.assertEqual(len({body for _, _, body in answers}), 1)
        outcomes = [headers["X-Plumbago-Cache"] for _, headers, _ in answers]
        self.assertLess(outcomes.count("miss"), 12)
        self.assertEqual(self.render(fields)[1]["X-Plumbago-Cache"], "hit")
        self.assertIsNone(self.render([*fields, ("noCache", "1")])[1]["X-Plumbago-Cache"])

    def test_queries_are_listed_killed_and_blocked(self):
        self.cluster.stores[0].suspend()
        try:
            answers = []
            client = threading.Thread(target=lambda: answers.append(self.render(
                [("target", "ten.killme"), ("noCache", "1")], {"X-Dashboard-Uid": "board", "X-Panel-Id": "7"})))
            client.start()

            def listed():
                queries = json.loads(self.ctl("list", "--output", "json").stdout).get("query", [])
                return [one for one in queries if one["text"] == "ten.killme" and one["state"] == "running"]
            query = harness.wait_until(listed, "the query is listed")[0]
            self.assertEqual((query["dashboard"], query["panel"]), ("board", "7"))
            begin = time.monotonic()
            self.assertEqual(self.ctl("kill", str(query["id"])).returncode, 0)
            client.join()
            self.assertLess(time.monotonic() - begin, 5)
            self.assertEqual(answers[0][0], 503)
            self.assertIn(b"an operator has ended this query", answers[0][2])
        finally:
            self.cluster.stores[0].resume()
            harness.wait_until(lambda: self.render([("target", "ten.a"), ("noCache", "1")])[0] == 200,
                               "the store is asked again")
        self.assertNotEqual(self.ctl("kill", "999999").returncode, 0)
        blocked = self.ctl("block", "--target", "^never", "--for", "1m", "--note", "see the wiki")
        self.assertEqual(blocked.returncode, 0, blocked.stderr)
        status, _, body = self.render([("target", "never.again")])
        self.assertEqual(status, 403)
        self.assertIn(b"see the wiki", body)
        self.assertIn("^never", self.ctl("blocks").stdout)
        self.assertEqual(self.ctl("unblock", "1").returncode, 0)
        self.assertEqual(self.render([("target", "never.again")])[0], 200)

    def test_slow_queries_are_logged_with_their_phases(self):
        def lines():  # asked again, as lines are bounded
            self.render([("target", "ten.logged"), ("noCache", "1")], {"X-Dashboard-Uid": "my \"board\""})
            return [line for line in self.cluster.query.log().splitlines() if "ten.logged" in line]
        line = harness.wait_until(lines, "the query is in the log", 30)[0]
        self.assertIn("tenant=default", line)
        self.assertIn(" fetch_ms=", line)
        self.assertIn('dashboard="my \\"board\\""', line)


if __name__ == "__main__":
    unittest.main()
