#!/usr/bin/python3
"""Render functions of graphite-web and ours over the same series in memory.

Usage: function_conformance_test.py DRIVER [--verbose]

Values agree to 1e-9 relative; null positions, names, starts, ends, steps and tags exactly. What
graphite-web refuses, or fails at, has to be refused here too unless DEVIATIONS names it.
"""
import argparse
import inspect
import json
import logging
import math
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings

NOW = 1700000000
RANGE = (NOW - 3600, NOW)

# Where we differ on purpose: a pattern that the target has, whether only where graphite-web fails,
# and why. The first one that fits counts.
DEVIATIONS = [
    (r"^delay\(.*,0\)", False, "delay by 0 keeps the values"),
    (r"^verticalLine\(", False, "a line without label has an empty name, not None"),
    (r"transformNull\(slow", False,
     "1.1.8 loses values where referenceSeries has more points; here they stay"),
    (r"(asPercent|pct).*slow|^asPercent\(slow|'asPercent'", False,
     "percentages over mixed steps have the times of the common step, not of the series"),
    (r"(perSecond|nonNegativeDerivative)\(.*,", True,
     "1.1.8 cannot compare nulls with maxValue and minValue under Python 3"),
    (r"(areaBetween|ConfidenceArea)\(.*no\.such", True, "no series are no series, not an error"),
    (r"reduceSeries\(", True, "a slot without series is left out, not an error"),
    (r"useSeriesAbove\(", True, "1.1.8 fails at series with nulls; null is not above"),
    (r"(Outside|Between)Percentile\(", True, "1.1.8 fails where averages or points are null"),
    (r"asPercent\(.*,[01]\)", True, "1.1.8 fails where the first group has no total"),
]


def deviation(target, theirs_failed):
    return next((reason for pattern, needs_failure, reason in DEVIATIONS
                 if re.search(pattern, target) and (theirs_failed or not needs_failure)), None)


def formula(kind, index):
    """One value of a stored series; the kinds differ in nulls and size."""
    if kind == "all":
        return None
    if kind == "gaps" and index % 7 in (2, 3):
        return None
    if kind == "sparse" and index % 5 != 0:
        return None
    if kind == "counter":
        return float((index * 37) % 1000)
    if kind == "negative":
        return -1.5 * ((index * 7919) % 13) + 4
    if kind == "unit":
        return ((index * 31) % 97) / 97.0
    if kind == "zero":
        return 0.0
    if kind == "big":
        return 1e12 + (index * 104729) % 1000003
    return round(((index * 7919) % 101) / 3.0 + math.sin(index), 6)


STORED = [
    ("web.a.cpu", 60, "plain"), ("web.b.cpu", 60, "gaps"), ("web.c.cpu", 60, "sparse"),
    ("web.a.mem", 60, "big"), ("web.b.mem", 60, "negative"), ("web.c.mem", 60, "unit"),
    ("slow.a", 300, "plain"), ("slow.b", 120, "gaps"), ("hour.a", 3600, "plain"),
    ("count.a", 60, "counter"), ("count.b", 60, "counter"), ("empty.all", 60, "all"),
    ("zero.z", 60, "zero"), ("servers.s1.disk.bytes_used", 60, "plain"),
    ("servers.s1.disk.total_bytes", 60, "big"), ("servers.s2.disk.bytes_used", 60, "gaps"),
    ("servers.s2.disk.total_bytes", 60, "big"),
    ("disk.used;dc=x;rack=a1", 60, "plain"), ("disk.used;dc=x;rack=a2", 60, "gaps"),
    ("disk.used;dc=y;rack=a1", 60, "negative"),
]


def stored_series():
    series = []
    for number, (name, step, kind) in enumerate(STORED):
        # Two weeks for steps of an hour, so that Holt-Winters has its week; a day and more else.
        length = 14 * 86400 if step >= 3600 else 10 * 86400
        start = (NOW - length) // step * step
        count = (NOW + 1800 - start) // step
        values = [formula(kind, index + 11 * number) for index in range(count)]
        series.append({"name": name, "start": start, "step": step, "values": values})
    return series


