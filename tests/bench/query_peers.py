"""What ./plumbago bench query asks, of us and of its peers: how each is started, filled and asked.

A system has `name`, `pids`, `render_url(row)`, `find_url(pattern)`, `last_values(row, body)` and `stop()`.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

import whisper

from measure import harness

RANGE_SECONDS = 23 * 3600
STEP = 60


class Row:
    """One question: in Graphite's language and in MetricsQL; `goal` in seconds."""

    def __init__(self, name, target, metricsql, goal, is_exact=True):
        self.name = name
        self.target = target
        self.metricsql = metricsql
        self.goal = goal
        self.is_exact = is_exact  # peers have the same values at the end of the range


def rows_of(prefix):
    every = f"{prefix}.*.*.*.*.values.*"
    tenth = f"{prefix}.dc0.rack0.*.*.values.*"
    return [
        Row("sumSeries of all", f"sumSeries({every})", f'sum({{__graphite__="{every}"}})', 0.10),
        Row("groupByNode of all", f'groupByNode({every},2,"sum")',
            f'sum by (__name__) (label_graphite_group({{__graphite__="{every}"}}, 2))', 0.10),
        Row("a tenth as JSON", tenth, f'{{__graphite__="{tenth}"}}', 0.06),
        # Windows begin and end differently.
        Row("highestAverage(movingAverage)", f"highestAverage(movingAverage({tenth},10),5)",
            f'topk_avg(5, avg_over_time({{__graphite__="{tenth}"}}[10m]))', 0.04, is_exact=False),
    ]


class Graphite:
    """Whatever speaks Graphite's HTTP API."""

    def __init__(self, name, base, end, pids):
        self.name = name
        self.base = base
        self.end = end
        self._pids = pids

    @property
    def pids(self):
        return self._pids()

    def render_url(self, target, points_max=None):
        parameters = {"target": target, "from": self.end - RANGE_SECONDS, "until": self.end,
                      "format": "json", "noCache": 1}
        if points_max:
            parameters["maxDataPoints"] = points_max
        return f"{self.base}/render?{urllib.parse.urlencode(parameters)}"

    def row_url(self, row):
        return self.render_url(row.target)

    def find_url(self, pattern):
        return f"{self.base}/metrics/find?" + urllib.parse.urlencode(
            {"query": pattern, "format": "completer", "noCache": 1})

    def last_values(self, body):
        """The values at the end of the range, sorted, and how many series there are."""
        answer = json.loads(body)
        last = [value for series in answer for value, time in series["datapoints"][-2:]
                if time == self.end and value is not None]
        return len(answer), sorted(last)

    def stop(self):
        pass


