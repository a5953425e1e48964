"""A shard that stops answering: what requests cost then, what they say, and how soon all is well again.

Four shards, one of whose services get SIGSTOP. The times are printed; only deadlines are asserted.
"""

import json
import os
import pathlib
import subprocess
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[minute]\npattern = .*\nretentions = 60s:1d\n"
SHARD_TIMEOUT_SECONDS = 2
# For the way of an answer on a busy machine, beside the deadline itself.
SLACK_SECONDS = 2
SERIES = 40


def is_stopped(service):
    """Whether every thread has stopped: a busy one does so only when it is run next."""
    tasks = pathlib.Path(f"/proc/{service.process.pid}/task").iterdir()
    return all(task.joinpath("stat").read_text().rsplit(") ", 1)[1].startswith("T") for task in tasks)


class SlowShardTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = harness.Cluster(BIN, shards=4, schemas=SCHEMAS, cache_flags=["--flush-age", "300ms"],
                                      query_flags=["--shard-timeout", f"{SHARD_TIMEOUT_SECONDS}s"])
        cls.cluster.__enter__()
        cls.end = int(time.time()) // 60 * 60
        cls.cluster.send_tcp("".join(f"slow.n{i} {i} {cls.end}\n" for i in range(SERIES)))
        cls.cluster.wait_for_series("slow.*", SERIES)
        cls.cluster.wait_until_stored(SERIES)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def render(self, **more):
        """Status, the missing shards, how many series, and the seconds that it took."""
        begin = time.monotonic()
        status, headers, body = harness.http(self.cluster.url(
            "/render", target="slow.*", format="json", **{"from": self.end - 600, "until": self.end, **more}),
            timeout=30)
        taken = time.monotonic() - begin
        count = len(json.loads(body)) if status == 200 else 0
        return status, headers.get("X-Plumbago-Partial", ""), count, taken

    def run_for(self, seconds):
        answers = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answers.append(self.render())
        return answers

    def shown_shards(self):
        out = subprocess.run([f"{BIN}/plumbagoctl", "shards", "--query", self.cluster.query.address,
                              "--output", "json"], check=True, capture_output=True, text=True).stdout
        return {shard["id"]: shard for shard in json.loads(out)["shard"]}

    @staticmethod
    def describe(name, answers):
        times = sorted(taken for _, _, _, taken in answers)
        p99 = times[int(len(times) * 0.99)]
        print(f"{name}: {len(times)} requests, median {times[len(times) // 2] * 1e3:.1f} ms, "
              f"p99 {p99 * 1e3:.1f} ms, max {times[-1] * 1e3:.1f} ms")

    def test_a_stopped_shard_costs_one_deadline_and_is_named_until_it_is_back(self):
        healthy = self.run_for(2)
        self.assertTrue(all(answer[:3] == (200, "", SERIES) for answer in healthy), healthy[:3])
        self.describe("healthy", healthy)

        stopped = [self.cluster.stores[2], self.cluster.caches[2]]
        for service in stopped:
            service.suspend()
        try:
            harness.wait_until(lambda: all(is_stopped(service) for service in stopped), "the shard has stopped")
            first = self.run_for(2)
            later = self.run_for(4)
            self.describe("first 2 s", first)
            self.describe("from 2 s on", later)
            for status, missing, count, taken in first + later:
                self.assertEqual(status, 200)
                self.assertIn("shard-2", missing)
                for other in ("shard-0", "shard-1", "shard-3"):
                    self.assertNotIn(other, missing)
                self.assertTrue(0 < count < SERIES, count)
                self.assertLess(taken, SHARD_TIMEOUT_SECONDS + SLACK_SECONDS)
            self.assertTrue(all("breaker open" in missing for _, missing, _, _ in later[-3:]), later[-3:])
            self.assertEqual(self.cluster.query.metric("plumbago_query_breaker_state", shard="shard-2",
                                                       service="store"), 2)
            shards = self.shown_shards()
            self.assertEqual(shards["shard-2"]["store"]["state"], "OPEN")
            self.assertTrue(shards["shard-2"]["store"]["reason"])
            self.assertEqual(shards["shard-1"]["store"].get("state", "CLOSED"), "CLOSED")
            self.assertEqual(self.render(partial="deny")[0], 503)
            self.assertEqual(self.render(partial="allow")[:2], (200, ""))
        finally:
            for service in stopped:
                service.resume()
        begin = time.monotonic()
        harness.wait_until(lambda: self.render()[:3] == (200, "", SERIES), "all shards answer again", 20)
        print(f"whole again {time.monotonic() - begin:.1f} s after SIGCONT")
        self.assertEqual(self.cluster.query.metric("plumbago_query_breaker_state", shard="shard-2",
                                                   service="store"), 0)


if __name__ == "__main__":
    unittest.main()