# One series, and calls on it with X for it.
UNARY = """
absolute(X) add(X,2) add(X,2.7) add(X,-3.9) offset(X,10) offset(X,-0.5) offsetToZero(X) scale(X,2)
scale(X,0.000001) scale(X,1000000) scale(X,-1.5) scaleToSeconds(X,1) scaleToSeconds(X,3600) invert(X)
squareRoot(X) pow(X,2) pow(X,0.5) pow(X,-1) log(X) log(X,2) logit(X) sigmoid(scale(X,0.000000000001))
exp(scale(X,0.000000000001)) minMax(X)
round(X) round(X,2) round(X,-1) round(X,0) delay(X,3) delay(X,-3) delay(X,0) delay(X,1000)
derivative(X) nonNegativeDerivative(X) integral(X) integralByInterval(X,'10min')
integralByInterval(X,'1h') keepLastValue(X) keepLastValue(X,1) keepLastValue(X,3) keepLastValue(X,inf)
interpolate(X) interpolate(X,1) interpolate(X,2) transformNull(X,-1) transformNull(X,0.5)
transformNull(X,0,web.*.cpu) isNonNull(X) changed(X) summarize(X,'5min') summarize(X,'10min','avg')
summarize(X,'7min','max',true) summarize(X,'1h','last') summarize(X,'13min','median')
summarize(X,'10min','count') summarize(X,'30s','sum') summarize(X,'5min','stddev')
summarize(X,'5min','range') summarize(X,'5min','multiply') summarize(X,'5min','diff')
summarize(X,'5min','avg_zero') smartSummarize(X,'5min') smartSummarize(X,'10min','avg')
smartSummarize(X,'10min','max','hours') smartSummarize(X,'1h','sum','days')
smartSummarize(X,'1d','sum','weeks') smartSummarize(X,'1d','sum','weeks3')
smartSummarize(X,'6h','sum','months')
hitcount(X,'5min') hitcount(X,'7min') hitcount(X,'1h') hitcount(X,'10min',true) hitcount(X,'1h',true)
hitcount(X,'1d',true) timeShift(X,'1h') timeShift(X,'1d') timeShift(X,'-30min')
timeShift(X,'10min',false) timeStack(X,'1h',0,3) timeStack(X,'10min',1,2) timeSlice(X,'-30min','-10min')
timeSlice(X,'-1h') movingAverage(X,5) movingAverage(X,'5min') movingMedian(X,7) movingSum(X,'10min')
movingMin(X,3) movingMax(X,70) movingWindow(X,5,'stddev') movingAverage(X,5,0.8)
exponentialMovingAverage(X,5) exponentialMovingAverage(X,'10min') stdev(X,5) stdev(X,10,0.9)
nPercentile(X,50) nPercentile(X,95) nPercentile(X,1) nPercentile(X,99.9)
linearRegression(X) linearRegression(X,'-2h','-1h') aggregateLine(X) aggregateLine(X,'max')
aggregateLine(X,'sum',true) aggregateLine(X,'count') holtWintersForecast(X)
holtWintersForecast(X,'1d','6h') holtWintersConfidenceBands(X) holtWintersConfidenceBands(X,5,'1d','6h')
holtWintersAberration(X) holtWintersConfidenceArea(X,3,'1d','2h') removeAbovePercentile(X,50)
removeBelowPercentile(X,30) removeAboveValue(X,10) removeBelowValue(X,10) averageAbove(X,5)
averageBelow(X,5) currentAbove(X,5) currentBelow(X,5) maximumAbove(X,30) maximumBelow(X,30)
minimumAbove(X,1) minimumBelow(X,1) filterSeries(X,'max','>',5) filterSeries(X,'min','<=',0)
filterSeries(X,'avg','!=',0) filterSeries(X,'last','=',0) removeEmptySeries(X) removeEmptySeries(X,0.5)
alias(X,'new.name') aliasByNode(X,0) aliasByNode(X,-1,0) aliasByNode(X,9) aliasByMetric(X)
aliasByTags(X,'name') aliasSub(X,'^(\\w+)\\.(\\w+)','\\2-\\1') substr(X) substr(X,1) substr(X,0,1)
substr(X,-1) substr(X,1,-1) legendValue(X,'avg') legendValue(X,'last','max')
legendValue(X,'total','si') legendValue(X,'min','binary') legendValue(X,'nosuch')
cactiStyle(X) cactiStyle(X,'si') cactiStyle(X,'binary','b') cactiStyle(X,None,'b')
consolidateBy(X,'max') cumulative(X) setXFilesFactor(X,0.5) xFilesFactor(X,0.9) alpha(X,0.5)
color(X,'red') lineWidth(X,2) dashed(X) dashed(X,3) drawAsInfinite(X) secondYAxis(X) stacked(X)
stacked(X,'one') limit(X,1) limit(X,0) limit(X,-1) sortByName(X) perSecond(X) perSecond(X,500)
perSecond(X,500,1) nonNegativeDerivative(X,1000) nonNegativeDerivative(X,minValue=2)
sumSeries(X) averageSeries(X) minSeries(X) maxSeries(X) diffSeries(X) multiplySeries(X) stddevSeries(X)
rangeOfSeries(X) countSeries(X) percentileOfSeries(X,50) percentileOfSeries(X,90,true) powSeries(X)
asPercent(X) asPercent(X,200) asPercent(X,1.5) asPercent(X,web.a.cpu) aggregate(X,'median')
scale(alias(X,'q'),2) sumSeries(alias(X,'q')) sumSeries(summarize(X,'5min')) derivative(integral(X))
summarize(setXFilesFactor(X,0.5),'5min') scale(X|scale(2),3) X|scale(2)|alias('p')
applyByNode(X,0,'sumSeries(%.*)','%-n') applyByNode(X,1,'scale(%.cpu,2)') group(X) unique(X,X)
fallbackSeries(X,web.a.cpu) divideSeries(X,web.a.cpu) divideSeries(X,zero.z) divideSeries(X,no.such)
aliasQuery(X,'.*','count.a','v%d') aliasQuery(X,'^.*$','web.a.cpu','%.2fx')
""".split()

