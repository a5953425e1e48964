"""Proves that the ledger finds what it has to find: a server that loses or alters one point in ten
thousand."""

import http.server
import json
import pathlib
import tempfile
import threading
import types
import unittest
import urllib.parse

import ledger

SERIES = 100
ROWS = 1000
FIRST_TIME = 1_700_000_000


class FakeServer:
    """/render of a server that has every point but those that `alter` changes."""

    def __init__(self, alter):
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                body = json.dumps(fake.render(int(query["from"][0]), int(query["until"][0]))).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.alter = alter
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def render(self, start, end):
        return [{"target": f"chaos.s{i}",
                 "datapoints": [[self.alter(i, time - FIRST_TIME), time]
                                for time in range(start + 1, end + 1)]}
                for i in range(SERIES)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class LedgerTest(unittest.TestCase):
    def missing(self, alter):
        with tempfile.TemporaryDirectory() as directory:
            cluster = types.SimpleNamespace(directory=pathlib.Path(directory), bin=pathlib.Path("/"))
            book = ledger.Ledger(cluster, types.SimpleNamespace(address=""), FIRST_TIME, series=SERIES)
            book.path.write_text("".join(f"{row}\n" for row in range(ROWS)))
            fake = FakeServer(alter)
            try:
                return book.missing(fake.url)
            finally:
                fake.close()

    def test_a_server_that_has_everything_passes(self):
        self.assertEqual(self.missing(lambda series, row: row), [])

    def test_a_server_that_loses_one_point_in_ten_thousand_is_caught(self):
        faults = self.missing(lambda series, row: None if (series * ROWS + row) % 10_000 == 77 else row)
        self.assertEqual(faults, [(series, 77, None) for series in range(0, SERIES, 10)])

    def test_an_altered_value_is_caught(self):
        faults = self.missing(lambda series, row: row + 1 if (series, row) == (5, 999) else row)
        self.assertEqual(faults, [(5, 999, 1000)])


if __name__ == "__main__":
    unittest.main()
