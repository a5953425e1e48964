"""Groups of series that the stores reduce are what the series themselves add up to, with points that are
stored, points that are in the caches only, and late ones.

What is expected is computed here, from the series as /render gives them one by one.
"""

import os
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[minute]\npattern = .*\nretentions = 60s:1d\n"
HOSTS = 4
SERIES = 60
MINUTES = 50


def names():
    return [f"red.host{i % HOSTS}.m{i}" for i in range(SERIES)]


def by_step(series, combine):
    """{time: combine(values)} over the series' points."""
    values = {}
    for points in series:
        for at, value in points.items():
            values.setdefault(at, []).append(value)
    return {at: combine(one) for at, one in values.items()}


COMBINE = {"sum": sum, "min": min, "max": max, "average": lambda values: sum(values) / len(values),
           "count": len, "range": lambda values: max(values) - min(values)}


class ReductionsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # New series are stored at once; points that come later stay in the caches.
        cls.cluster = harness.Cluster(BIN, shards=2, schemas=SCHEMAS, cache_flags=["--flush-age", "1h", "--flush-linger", "1s"],
                                      query_flags=["--reduce-series-min", "10"])
        cls.cluster.__enter__()
        cls.end = int(time.time()) // 60 * 60
        # Each series lacks some points; the last three minutes are still to come.
        lines = [f"{name} {i * 7 % 50 + minute / 4} {cls.end - minute * 60}\n"
                 for i, name in enumerate(names()) for minute in range(3, MINUTES) if (i + minute) % 5 > 0]
        cls.cluster.send_tcp("".join(lines))
        cls.cluster.wait_until_stored(len(lines))

        def is_reduced():
            cls.cluster.points("sumSeries(red.*.*)", cls.end - MINUTES * 60, cls.end)
            return cls.cluster.query.metric("plumbago_query_groups_reduced_total") > 0
        harness.wait_until(is_reduced, "the caches have no points that are stored")

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def counts(self):
        query = self.cluster.query
        return (query.metric("plumbago_query_groups_reduced_total"),
                query.metric("plumbago_query_groups_not_reduced_total"))

    def points(self, target):
        return self.cluster.points(target, self.end - MINUTES * 60, self.end)

    def check(self):
        series = self.points("red.*.*")
        self.assertEqual(len(series), SERIES)
        reduced, whole = self.counts()
        for word, combine in COMBINE.items():
            (result,) = self.points(f"aggregate(red.*.*,'{word}')").values()
            self.assertEqual(result, by_step(series.values(), combine), word)
            groups = self.points(f"groupByNode(red.*.*,1,'{word}')")
            self.assertEqual(groups, {f"host{host}": by_step(
                [points for name, points in series.items() if f".host{host}." in name], combine)
                for host in range(HOSTS)}, word)
        self.assertEqual(self.counts(), (reduced + len(COMBINE) * (1 + HOSTS), whole))
        return series

    def send_hot(self, points):
        """(name, value, minutes ago), which stay in the caches."""
        before = self.cluster.unstored_points()
        self.cluster.send_tcp("".join(f"{name} {value} {self.end - minute * 60}\n" for name, value, minute in points))
        harness.wait_until(lambda: self.cluster.unstored_points() == before + len(points), "the caches have them")

    def test_groups_are_what_their_series_add_up_to(self):
        self.check()
        self.send_hot([(name, i, minute) for i, name in enumerate(names()) for minute in range(3)])
        series = self.check()
        self.assertEqual(series[names()[5]][self.end], 5)
        # New values of old steps, in two of the series.
        self.send_hot([(names()[7], 1000, 30), (names()[8], -1000, 31), (names()[8], -2000, 5)])
        series = self.check()
        self.assertEqual(series[names()[7]][self.end - 30 * 60], 1000)


if __name__ == "__main__":
    unittest.main()