PATHS = ["web.a.cpu", "web.b.cpu", "web.c.cpu", "web.a.mem", "web.b.mem", "web.c.mem", "slow.a",
         "slow.b", "count.a", "empty.all", "zero.z", "no.such.path", "web.*.cpu", "slow.*"]

# Lists, mixed steps and arguments that need more than one series.
LISTS = """
sum(A,B) avg(A,B) pct(A,B)
sumSeries(A,B) averageSeries(A,B) minSeries(A,B) maxSeries(A,B) diffSeries(A,B) multiplySeries(A,B)
stddevSeries(A,B) rangeOfSeries(A,B) countSeries(A,B) powSeries(A,B) percentileOfSeries(A,40)
percentileOfSeries(A,40,true) aggregate(A,'avg_zero') aggregate(A,'diff') aggregate(A,'last')
aggregate(A,'sum',0.9) aggregate(A,'sumSeries') aggregateSeriesLists(A,B,'max') sumSeriesLists(A,B)
diffSeriesLists(A,B) multiplySeriesLists(A,B) divideSeriesLists(A,B) asPercent(A) asPercent(A,B)
asPercent(A,None,0) asPercent(A,B,0) asPercent(A,None,1) asPercent(A,B,1) asPercent(A,500)
weightedAverage(A,B,1) weightedAverage(A,B,0,1) sumSeriesWithWildcards(A,1)
averageSeriesWithWildcards(A,0) multiplySeriesWithWildcards(A,1,2) aggregateWithWildcards(A,'max',1)
groupByNode(A,0) groupByNode(A,1,'sum') groupByNode(A,-1,'maxSeries') groupByNodes(A,'sum',0,1)
groupByNodes(A,'count',0) groupByNode(A,0,'asPercent') groupByNode(A,0,'countSeries')
groupByNode(A,0,'rangeOf') groupByNodes(A,'median',1) group(A,B) unique(A,B,A) fallbackSeries(A,B)
highest(A) highest(A,2) highest(A,2,'max') lowest(A,2) lowest(A,1,'min') highestAverage(A,2)
highestCurrent(A,1) highestMax(A,2) lowestAverage(A,2) lowestCurrent(A,1) limit(A,2) mostDeviant(A,2)
averageOutsidePercentile(A,60) averageOutsidePercentile(A,30) removeBetweenPercentile(A,60)
sortBy(A) sortBy(A,'max',true) sortBy(A,'last') sortByName(A) sortByName(A,true) sortByName(A,true,true)
sortByTotal(A) sortByMaxima(A) sortByMinima(A) useSeriesAbove(A,10,'cpu','mem') grep(A,'a')
exclude(A,'a') grep(A,'^web') areaBetween(limit(A,2)) areaBetween(A) divideSeries(A,limit(B,1))
divideSeries(A,B) transformNull(A,3,B) reduceSeries(mapSeries(A,1),'diffSeries',-1,'cpu','mem')
asPercent(A,sumSeries(B)) sumSeries(A,scale(B,2)) holtWintersAberration(A)
sumSeries(summarize(A,'5min'),B) stacked(A) legendValue(A,'avg','si') cactiStyle(A,'si') timeStack(A,'30min',0,2)
timeShift(A,'15min') linearRegression(A) hitcount(A,'7min') applyByNode(A,1,'sumSeries(%.*)','%-sum')
sumSeries(consolidateBy(A,'max'),B) sumSeries(setXFilesFactor(A,0.7),B) countSeries(summarize(A,'10min'))
averageSeries(derivative(A),perSecond(B)) maxSeries(A)|scale(3) sumSeries(keepLastValue(A),interpolate(B))
""".split()

