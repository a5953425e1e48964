#!/usr/bin/python3
"""/render of running services and of graphite-web, over the same whisper files.

Usage: render_conformance_test.py [--seed N] [--now T] [--count N] [--only N]     (PLUMBAGO_BIN: the programs)

The targets of function_conformance_test.py, which compares functions in memory, and targets over 96 series, whose
groups the store reduces: here with whisper's archives, fetch ranges, consolidation by maxDataPoints and JSON between
them. graphite-web runs in this process under Django's client. Values agree to 1e-9 relative; names, times, null
positions, tags and the order of series exactly. Ranges and maxDataPoints are random; `--count N` asks only for a
random choice of the targets. `--now T` makes the files and asks as if it were T: where steps and bands begin decides
what is compared, so a run is repeated by seed and time.
"""
import argparse
import datetime
import json
import logging
import os
import pathlib
import random
import re
import shutil
import sys
import time
import types
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

import function_conformance_test as functions_test  # noqa: E402  pylint: disable=wrong-import-position
import graphite_setup  # noqa: E402  pylint: disable=wrong-import-position
import harness  # noqa: E402  pylint: disable=wrong-import-position
import pytz  # noqa: E402  pylint: disable=wrong-import-position
import whisper  # noqa: E402  pylint: disable=wrong-import-position

RETENTIONS = {60: [(60, 2880), (300, 2016), (3600, 720)], 120: [(120, 2880)], 300: [(300, 2016), (3600, 720)],
              3600: [(3600, 720)]}
GROUPED = [f"many.g{group}.s{member}.v" for group in range(6) for member in range(16)]
METHODS = ["sum", "average", "min", "max", "count", "last", "stddev", "range", "avg_zero"]
REDUCED = [
    *[f"aggregate(many.*.*.v,'{method}')" for method in METHODS],
    *[f"groupByNode(many.*.*.v,1,'{method}')" for method in METHODS],
    *[f"aggregateWithWildcards(many.*.*.v,'{method}',2)" for method in METHODS],
    *[f"{name}Series(many.*.*.v)" for name in ("sum", "average", "min", "max", "stddev", "count", "diff", "rangeOf")],
    "sumSeries(many.*.*.v,web.*.cpu)", "sumSeries(many.*.*.v,slow.*)", "sumSeriesWithWildcards(many.*.*.v,1,2)",
    "aggregate(many.*.*.v,'sum',0.9)", "groupByNodes(many.*.*.v,'sum',0,1)", "sumSeries(many.g1.*.v,many.g{2,3}.*.v)",
    "movingAverage(sumSeries(many.*.*.v),5)", "summarize(groupByNode(many.*.*.v,1,'max'),'10min')",
    "asPercent(groupByNode(many.*.*.v,1,'sum'),sumSeries(many.*.*.v))", "timeShift(sumSeries(many.*.*.v),'1h')",
    "groupByNode(many.*.*.v,0,'sum')|scale(2)", "sumSeries(consolidateBy(many.*.*.v,'max'))",
    "averageSeriesWithWildcards(many.*.*.v,1)", "highestAverage(groupByNode(many.*.*.v,1,'avg'),2)",
]

# Beyond those of function_conformance_test.py: of a target, and of what graphite-web's failure says.
DEVIATIONS = [
    (r"holtWintersAberration\(", "", "1.1.8 fails where a finer archive does not reach back a week"),
    (r"^holtWinters", r"renderViewJson\s+del series\[0\]",
     "graphite-web fails where a series has fewer values than it cuts for maxDataPoints"),
]

# Targets that are compared less strictly, and why.
TOLERANCES = [
    (r"^stdev\(.*mem", 1e-2, "differences of squares of 1e12, which pow and a product round differently"),
]


def kind_of(name):
    stored = {one: kind for one, _, kind in functions_test.STORED}
    if name in stored:
        return stored[name]
    return ("plain", "gaps", "counter", "negative")[GROUPED.index(name) % 4]


