#!/usr/bin/python3
"""Random expressions of render functions: graphite-web's answers and ours over the same series.

Usage: random_expression_test.py DRIVER [--seed N] [--count N] [--only I]

Expressions are made from our table of functions: each parameter gets a value of its type, or a
further call. They run as in function_conformance_test.py, whose series, reference and driver these
are. Expression I of a seed is the same whatever the count; --only I runs it alone and prints both
answers. Differences that are meant are in DEVIATIONS.
"""
import argparse
import collections
import math
import os
import random
import re
import sys

import function_conformance_test as base

# Not made: random values, pictures' groups, and what takes a target or a template in a string.
LEFT_OUT = {
    "randomWalk", "randomWalkFunction", "events", "seriesByTag", "template", "applyByNode", "aliasQuery",
    "map", "mapSeries", "reduce", "reduceSeries", "verticalLine", "groupByTags", "aliasByTags",
}
PATHS = ["web.a.cpu", "web.b.cpu", "web.c.cpu", "web.b.mem", "web.c.mem", "slow.a", "slow.b", "count.a",
         "empty.all", "zero.z", "no.such", "web.*.cpu", "web.*.*", "slow.*", "count.*", "{web,servers}.*.*"]
WORDS = ["'x'", "'web'", "'a.b'"]
VALUES = {
    "boolean": ["true", "false"], "float": ["0", "0.5", "2", "-3", "50", "90"], "integer": ["1", "2", "3", "5"],
    "interval": ["'1min'", "'5min'", "'7min'", "'20min'", "'1h'", "'90s'"],
    "intOrInterval": ["1", "3", "5", "'3min'", "'10min'"], "intOrInf": ["1", "2", "inf"],
    "node": ["0", "1", "-1"], "nodeOrTag": ["0", "1", "-1", "'name'"], "tag": ["'name'"],
    "date": ["'-50min'", "'-30min'", "'-10min'"],
    "aggFunc": ["'sum'", "'average'", "'max'", "'min'", "'median'", "'last'", "'count'", "'range'", "'diff'",
                "'multiply'", "'stddev'", "'avg_zero'"],
    "aggOrSeriesFunc": ["'sum'", "'avg'", "'max'", "'min'", "'median'", "'count'", "'sumSeries'", "'rangeOf'"],
    "any": ["2", "50"],
}
SPECIAL = {
    "search": ["'a'", "'^web'", "'(c)pu'", "'\\\\.'"], "replace": ["'z'", "''"], "pattern": ["'a'", "'^web'", "'cpu$'"],
    "consolidationFunc": ["'max'", "'sum'", "'min'", "'average'", "'last'", "'first'"],
    "operator": ["'>'", "'<'", "'='", "'!='", "'>='", "'<='"], "color": ["'red'"], "colorname": ["'red'"],
    "colorName": ["'red'"], "system": ["'si'", "'binary'"], "units": ["'b'"], "theColor": ["'red'"],
    "stackName": ["'s'"], "valuesTypes": ["'avg'", "'last'", "'si'"], "alignTo": ["'hours'", "'minutes'"],
    "alignToFrom": ["true", "false"], "timeShiftStart": ["0", "1"], "timeShiftEnd": ["1", "2"],
    "timeShiftUnit": ["'10min'", "'1h'"], "timeShift": ["'10min'", "'-5min'", "'1h'"], "seasonality": ["'1d'", "'6h'"],
    "bootstrapInterval": ["'1d'", "'12h'"], "factor": ["2", "0.5", "-1"], "position": ["0", "1"],
    "startSourceAt": ["'-2h'"], "endSourceAt": ["'-1h'"], "steps": ["1", "-2", "3"], "xFilesFactor": ["0", "0.5", "1"],
    "base": ["10", "2"], "precision": ["0", "1", "-1", "3"], "n": ["1", "2", "5", "30", "60", "95"], "limit": ["1", "2"],
}


def has_more_values(text):
    counts = re.fullmatch(r"(\d+) values, not (\d+)", text)
    return counts and int(counts[1]) > int(counts[2])