PAIRS = [("web.*.cpu", "web.*.mem"), ("web.*.cpu", "slow.*"), ("slow.*", "count.*"),
         ("web.*.*", "web.*.cpu"), ("no.such", "web.*.cpu"), ("web.*.cpu", "no.such"),
         ("web.a.cpu", "web.b.cpu"), ("web.{a,c}.cpu", "web.b.mem"), ("empty.*", "zero.*"),
         ("servers.*.disk.bytes_used", "servers.*.disk.total_bytes"), ("web.a.cpu", "hour.a")]

OTHERS = """
constantLine(5) constantLine(5.5) constantLine(-1e20) threshold(3) threshold(3,'limit')
threshold(3,'limit','red') timeShift(constantLine(3),'10min') timeStack(threshold(3),'10min',0,2)
verticalLine('-10min') verticalLine('-10min','now') verticalLine('-2h')
verticalLine('+2h') timeFunction('t') timeFunction('t',120) time('t',7) sinFunction('s') sin('s',3)
sin('s',3,90) identity('i') countSeries() sumSeries(constantLine(2),constantLine(3))
scale(timeFunction('t'),0.001) summarize(identity('i'),'5min') sumSeries(identity('i'),identity('j'))
maxSeries(identity('i'),web.a.cpu) template(scale($m,2),m='web.a.cpu') template(sumSeries(web.$1.cpu),'*')
template(scale(web.a.cpu,$f),f=3) seriesByTag('name=disk.used') seriesByTag('dc=x')
sumSeries(seriesByTag('dc=x')) groupByTags(seriesByTag('name=disk.used'),'sum','dc')
groupByTags(seriesByTag('name=disk.used'),'max','rack','dc') groupByTags(seriesByTag('dc=x'),'avg','name')
aliasByTags(seriesByTag('name=disk.used'),'dc','rack') aliasByNode(seriesByTag('dc=x'),0,'rack')
aliasByTags(seriesByTag('dc=x'),'name','nosuch') scale(seriesByTag('dc=y'),2)
groupByNode(seriesByTag('name=disk.used'),'dc','sum') groupByNodes(seriesByTag('name=disk.used'),'sum','dc',1)
holtWintersForecast(hour.a) holtWintersConfidenceBands(hour.a) holtWintersForecast(hour.a,'2d','12h')
reduceSeries(mapSeries(servers.*.disk.*,1),'asPercent',3,'bytes_used','total_bytes')
reduce(map(servers.*.disk.*,1),'divideSeries',-1,'bytes_used','total_bytes')
summarize(hour.a,'1d') smartSummarize(hour.a,'1d','sum','years') timeShift(hour.a,'7d')
asPercent(servers.*.disk.bytes_used,servers.*.disk.total_bytes,0,1) sumSeries(web.{a,b}.cpu)
aliasSub(web.*.cpu,'web\\.(.)\\.cpu','\\g<1>') scale(web.a.cpu,2)|sumSeries(web.b.cpu) web.[ab].cpu
web.?.cpu web.a.cpu no.such sortByName(group(web.*.cpu,slow.*),true)
nosuch(web.a.cpu) scale(web.a.cpu) scale(web.a.cpu,'x') summarize(web.a.cpu,'5q') summarize(web.a.cpu)
summarize(web.a.cpu,'5min','nosuch') movingAverage(web.a.cpu) aggregate(web.a.cpu,'nosuch')
divideSeriesLists(web.*.cpu,web.a.cpu) asPercent(web.*.cpu,slow.*) percentileOfSeries(web.*.cpu,0)
nPercentile(web.a.cpu,0) filterSeries(web.a.cpu,'max','~',1) filterSeries(web.a.cpu,'max','>')
grep(web.a.cpu,'(') aliasSub(web.a.cpu,'(','x') applyByNode(web.a.cpu,0) timeShift(web.a.cpu,'x')
weightedAverage(web.*.cpu,web.a.mem,0) groupByTags(web.*.cpu,'sum') alias(web.a.cpu) color(web.a.cpu)
log(web.a.cpu,1) log(web.a.cpu,0) round(web.a.cpu,'x') constantLine() threshold() hitcount(web.a.cpu,'q')
""".split()