def make_tree(tree, now):
    """Files of whisper's own, filled as time went by, so that its archives hold what whisper aggregates."""
    layouts = [(name, step) for name, step, _ in functions_test.STORED if ";" not in name]
    for number, (name, step) in enumerate([*layouts, *[(name, 60) for name in GROUPED]]):
        path = tree / (name.replace(".", "/") + ".wsp")
        path.parent.mkdir(parents=True, exist_ok=True)
        whisper.create(str(path), RETENTIONS[step], 0.3)
        start = now - RETENTIONS[step][0][0] * (RETENTIONS[step][0][1] - 2)
        times = range(start // step * step + step, now, step)
        points = [(at, functions_test.formula(kind_of(name), at // step + 11 * number)) for at in times]
        whisper.update_many(str(path), [point for point in points if point[1] is not None], now=now)


class Reference:
    """graphite-web in this process."""

    def __init__(self, tree, now):
        os.environ["DJANGO_SETTINGS_MODULE"] = "graphite.settings"
        from django.conf import settings
        settings.ALLOWED_HOSTS = ["*"]
        settings.WHISPER_DIR = str(tree)
        settings.STANDARD_DIRS = [str(tree)]
        settings.CARBONLINK_HOSTS = []
        settings.FIND_CACHE_DURATION = settings.DEFAULT_CACHE_DURATION = 0
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
        settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        self.directory = graphite_setup.load()
        logging.disable(logging.CRITICAL)
        from django.test import Client
        from graphite.render import attime, functions
        functions_test.Reference.correct_moving_windows(types.SimpleNamespace(), functions)
        # 1.1.8 forgets the request's `now` where functions read times.
        parse, utc_now = attime.parseATTime, datetime.datetime.fromtimestamp(now, pytz.utc)
        functions.parseATTime = lambda text, tzinfo=None, now=utc_now: parse(text, pytz.utc, now)
        self.client = Client(raise_request_exception=False)

    def ask(self, query):
        answer = self.client.get(f"/render?{query}")
        return answer.status_code, answer.content

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def difference(ours, theirs, tolerance=1e-9):
    """The first thing that differs, or None."""
    if ours[0] != 200 or theirs[0] != 200:
        both_refuse = 400 <= ours[0] < 500 and theirs[0] >= 400
        return None if both_refuse else f"status {ours[0]} {ours[1][:150]!r}, not {theirs[0]} {theirs[1][-150:]!r}"
    ours, theirs = json.loads(ours[1]), json.loads(theirs[1])
    if [one["target"] for one in ours] != [one["target"] for one in theirs]:
        return f"names {[one['target'] for one in ours][:9]}, not {[one['target'] for one in theirs][:9]}"
    for mine, other in zip(ours, theirs):
        if mine["tags"] != other["tags"]:
            return f"tags {mine['tags']}, not {other['tags']}"
        if [at for _, at in mine["datapoints"]] != [at for _, at in other["datapoints"]]:
            return f"times {mine['datapoints'][:2]} ({len(mine['datapoints'])}), " \
                   f"not {other['datapoints'][:2]} ({len(other['datapoints'])})"
        for (a, at), (b, _) in zip(mine["datapoints"], other["datapoints"]):
            if not functions_test.same_value(a, b, tolerance):
                return f"value {a!r} at {at} of {mine['target']}, not {b!r}"
    return None


def deviation(target, ours, theirs):
    """Why a target may differ, or None."""
    failed = theirs[0] != 200
    reason = functions_test.deviation(target, failed)
    if reason is None and failed:
        reason = next((reason for pattern, failure, reason in DEVIATIONS
                       if re.search(pattern, target) and re.search(failure, theirs[1].decode())), None)
    if reason is None:
        reason = next((reason for pattern, tolerance, reason in TOLERANCES
                       if re.search(pattern, target) and difference(ours, theirs, tolerance) is None), None)
    return reason


def calls_of(options, now):
    rng = random.Random(options.seed)
    # Series by tags are in http_conformance_test.py: their files have other names.
    plain = [target for target in functions_test.targets() if not re.search(r"seriesByTag|disk\.used", target)]
    if options.count:
        plain = rng.sample(plain, options.count)
    calls = []
    for target in [*plain, *REDUCED * 3]:
        length = rng.choice([600, 1800, 3600, 3600, 7200, 6 * 3600])
        until = now - rng.choice([0, 60, 600, 4000])
        parameters = [("target", target), ("from", until - length), ("until", until), ("now", now), ("format", "json")]
        points = rng.choice([None, None, 7, 25, 100, 1000])
        calls.append((target, [*parameters, *([("maxDataPoints", points)] if points else [])]))
    return calls


def run(options, cluster, tree, now):
    reference = Reference(tree, now)
    compared, known, failures = 0, {}, 0
    try:
        for number, (target, parameters) in enumerate(calls_of(options, now)):
            if options.only is not None and number != options.only:
                continue
            query = urllib.parse.urlencode(parameters)
            theirs, ours = reference.ask(query), harness.http(f"{cluster.url('/render')}?{query}")[::2]
            compared += 1
            text = difference(ours, theirs)
            if text is None:
                continue
            reason = deviation(target, ours, theirs)
            if reason is not None:
                known[reason] = known.get(reason, 0) + 1
                continue
            failures += 1
            if failures <= 50:
                print(f"DIFFERS ({number}) {parameters}: {text}")
    finally:
        reference.close()
    reduced = cluster.query.metric("plumbago_query_groups_reduced_total")
    for reason, count in known.items():
        print(f"deviation, {count} targets: {reason}")
    print(f"{compared} targets, {reduced:.0f} groups reduced by the store, {sum(known.values())} known deviations, "
          f"{failures} differ; again: --seed {options.seed} --now {now} --count {options.count} [--only N]")
    return 1 if failures or (reduced == 0 and options.only is None) else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--now", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    print(f"seed {options.seed}, now {options.now}")
    os.environ["TZ"] = "UTC"
    time.tzset()
    now = options.now
    cluster = harness.Cluster(os.environ["PLUMBAGO_BIN"], shards=1, query_flags=["--reduce-series-min", "2"])
    tree = cluster.stores[0].data_dir / "whisper" / "default"
    make_tree(tree, now)
    with cluster:
        harness.wait_until(lambda: len(cluster.get("/metrics/index.json")) > len(GROUPED), "the tree is scanned")
        return run(options, cluster, tree, now)


if __name__ == "__main__":
    sys.exit(main())