MIXED_STEPS = r"slow|ummarize|hitcount|sin|time|identity|onstantLine|threshold|aggregateLine|countSeries"
# What both the expression and the difference have, and why answers differ there.
DEVIATIONS = [
    (r"stacked\(", "", "stacked adds up over everything that is evaluated, windows and bootstraps included"),
    (rf"(asPercent|pct)\(.*({MIXED_STEPS})", r"^(step|start|end|values|\d+ values)",
     "percentages over mixed steps have the times of the common step, not of the series"),
    (r"transformNull\(", "referenceSeries", "values are lost where referenceSeries has more points"),
    (r"(legendValue|cactiStyle)\(|offsetToZero\(.*holtWintersAberration", r"^(name|tags)",
     "texts show 0 or 0.0 as Python's mix of integers and floats has it; a series is of one kind here"),
    (r"time(Shift|Stack)\(", has_more_values, "values end where the shifted data does; here nulls go on to the end"),
    (r"useSeriesAbove\(", r"^ours \{'error': 'target", "a name that is rewritten to no path is an error, not nothing"),
    (r"multiplySeries\(", r"^name .*not '[^']*multiplySeries\(", "multiplySeries of one series and empty lists is that series"),
    (r"SeriesLists\(", r"^name.*(\(,|,,|,\))", "an empty name is left out of the name of an aggregate"),
    (r"stdev\(.*(mem|\*\.\*|time|identity)", r"^values", "sums of squares of 1e9 and more keep few digits, which depend on their order"),
    (r"delay\(.*,0\)", "", "delay by 0 keeps the values"),
]


class Generator:
    def __init__(self, rng, catalog, names):
        self.rng = rng
        self.catalog = {name: one for name, one in catalog.items() if name in names and name not in LEFT_OUT}
        self.names = sorted(name for name, one in self.catalog.items()
                            if one["params"] and one["params"][0]["type"].startswith("seriesList"))
        self.sources = sorted(set(self.catalog) - set(self.names))

    def expression(self):
        return self.call(self.rng.choice(self.names), self.rng.randint(1, 4))

    def series(self, depth):
        kind = self.rng.random()
        if depth <= 0 or kind < 0.35:
            return self.rng.choice(PATHS)
        if kind < 0.4:
            return self.call(self.rng.choice(self.sources), depth)
        return self.call(self.rng.choice(self.names), depth)

    def call(self, name, depth):
        arguments = []
        for parameter in self.catalog[name]["params"]:
            if not parameter.get("required") and self.rng.random() < 0.5:
                break
            for _ in range(self.rng.randint(1, 2) if parameter.get("multiple") else 1):
                arguments.append(self.value(name, parameter, depth))
        return f"{name}({','.join(arguments)})"

    def value(self, function, parameter, depth):
        kind, name = parameter["type"], parameter["name"]
        if kind.startswith("series"):
            return self.series(depth - 1)
        values = SPECIAL.get(name) if kind not in ("boolean", "aggFunc", "aggOrSeriesFunc") else None
        return self.rng.choice(values or VALUES.get(kind) or WORDS)


def close(ours, theirs):
    """Rounding errors of nested calls are as large as the largest values make them."""
    if "error" in ours or isinstance(theirs, Exception):
        return base.difference(ours, theirs)
    numbers = [abs(value) for one in theirs for value in one["values"]
               if isinstance(value, (int, float)) and math.isfinite(value)]
    slack = 1e-7 * max(numbers, default=0)
    exact = base.same_value
    def same_value(mine, other):
        if exact(mine, other):
            return True
        mine = base.number(mine)
        return None not in (mine, other) and math.isfinite(mine) and abs(mine - other) <= slack
    base.same_value = same_value
    try:
        return base.difference(ours, theirs)
    finally:
        base.same_value = exact


def deviation(expression, text):
    return next((reason for pattern, sign, reason in DEVIATIONS
                 if re.search(pattern, expression) and (sign(text) if callable(sign) else re.search(sign, text))), None)


def evaluate(reference, expression):
    try:
        return reference.evaluate(expression, None)
    except Exception as error:  # whatever it fails with
        return error


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    print(f"seed {options.seed}")
    stored = base.stored_series()
    reference, ours = base.Reference(stored), base.Ours(options.driver, stored)
    counts, used, failures = collections.Counter(), collections.Counter(), 0
    for index in range(options.count) if options.only is None else [options.only]:
        generator = Generator(random.Random(f"{options.seed} {index}"), ours.catalog, reference.names)
        expression = generator.expression()
        mine, theirs = ours.evaluate(expression, None), evaluate(reference, expression)
        used.update(re.findall(r"(\w+)\(", expression))
        if options.only is not None:
            print(f"{expression}\n  graphite-web {theirs!r}\n  here {mine}")
        text = close(mine, theirs)
        if text is None:
            counts["error" if "error" in mine else "same"] += 1
        elif isinstance(theirs, Exception):
            counts["fails there"] += 1
        elif deviation(expression, text):
            counts[f"deviation: {deviation(expression, text)}"] += 1
        else:
            failures += 1
            print(f"DIFFERS {expression}\n  {text[:300]}\n  again: {sys.argv[0]} {options.driver} "
                  f"--seed {options.seed} --only {index}")
    print(f"{sum(counts.values()) + failures} expressions of {len(used)} functions, {failures} differ; "
          + ", ".join(f"{name} ({count})" for name, count in counts.most_common()))
    # Most expressions have to say something.
    return 1 if failures or (options.only is None and counts["same"] < options.count // 2) else 0


if __name__ == "__main__":
    sys.exit(main())