def targets():
    result = []
    for call in UNARY:
        result += [re.sub(r"\bX\b", path, call) for path in PATHS]
    for call in LISTS:
        for first, second in PAIRS:
            result.append(re.sub(r"\b[AB]\b", lambda m: first if m[0] == "A" else second, call))
    return list(dict.fromkeys(result + OTHERS))


class Reference:
    """graphite-web, with a fetch that answers from memory."""

    def __init__(self, stored):
        os.environ["DJANGO_SETTINGS_MODULE"] = "graphite.settings"
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        from django.conf import settings
        settings.LOG_DIR = settings.STORAGE_DIR = tempfile.mkdtemp()
        settings.LOG_FILE_INFO = settings.LOG_FILE_EXCEPTION = "-"
        settings.LOG_FILE_CACHE = settings.LOG_FILE_RENDERING = "-"
        settings.TIME_ZONE = "UTC"
        os.environ["TZ"] = "UTC"
        time.tzset()
        settings.SECRET_KEY = "none"
        import django
        django.setup()
        from graphite.render import attime, datalib, evaluator, functions
        from graphite.tags.utils import TaggedSeries
        from graphite.tags.base import BaseTagDB
        import pytz
        self.datalib, self.evaluator, self.utc = datalib, evaluator, pytz.utc
        evaluator.fetchData = self.fetch
        evaluator.prefetchData = lambda context, paths: None
        self.stored = [(one, BaseTagDB.parse(one["name"]).tags) for one in stored]
        self.set_now(functions, attime)
        self.correct_moving_windows(functions)
        class TagDB:
            parse = staticmethod(BaseTagDB.parse)
        datalib.STORE.tagdb = functions.STORE.tagdb = TagDB()
        self.context = None

    def set_now(self, functions, attime):
        from datetime import datetime
        now = datetime.fromtimestamp(NOW, self.utc)
        parse = attime.parseATTime
        functions.parseATTime = lambda text, tzinfo=None, now_=now: parse(text, self.utc, now_)

    def correct_moving_windows(self, functions):
        """1.1.8 ends every window one point early; 1.2.0 has it as here."""
        from graphite.functions import loadFunctions, _SeriesFunctions
        loadFunctions()
        self.names = set(_SeriesFunctions)
        source = inspect.getsource(functions.movingWindow)
        wrong = "range(windowPoints, len(series))"
        assert wrong in source
        exec(source.replace(wrong, "range(windowPoints + 1, len(series) + 1)"), vars(functions))
        params = _SeriesFunctions["movingWindow"].params
        functions.movingWindow.params = params
        _SeriesFunctions["movingWindow"] = functions.movingWindow

    def find(self, pattern):
        if pattern.startswith("seriesByTag("):
            wanted = dict(text.split("=", 1) for text in re.findall(r"'([^']*)'", pattern))
            return [one for one, tags in self.stored
                    if all(tags.get(key) == value for key, value in wanted.items())]
        return [one for one, _ in self.stored if self.matches(one["name"].split(";")[0], pattern)]

    @staticmethod
    def matches(name, pattern):
        from graphite.finders import match_entries
        pieces = pattern.split(".")
        nodes = name.split(".")
        return len(nodes) == len(pieces) and all(
            match_entries([node], piece) for node, piece in zip(nodes, pieces))

    def fetch(self, context, pattern):
        start_time = int(context["startTime"].timestamp())
        end_time = int(context["endTime"].timestamp())
        result = []
        for one in self.find(pattern):
            step = one["step"]
            start = start_time // step * step + step
            end = end_time // step * step + step
            values = []
            for at in range(start, end, step):
                index = (at - one["start"]) // step
                inside = 0 <= index < len(one["values"])
                values.append(one["values"][index] if inside else None)
            series = self.datalib.TimeSeries(one["name"], start, end, step, values,
                                             xFilesFactor=context.get("xFilesFactor"))
            series.pathExpression = pattern
            result.append(series)
        return result

    def evaluate(self, target, share):
        from datetime import datetime
        context = {"startTime": datetime.fromtimestamp(RANGE[0], self.utc),
                   "endTime": datetime.fromtimestamp(RANGE[1], self.utc),
                   "now": datetime.fromtimestamp(NOW, self.utc), "tzinfo": self.utc, "data": [],
                   "localOnly": True, "template": {}, "prefetched": {}, "xFilesFactor": share}
        answer = []
        for series in self.evaluator.evaluateTarget(context, target):
            answer.append({"name": series.name, "start": series.start, "end": series.end,
                           "step": int(series.step), "values": list(series),
                           "tags": dict(series.tags)})
        return answer