class GraphiteWeb(Graphite):
    def __init__(self, trees, end):
        port = harness.free_port()
        super().__init__("graphite-web", f"http://127.0.0.1:{port}", end, lambda: [self.process.pid])
        self.directory = tempfile.mkdtemp(prefix="plumbago-bench-")
        script = pathlib.Path(__file__).with_name("query_bench_graphite.py")
        with open(os.path.join(self.directory, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(script), str(port), self.directory, *map(str, trees)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for_answer(f"{self.base}/version/", self.process)

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def graphite_web(trees, end):
    """None where it is not installed."""
    is_installed = pathlib.Path("/usr/lib/python3/dist-packages/graphite").is_dir()
    return GraphiteWeb(trees, end) if is_installed else None


def wait_for_answer(url, process):
    def answers():
        assert process.poll() is None, f"the peer at {url} ended at its start"
        try:
            return harness.http(url, timeout=2)[0] < 500
        except OSError:
            return False
    harness.wait_until(answers, f"{url} answers", 60)


class VictoriaMetrics:
    """Asked in MetricsQL; its Graphite API finds names, and renders in its enterprise version only."""

    name = "victoria-metrics"

    def __init__(self, program, end):
        self.end = end
        self.directory = tempfile.mkdtemp(prefix="plumbago-bench-")
        self.base = f"http://127.0.0.1:{harness.free_port()}"
        self.process = subprocess.Popen(
            [program, f"-httpListenAddr={self.base[7:]}", f"-storageDataPath={self.directory}",
             "-retentionPeriod=1", "-search.disableCache", "-search.maxUniqueTimeseries=1000000",
             "-search.maxSeries=1000000", "-loggerLevel=ERROR", "-search.latencyOffset=0s"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_answer(f"{self.base}/health", self.process)

    @property
    def pids(self):
        return [self.process.pid]

    def fill(self, trees, prefixes, name_prefix):
        """The points of the whisper files of these prefixes, and one point for the names."""
        batch = []
        for tree in trees:
            for path in sorted(pathlib.Path(tree).rglob("*.wsp")):
                metric = ".".join(path.relative_to(tree).with_suffix("").parts)
                points = [(self.end * 1000, 1)]
                if metric.split(".")[0] in prefixes:
                    points = self._points_of(path)
                elif metric.split(".")[0] != name_prefix:
                    continue
                batch.append(json.dumps({"metric": {"__name__": metric},
                                         "timestamps": [time for time, _ in points],
                                         "values": [value for _, value in points]}))
                if len(batch) == 500:
                    self._import(batch)
        self._import(batch)
        harness.http(f"{self.base}/internal/force_flush")

    def _points_of(self, path):
        (start, stop, step), values = whisper.fetch(str(path), self.end - 86400, self.end, self.end)
        return [(time * 1000, value) for time, value in zip(range(start, stop, step), values)
                if value is not None]

    def _import(self, batch):
        status, _, body = harness.http(f"{self.base}/api/v1/import", data="\n".join(batch), timeout=120)
        assert status == 204, body
        batch.clear()

    def row_url(self, row):
        parameters = {"query": row.metricsql, "start": self.end - RANGE_SECONDS + STEP, "end": self.end,
                      "step": STEP, "nocache": 1}
        return f"{self.base}/api/v1/query_range?{urllib.parse.urlencode(parameters)}"

    def find_url(self, pattern):
        return f"{self.base}/graphite/metrics/find?" + urllib.parse.urlencode(
            {"query": pattern, "format": "completer"})

    def last_values(self, body):
        result = json.loads(body)["data"]["result"]
        last = [float(value) for series in result for time, value in series["values"][-1:] if time == self.end]
        return len(result), sorted(last)

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def victoria_metrics(trees, end, prefixes, name_prefix):
    program = os.environ.get("VICTORIA_METRICS") or shutil.which("victoria-metrics")
    if program is None:
        return None
    system = VictoriaMetrics(program, end)
    try:
        system.fill(trees, prefixes, name_prefix)
    except BaseException:
        system.stop()
        raise
    return system


class CarbonapiPair(Graphite):
    """carbonapi in front of go-carbon, as CARBONAPI and GO_CARBON name their programs."""

    def __init__(self, carbonapi, go_carbon, trees, end):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="plumbago-bench-", dir=os.path.dirname(trees[0])))
        server, api = harness.free_port(), harness.free_port()
        for tree in trees:  # one tree of the same files
            subprocess.run(["cp", "-al", f"{tree}/.", str(self.directory / "whisper")], check=True)
        self._write("schemas.conf", "[all]\npattern = .*\nretentions = 60s:1d\n")
        self._write("go-carbon.conf", GO_CARBON_CONFIG.format(directory=self.directory, port=server))
        self._write("carbonapi.yaml", CARBONAPI_CONFIG.format(api=api, server=server))
        self.processes = []
        super().__init__("carbonapi", f"http://127.0.0.1:{api}", end,
                         lambda: [process.pid for process in self.processes])
        self._start([go_carbon, "-config", f"{self.directory}/go-carbon.conf"])
        wait_for_answer(f"http://127.0.0.1:{server}/metrics/list/?format=json", self.processes[0])
        self._start([carbonapi, "-config", f"{self.directory}/carbonapi.yaml"])
        wait_for_answer(f"{self.base}/lb_check", self.processes[1])

    def _write(self, name, text):
        (self.directory / name).write_text(text)

    def _start(self, command):
        with open(self.directory / "log", "ab") as log:
            self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def carbonapi_pair(trees, end):
    carbonapi, go_carbon = os.environ.get("CARBONAPI"), os.environ.get("GO_CARBON")
    if not carbonapi or not go_carbon:
        return None
    return CarbonapiPair(carbonapi, go_carbon, trees, end)


GO_CARBON_CONFIG = """
[common]
user = ""
metric-interval = "1h0m0s"
[whisper]
data-dir = "{directory}/whisper"
schemas-file = "{directory}/schemas.conf"
enabled = true
[cache]
max-size = 1000000
[udp]
enabled = false
[tcp]
enabled = false
[pickle]
enabled = false
[carbonlink]
enabled = false
[grpc]
enabled = false
[carbonserver]
listen = "127.0.0.1:{port}"
enabled = true
query-cache-enabled = false
find-cache-enabled = false
trie-index = true
trigram-index = false
scan-frequency = "1h0m0s"
max-globs = 1000000
max-metrics-globbed = 1000000
max-metrics-rendered = 1000000
read-timeout = "60s"
write-timeout = "60s"
"""

CARBONAPI_CONFIG = """
listeners:
  - address: "127.0.0.1:{api}"
concurency: 1000
cache: {{ type: "null" }}
backendCache: {{ type: "null" }}
upstreams:
  buckets: 10
  timeouts: {{ find: "60s", render: "60s", connect: "1s" }}
  backendsv2:
    backends:
      - groupName: "go-carbon"
        protocol: "carbonapi_v3_pb"
        lbMethod: "broadcast"
        maxTries: 1
        maxBatchSize: 0
        servers: ["http://127.0.0.1:{server}"]
logger:
  - {{ logger: "", file: "stderr", level: "error", encoding: "console" }}
"""
