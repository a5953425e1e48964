#!/usr/bin/python3
"""Formats of /render: what graphite-web's own views write and what we write, for random series.

Usage: format_conformance_test.py DRIVER [--seed N] [--count N]

csv and raw byte by byte; json, dygraph and rickshaw as parsed JSON with the types of numbers (where
we write null for infinities, as strict readers need); pickle and msgpack as loaded objects with the
types of everything. json with maxDataPoints and noNullPoints too.
"""
import argparse
import json
import math
import pickle
import random
import shutil
import subprocess
import sys

import graphite_setup

DIRECTORY = graphite_setup.load()

import msgpack  # noqa: E402  pylint: disable=wrong-import-position
import pytz  # noqa: E402  pylint: disable=wrong-import-position
from graphite.render import views  # noqa: E402  pylint: disable=wrong-import-position
from graphite.render.datalib import TimeSeries  # noqa: E402  pylint: disable=wrong-import-position

VIEWS = {"json": views.renderViewJson, "csv": views.renderViewCsv, "raw": views.renderViewRaw,
         "dygraph": views.renderViewDygraph, "rickshaw": views.renderViewRickshaw,
         "pickle": views.renderViewPickle, "msgpack": views.renderViewMsgPack}
NAMES = ["a.b.c", "disk;rack=a1;dc=x", 'f(a,"x",\'y\')', "höst.ü", "line\nbreak", "", "a,b", "x" * 300]
CONSOLIDATIONS = ["average", "sum", "min", "max", "first", "last", "avg_zero"]


def random_value(rng, integers):
    kind = rng.random()
    if kind < 0.2:
        return None
    if integers:
        return rng.choice([0, rng.randint(-200, 300), rng.randint(-2**40, 2**40)])
    if kind < 0.25:
        return rng.choice([math.inf, -math.inf])
    return rng.choice([0.0, -0.0, rng.uniform(-1, 1), rng.uniform(-1e20, 1e20), 10 ** rng.uniform(-300, 300),
                       float(rng.randint(-1000, 1000))])


def random_series(rng, grid, is_finite):
    step, start, count = grid
    if rng.random() < 0.3 and not is_finite:
        count = rng.randint(0, 40)
    integers = rng.random() < 0.3
    values = [random_value(rng, integers) for _ in range(count)]
    if is_finite:
        values = [None if value in (math.inf, -math.inf) else value for value in values]
    return {"name": rng.choice(NAMES), "pathExpression": rng.choice(["a.*", "sum(a)"]), "start": start,
            "end": start + step * count, "step": step, "consolidationFunc": rng.choice(CONSOLIDATIONS),
            "xFilesFactor": rng.choice([0.0, 0.0, 0.5, 0.9]), "integers": integers, "values": values}


def random_request(rng):
    kind = rng.choice(list(VIEWS))
    step = rng.choice([1, 10, 60, 3600])
    grid = (step, rng.randint(0, 2_000_000_000) // step * step, rng.randint(1, 60))
    # Consolidated infinities and dygraph's rows of several grids are where the reference fails.
    is_plain = kind in ("json", "dygraph")
    return {"format": kind, "zone": rng.choice(["UTC", "Europe/Berlin", "America/New_York"]),
            "maxDataPoints": rng.choice([0, 0, 1, 2, 5, 10, 30]) if kind == "json" else 0,
            "noNullPoints": rng.random() < 0.3,
            "series": [random_series(rng, grid, is_plain) for _ in range(rng.randint(0, 4))]}


def theirs(request):
    data = []
    for item in request["series"]:
        series = TimeSeries(item["name"], item["start"], item["end"], item["step"], list(item["values"]),
                            consolidate=item["consolidationFunc"], xFilesFactor=item["xFilesFactor"],
                            pathExpression=item["pathExpression"])
        series.tags = {"name": item["name"]}
        if item["name"].startswith("disk;"):
            series.tags = {"rack": "a1", "dc": "x", "name": "disk"}
        data.append(series)
    options = {"tzinfo": pytz.timezone(request["zone"])}
    if request["maxDataPoints"]:
        options["maxDataPoints"] = request["maxDataPoints"]
    if request["noNullPoints"]:
        options["noNullPoints"] = True
    return VIEWS[request["format"]](options, data).content


def nulled(value):
    """Infinities and NaN as null, as deep as they are."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [nulled(item) for item in value]
    return {key: nulled(item) for key, item in value.items()} if isinstance(value, dict) else value


def typed(value):
    """Tells 1 from 1.0 and bytes from text."""
    if isinstance(value, (list, tuple)):
        return [typed(item) for item in value]
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    return (type(value).__name__, repr(value))


def loaded(kind, content):
    if kind == "pickle":
        return typed(pickle.loads(content))
    if kind == "msgpack":
        return typed(msgpack.unpackb(content, raw=False))
    if kind in ("csv", "raw"):
        return content
    if kind == "dygraph":
        # Averages may differ in the last digit; rows do not have any.
        content = content.replace(b"-Infinity", b"null").replace(b"Infinity", b"null")
    return nulled(json.loads(content))


def same(kind, mine, theirs_):
    if kind != "json":
        return typed(mine) == typed(theirs_) if kind in ("dygraph", "rickshaw") else mine == theirs_
    if len(mine) != len(theirs_):
        return False
    for one, other in zip(mine, theirs_):
        if (one["target"], one["tags"], list(one["tags"])) != (other["target"], other["tags"], list(other["tags"])):
            return False
        if len(one["datapoints"]) != len(other["datapoints"]):
            return False
        for (value, time), (their_value, their_time) in zip(one["datapoints"], other["datapoints"]):
            if time != their_time or type(value) is not type(their_value):
                return False
            if value is not None and abs(value - their_value) > 1e-9 * max(abs(value), abs(their_value)):
                return False
    return True


def to_json(request):
    text = dict(request)
    text["series"] = [dict(item, values=[repr(value) if value in (math.inf, -math.inf) else value
                                         for value in item["values"]]) for item in request["series"]]
    return json.dumps(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--count", type=int, default=2000)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    rng = random.Random(arguments.seed)
    driver = subprocess.Popen([arguments.driver], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    counts = dict.fromkeys(VIEWS, 0)
    faults = 0
    for _ in range(arguments.count):
        request = random_request(rng)
        kind = request["format"]
        driver.stdin.write(to_json(request) + "\n")
        driver.stdin.flush()
        mine = bytes.fromhex(driver.stdout.readline().strip())
        expected = theirs(request)
        counts[kind] += 1
        if not same(kind, loaded(kind, mine), loaded(kind, expected)):
            faults += 1
            if faults <= 5:
                print(f"{to_json(request)}\n  there {expected[:1500]}\n  here  {mine[:1500]}")
    driver.stdin.close()
    driver.wait()
    print(f"{counts}, {faults} differ")
    sys.exit(1 if faults or min(counts.values()) < arguments.count // 20 else 0)


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(DIRECTORY, ignore_errors=True)
