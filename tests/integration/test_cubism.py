"""cubism.js in a browser, reading from the query service: a page of another origin asks for a metric
and for names, draws a horizon, and says what it got.

Needs chromium and npm (./plumbago test long installs both), and the npm registry, from which the two
packages come in the versions below; skipped with the reason where one of these is not there.
"""

import functools
import hashlib
import html
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[minute]\npattern = .*\nretentions = 60s:1d\n"
# Package, file in it, SHA-256 of the tarball.
PACKAGES = [
    ("d3@3.5.17", "package/d3.min.js", "da49ebf01f88a039c748eb4aa682fec45672f7c2abca3b363633b8f835065b35"),
    ("cubism@1.6.0", "package/cubism.v1.min.js", "32c87ee8b12a528fa0d61e203d432df5f6e1ade60720bd8f53d9639e9081f65b"),
]
MINUTES = 8
PAGE = """<!DOCTYPE html><meta charset="utf-8"><div id="chart"></div><pre id="values"></pre><pre id="paths"></pre>
<script src="d3.min.js"></script><script src="cubism.v1.min.js"></script><script>
var context = cubism.context().serverDelay(0).clientDelay(0).step(6e4).size(%(minutes)d);
var graphite = context.graphite("%(url)s");
var metric = graphite.metric("servers.a.cpu");
function say(id, value) { document.getElementById(id).textContent = JSON.stringify(value); }
d3.select("#chart").selectAll(".horizon").data([metric]).enter().append("div").attr("class", "horizon")
    .call(context.horizon().height(30).extent([0, 20]));
metric.on("change.test", function(start, stop) {
  var values = [];
  for (var i = 0; i < context.size(); ++i) values.push(metric.valueAt(i));
  setTimeout(function() {
    var canvas = document.querySelector("canvas");
    var pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    var drawn = 0;
    for (var i = 3; i < pixels.length; i += 4) drawn += pixels[i] > 0;
    say("values", {start: +start / 1000, stop: +stop / 1000, values: values, drawn: drawn});
  }, 200);
});
graphite.find("servers.*", function(error, paths) { say("paths", error ? String(error) : paths); });
</script>"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass


def fetch_packages(directory):
    """The scripts beside the page; why not, where they cannot be had."""
    for package, script, digest in PACKAGES:
        packed = subprocess.run(["npm", "pack", "--silent", package], cwd=directory, capture_output=True, timeout=120)
        if packed.returncode != 0:
            return f"npm cannot get {package}: {packed.stderr.decode()[-300:]}"
        tarball = directory / packed.stdout.decode().split()[-1]
        assert hashlib.sha256(tarball.read_bytes()).hexdigest() == digest, f"{tarball.name} is not the one that we know"
        with tarfile.open(tarball) as archive:
            (directory / pathlib.Path(script).name).write_bytes(archive.extractfile(script).read())
    return None


class CubismTest(unittest.TestCase):
    def setUp(self):
        self.browser = shutil.which("chromium") or shutil.which("chromium-browser")
        for program, path in (("chromium", self.browser), ("npm", shutil.which("npm"))):
            if path is None:
                self.skipTest(f"{program} is not installed; ./plumbago test long installs it")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="plumbago-cubism-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        problem = fetch_packages(self.directory)
        if problem:
            self.skipTest(problem)

    def serve(self):
        handler = functools.partial(QuietHandler, directory=str(self.directory))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/page.html"

    def look(self, url):
        """The page's own words after it has loaded all."""
        answer = subprocess.run(
            [self.browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             f"--user-data-dir={self.directory}/profile", "--virtual-time-budget=15000", "--dump-dom", url],
            capture_output=True, timeout=120, env={**os.environ, "HOME": str(self.directory)})
        page = answer.stdout.decode()
        found = {key: re.search(rf'<pre id="{key}">(.*?)</pre>', page, re.S) for key in ("values", "paths")}
        self.assertTrue(all(one and one[1] for one in found.values()), page[-2000:] + answer.stderr.decode()[-2000:])
        return {key: json.loads(html.unescape(one[1])) for key, one in found.items()}

    def test_a_horizon_shows_what_was_sent(self):
        with harness.Cluster(BIN, shards=1, schemas=SCHEMAS, cache_flags=["--flush-age", "300ms"]) as cluster:
            end = int(time.time()) // 60 * 60
            points = {end - 60 * i: float(i % 7 + 1) for i in range(20)}
            cluster.send_tcp("".join(f"servers.{host}.cpu {value} {at}\n"
                                     for host in "ab" for at, value in points.items()))
            cluster.wait_until_stored(40)
            (self.directory / "page.html").write_text(PAGE % {"minutes": MINUTES, "url": cluster.url("")})
            seen = self.look(self.serve())
        self.assertEqual(seen["paths"], ["servers.a.", "servers.b."])
        start, values = int(seen["values"]["start"]), seen["values"]["values"]
        self.assertEqual(len(values), MINUTES)
        expected = [points.get(start + 60 * i) for i in range(MINUTES)]
        # The newest minutes may be later than what was sent.
        known = [(mine, theirs) for mine, theirs in zip(values, expected) if theirs is not None]
        self.assertGreaterEqual(len(known), MINUTES - 3)
        self.assertEqual([mine for mine, _ in known], [theirs for _, theirs in known])
        self.assertGreater(seen["values"]["drawn"], 50)


if __name__ == "__main__":
    unittest.main()
