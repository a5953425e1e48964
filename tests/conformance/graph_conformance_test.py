#!/usr/bin/python3
"""Axes of pictures: graphite-web's glyph.py and ours, for random ranges and parameters.

Usage: graph_conformance_test.py DRIVER [--seed N] [--count N]

y axes: step, ends, values of labels to 1e-9 relative, texts exactly; what glyph.py refuses has to be
refused. x axes: times and texts of labels and grid lines exactly, in zones and ranges without a
change of clocks (after one, glyph.py goes on with the old offset, and we with the new one).
"""
import argparse
import datetime
import json
import math
import random
import shutil
import subprocess
import sys

import graphite_setup

DIRECTORY = graphite_setup.load()

import pytz  # noqa: E402  pylint: disable=wrong-import-position
from graphite.render import glyph  # noqa: E402  pylint: disable=wrong-import-position

FIXED_ZONES = ["UTC", "Asia/Kolkata", "Asia/Tokyo", "Etc/GMT+7", "Asia/Kathmandu"]


class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def theirs_y(low, high, parameters):
    """As LineGraph.setupYAxis does it, without a picture."""
    def number(name):
        value = parameters.get(name)
        return value if value in (None, "max") else float(value)

    system = parameters.get("yUnitSystem", "si")
    if "logBase" in parameters:
        base = math.e if parameters["logBase"] == "e" else float(parameters["logBase"])
        tics = glyph._LogAxisTics(low, high, unitSystem=system, base=base)
    else:
        tics = glyph._LinearAxisTics(low, high, unitSystem=system)
    tics.applySettings(axisMin=number("yMin"), axisMax=number("yMax"), axisLimit=number("yLimit"))
    if "yStep" in parameters:
        tics.setStep(float(parameters["yStep"]))
    else:
        divisors = [int(item) for item in parameters.get("yDivisors", "4,5,6").split(",")]
        tics.chooseStep(divisors=divisors, binary=system == "binary")
    tics.chooseLimits()
    values = tics.getLabelValues()
    return {"step": tics.step or 0, "bottom": tics.bottom, "top": tics.top, "values": values,
            "labels": [tics.makeLabel(value) for value in values]}


def random_y(rng):
    scale = 10 ** rng.uniform(-9, 16)
    low = rng.choice([0.0, rng.uniform(-scale, scale), float(rng.randint(-100, 100))])
    high = low + rng.choice([0.0, rng.uniform(0, scale), scale, float(rng.randint(1, 1000))])
    parameters = {}
    if rng.random() < 0.6:
        parameters["yUnitSystem"] = rng.choice(["si", "binary", "sec", "msec", "none"])
    if rng.random() < 0.25:
        parameters["yMin"] = repr(rng.choice([0.0, low - scale / 3, rng.uniform(-scale, scale)]))
    if rng.random() < 0.25:
        parameters["yMax"] = rng.choice(["max", repr(high + scale / 7), repr(rng.uniform(-scale, scale))])
    if rng.random() < 0.2:
        parameters["yLimit"] = repr(rng.choice([high, high * 0.9, high + scale, low - 1]))
    if rng.random() < 0.15:
        parameters["yStep"] = repr(rng.choice([scale / 3, scale / 50, 1.0, scale / 1e6]))
    if rng.random() < 0.2:
        parameters["yDivisors"] = rng.choice(["1", "2,3", "5", "7,8,9", "10,4"])
    if rng.random() < 0.2:
        parameters["logBase"] = rng.choice(["2", "10", "e", "3.5"])
        low, high = abs(low), abs(high)
    return low, high, parameters


def close(mine, theirs):
    return mine == theirs or abs(mine - theirs) <= 1e-9 * max(abs(mine), abs(theirs))


def same_y(mine, theirs):
    ends = all(close(mine[key], theirs[key]) for key in ("step", "bottom", "top"))
    values = len(mine["values"]) == len(theirs["values"]) and all(map(close, mine["values"], theirs["values"]))
    return ends and values and mine["labels"] == theirs["labels"]


def check_y(driver, rng):
    """None, or what differs; and whether it was an axis at all."""
    low, high, parameters = random_y(rng)
    mine = driver.ask({"min": low, "max": high, "parameters": parameters})
    try:
        theirs = theirs_y(low, high, parameters)
    except (glyph.GraphError, ValueError, ZeroDivisionError, OverflowError) as error:
        # Refused there: here too, unless there is an axis to draw that glyph.py fails to compute.
        is_same = "error" in mine or not isinstance(error, glyph.GraphError)
        return (None if is_same else f"{low} {high} {parameters}: {error!r} there, {mine} here"), False
    if "error" in mine or not same_y(mine, theirs):
        return f"{low} {high} {parameters}:\n  there {theirs}\n  here  {mine}", True
    return None, True


def theirs_x(start, end, width, zone):
    tzinfo = pytz.timezone(zone)
    start_dt = datetime.datetime.fromtimestamp(start, tzinfo)
    end_dt = datetime.datetime.fromtimestamp(end, tzinfo)
    span = end - start
    fits = [config for config in glyph.xAxisConfigs
            if config["seconds"] <= span / width and config.get("maxInterval", span + 1) >= span]
    config = fits[-1] if fits else glyph.xAxisConfigs[-1]

    def times(unit, step):
        current, delta = glyph.find_x_times(start_dt, config[unit], config[step])
        found = []
        while current < end_dt:
            found.append(current)
            current += delta
        return found

    labels = times("labelUnit", "labelStep")
    return {"labels": [[int(time.timestamp()), time.strftime(config["format"])] for time in labels],
            "minor": [int(time.timestamp()) for time in times("minorGridUnit", "minorGridStep")],
            "major": [int(time.timestamp()) for time in times("majorGridUnit", "majorGridStep")]}


def check_x(driver, rng):
    start = rng.randint(1_000_000_000, 1_900_000_000)
    end = start + int(10 ** rng.uniform(1, 8.5))
    width = rng.randint(20, 4000) + 0.8
    zone = rng.choice(FIXED_ZONES)
    mine = driver.ask({"start": start, "end": end, "width": width, "zone": zone})
    theirs = theirs_x(start, end, width, zone)
    return None if mine == theirs else f"{start} {end} {width} {zone}:\n  there {theirs}\n  here  {mine}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--count", type=int, default=600)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    rng = random.Random(arguments.seed)
    driver = Driver(arguments.driver)
    faults = []
    axes = 0
    for _ in range(arguments.count):
        fault, was_axis = check_y(driver, rng)
        axes += was_axis
        faults += [fault] if fault else []
        fault = check_x(driver, rng)
        faults += [fault] if fault else []
    driver.close()
    for fault in faults[:10]:
        print(fault[:2000])
    print(f"{arguments.count} y axes ({axes} drawn, the others refused) and {arguments.count} x axes, "
          f"{len(faults)} differ")
    if axes < arguments.count // 3:
        print("too few axes were drawn for the comparison to say anything")
    sys.exit(1 if faults or axes < arguments.count // 3 else 0)


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(DIRECTORY, ignore_errors=True)
