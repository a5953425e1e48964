"""What a ledger client was told, and whether a system still has it."""

import json
import pathlib
import subprocess
import urllib.parse

import harness

# Rows of one request to /render: answers of a few megabytes.
ROWS_PER_READ = 500


class Ledger:
    """A ledger client beside a cluster. Use as a context manager: the client runs inside."""

    def __init__(self, cluster, cache, first_time, series=200, rows_per_second=100, prefix="chaos"):
        self.path = cluster.directory / f"{prefix}.ledger"
        self.series = series
        self.first_time = first_time
        self.prefix = prefix
        self.command = [
            str(cluster.bin / "ledger_client"), "--cache", cache.address, "--ledger", str(self.path),
            "--series", str(series), "--first-time", str(first_time),
            "--rows-per-second", str(rows_per_second), "--prefix", prefix]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        return self

    def __exit__(self, kind, error, traceback):
        self.process.terminate()
        self.process.wait()

    def row_count(self):
        """Rows 0 .. n-1 are acknowledged."""
        if not self.path.exists():
            return 0
        rows = [int(line) for line in self.path.read_text().split("\n")[:-1]]
        assert rows == list(range(len(rows))), f"{self.path} is not a ledger"
        return len(rows)

    def wait_for_rows(self, count, seconds=60):
        harness.wait_until(lambda: self.row_count() >= count, f"{count} rows are acknowledged", seconds)

    def missing(self, base_url, first_row=0):
        """Acknowledged points from `first_row` on that /render of `base_url` does not give as they were
        sent, as (series, row, value found). Also what it gives and nobody sent."""
        faults = []
        row_count = self.row_count()
        for first in range(first_row, row_count, ROWS_PER_READ):
            faults += self._missing_of(base_url, first, min(first + ROWS_PER_READ, row_count))
        return faults

    def _missing_of(self, base_url, first, end):
        query = urllib.parse.urlencode({
            "target": f"{self.prefix}.*", "format": "json",
            "from": self.first_time + first - 1, "until": self.first_time + end - 1})
        status, _, body = harness.http(f"{base_url}/render?{query}", timeout=60)
        assert status == 200, f"{status} {body[:500]!r}"
        found = {answer["target"]: {time: value for value, time in answer["datapoints"]
                                    if value is not None}
                 for answer in json.loads(body)}
        faults = []
        for i in range(self.series):
            values = found.get(f"{self.prefix}.s{i}", {})
            for row in range(first, end):
                value = values.get(self.first_time + row)
                if value != row:
                    faults.append((i, row, value))
        return faults