def number(value):
    return {"inf": math.inf, "-inf": -math.inf}.get(value, value)


def same_value(ours, theirs, tolerance=1e-9):
    ours = number(ours)
    if isinstance(theirs, float) and math.isnan(theirs):
        theirs = None
    if ours is None or theirs is None:
        return ours is None and theirs is None
    if math.isinf(ours) or math.isinf(theirs):
        return ours == theirs
    return abs(ours - theirs) <= tolerance * max(abs(ours), abs(theirs), 1e-6)


def difference(ours, theirs):
    """The first thing that differs, or None."""
    if isinstance(theirs, Exception) or "error" in ours:
        if isinstance(theirs, Exception) and "error" in ours:
            return None
        return f"ours {str(ours)[:150]}, theirs {str(theirs)[:150]!r}"
    ours = ours["series"]
    if len(ours) != len(theirs):
        return f"{len(ours)} series, not {len(theirs)}"
    for mine, other in zip(ours, theirs):
        for key in ("name", "start", "end", "step", "tags"):
            if mine[key] != other[key]:
                return f"{key} {mine[key]!r}, not {other[key]!r}"
        if len(mine["values"]) != len(other["values"]):
            return f"{len(mine['values'])} values, not {len(other['values'])}"
        for index, (a, b) in enumerate(zip(mine["values"], other["values"])):
            if not same_value(a, b):
                return f"values[{index}] of {mine['name']} {a!r}, not {b!r}"
    return None


class Ours:
    def __init__(self, driver, stored):
        self.process = subprocess.Popen([driver], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        loaded = self.ask({"series": stored})
        self.functions, self.catalog = loaded["functions"], loaded["catalog"]

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def evaluate(self, target, share):
        request = {"target": target, "from": RANGE[0], "until": RANGE[1], "now": NOW, "zone": "UTC"}
        if share is not None:
            request["xFilesFactor"] = share
        return self.ask(request)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    stored = stored_series()
    reference, ours = Reference(stored), Ours(arguments.driver, stored)
    compared, known, failures = 0, {}, []
    used = set()
    for share in (None, 0.5):
        for target in targets():
            compared += 1
            used |= {name for name in ours.functions if name + "(" in target}
            try:
                theirs = reference.evaluate(target, share)
            except Exception as error:  # whatever it fails with
                theirs = error
            text = difference(ours.evaluate(target, share), theirs)
            if text is None:
                continue
            reason = deviation(target, isinstance(theirs, Exception))
            if reason is None:
                failures.append(f"{target} (xFilesFactor {share}): {text}")
            else:
                known[reason] = known.get(reason, 0) + 1
    for failure in failures if arguments.verbose else failures[:50]:
        print("FAILED", failure)
    for reason, count in known.items():
        print(f"deviation, {count} targets: {reason}")
    absent = sorted(reference.names - used)
    print("of graphite-web not compared:", ", ".join(absent) or "none")
    print(f"{len(ours.functions)} functions, {len(used)} compared, {compared} targets, "
          f"{sum(known.values())} known deviations, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
