#!/usr/bin/python3
"""find, expand, index, tags and events: the same calls to graphite-web and to the query service, over the
same whisper tree and the same tagged series.

Usage: http_conformance_test.py [--seed N] [--count N]     (PLUMBAGO_BIN: the programs)

graphite-web runs in this process under Django's client with sqlite. Its standard finder reads a copy
of our store's directory without the files of tagged series, which it would show as nodes of _tagged;
for exact names of tagged series the directory itself. A fixed list of calls and `count` random ones are compared as parsed answers.
What is known to differ is in DEVIATIONS, each with its reason; one that no call needed fails the test.
"""
import argparse
import collections
import json
import logging
import os
import pathlib
import pickle
import random
import shutil
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

import harness  # noqa: E402  pylint: disable=wrong-import-position

os.environ["DJANGO_SETTINGS_MODULE"] = "graphite.settings"

import msgpack  # noqa: E402  pylint: disable=wrong-import-position
import whisper  # noqa: E402  pylint: disable=wrong-import-position

DEVIATIONS = {
    "context": "carbonapi and Grafana's types have it in treejson; here it is an empty object",
    "intervals": "here they reach from 0 to now: what a shard has is not known without reading it",
    "branch and leaf": "treejson has a name that is both as a branch only, or as either where the "
                       "pattern has several branches: its points could not be chosen; here it has both",
    "order of equal names": "random in graphite-web; here by path",
    "tagged index": "index.json and find show the files of tagged series as nodes of _tagged; here only "
                    "index.json has them, by their names",
    "empty node": "a pattern with an empty node finds nothing, or what is above; here it is a 400",
    "server error": "wrong parameters fail with 500; here they are a 400, or find nothing",
    "globstar of braces": "{a,*} with the * of a completer is a* and **; here a node is ** only as a whole",
    "tag id": "rows of an SQL database have ids; there is none here",
    "limit 0": "completes nothing; here it is no limit of the client's: Grafana's backend sends it",
    "negative limit": "means none, or cuts off the end, by endpoint; here it is a 400",
    "untagged series": "a name without tags has a tag `name` in the database; here only tagged ones have",
    "deleted tags": "tags and values of deleted series stay in the database; here they go with them",
    "events page": "GET /events is a page for people; here it is the JSON of get_data",
    "repeated tag": "set=intersection finds nothing where a tag is given twice; here it counts once",
    "anchored alternatives": "^ binds the first alternative of a regex only; here all of them",
}

LEAVES = [
    "carbon.agents.a.cpu", "carbon.agents.a.mem", "carbon.agents.b.cpu", "carbon.relays.r1.cpu",
    "both", "both.inner", "both.inner.deep", "web.both", "web.both.x",
    "web.a1.cpu.user", "web.a1.cpu.system", "web.a2.cpu.user", "web.b10.cpu.user", "web.b2.disk.sda",
    "web.b2.disk.sdb", "web.c-d.cpu.user", "web.c_d.cpu.user", "web.C_D.cpu.user", "web.x%2Fy.cpu",
    "web.p+q.cpu", "web.p q.cpu", "h\u00f6st.\u00fc", "numbers.1", "numbers.10", "numbers.2", "numbers.02",
    "quote's.a", "eq=a.b", "deep.1.2.3.4.5.6", "a.b", "a.c", "a.b.c", "A.b", "single", "Single",
]
TAGGED = [
    f"{name};host={host};dc={dc}" + (f";rack={rack}" if rack else "")
    for name in ("cpu", "mem.used", "disk") for host in ("a1", "a2", "b1") for dc in ("x", "y")
    for rack in (("r1", "") if host == "a1" else ("",))
] + ["cpu;only=cpu", "unicode;k\u00f6=v\u00e4", "spaces;k=a b", "tilde;k=a~b", "many;a=1;b=2;c=3;d=4"]


class Reference:
    """graphite-web in this process."""

    def __init__(self, tree):
        self.directory = tempfile.mkdtemp(prefix="plumbago-graphite-")
        self.live_tree = str(tree)
        self.tree = shutil.copytree(tree, self.directory + "/whisper", ignore=shutil.ignore_patterns("_tagged"))
        from django.conf import settings
        settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3",
                                          "NAME": self.directory + "/graphite.db"}}
        settings.ALLOWED_HOSTS = ["*"]
        settings.WHISPER_DIR = self.tree
        settings.STANDARD_DIRS = [self.tree]
        settings.FIND_CACHE_DURATION = settings.TAGDB_CACHE_DURATION = 0
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
        import graphite_setup
        self.log_directory = graphite_setup.load()
        logging.disable(logging.CRITICAL)
        from django.core.management import call_command
        from django.test import Client
        call_command("migrate", run_syncdb=True, verbosity=0)
        self.client = Client(raise_request_exception=False)
        from graphite.storage import STORE
        self.finder, = STORE.get_finders(True)

    def ask(self, call):
        self.finder.directories = [self.live_tree if ";" in str(call.get("query")) else self.tree]
        query = urllib.parse.urlencode(call.parameters)
        if call.path.startswith("/events"):
            answer = self.client.generic(call.method, f"{call.path}?{query}" if call.method == "GET" else call.path,
                                         data=call.get("body", ""), content_type="application/json",
                                         HTTP_ACCEPT="application/json")
        elif call.method == "POST":
            answer = self.client.post(call.path, data=query,
                                      content_type="application/x-www-form-urlencoded")
        else:
            answer = self.client.get(f"{call.path}?{query}")
        return answer.status_code, answer.content

    def close(self):
        from django.db import connections
        connections.close_all()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.log_directory, ignore_errors=True)


class Call(collections.namedtuple("Call", "method path parameters")):
    def get(self, name, default=None):
        return dict(self.parameters).get(name, default)

    def __str__(self):
        return f"{self.method} {self.path}?{urllib.parse.urlencode(self.parameters)}"


def get(path, *parameters):
    return Call("GET", path, list(parameters))


def post(path, *parameters):
    return Call("POST", path, list(parameters))


def find(query, **more):
    return get("/metrics/find", ("query", query), *more.items())


def fixed_calls():
    queries = ["*", "*.*", "web.*", "web.*.*", "web.*.cpu.*", "web.{a1,b2}.*", "web.{a,b}*.cpu.user",
               "web.[ab]*", "web.[!a]*", "web.a?.cpu.user", "web.a1", "web.a1.cpu.user", "nothing.*", "both",
               "both.*", "*both*", "web.c{-,_}d.*", "**", "web.**", "**.cpu", "**.cpu.*", "web.**.user",
               "deep.**", "{a,A}.b", "{a,b,}*", "web.x*", "web.p*", "h\u00f6st.*", "numbers.*", "numbers.[0-9]*",
               "quote's.*", "eq=*.b", "s*", "S*", "web.\\a1.*", "[", "{", "a.{b,c", "web.*.cpu.[su]*", "a.b",
               "cpu;dc=x;host=a2", "no;such=tag"]
    calls = [find(query) for query in queries]
    for form in ("completer", "json", "nodelist", "pickle", "msgpack"):
        calls += [find(query, format=form) for query in ("*", "web.*", "web.*.*", "both", "nothing", "a.b*")]
    calls += [find(query, format="completer") for query in ("we", "web.", "web.a", "carbon.agents..c", "")]
    calls += [
        find("web.a1,b2.*", format="completer", automatic_variants=1), find("a,A.b", automatic_variants=1),
        find("web.*", wildcards=1), find("web.a1.cpu.*", wildcards=1), find("single", wildcards=1), find("{a,*}", format="completer"),
        find("*", wildcards=1, format="completer"), find("nothing", wildcards=1),
        find("web.*", leavesOnly=1), find("*", leavesOnly=1, format="json"), find("web.*", wildcards="x"),
        find("web.*", leavesOnly=""), find("web.*", local=1), find("web.*", format="nodelist", position=0),
        find("web.*.*", format="nodelist", position=1), find("web.*.*", format="nodelist", position=-2),
        find("web.*", format="nodelist", position="x"), find("web.*", format="nodelist", position=5),
        find("web.*", format="wrong"), find("web.*", **{"from": "-1h", "until": "now"}),
        find("web.*", **{"from": "-1", "until": "-1"}), find("web.*", **{"from": "wrong"}),
        find("web.*", until="wrong"), find("web.*", now="wrong"), find("web.*", tz="Europe/Berlin"),
        find("web.*", tz="No/Where"), find("web.*", pretty=1), find("web..cpu"), find("web."), find(".web"),
        get("/metrics/find"), get("/metrics", ("query", "web.*")), get("/metrics/find/", ("query", "web.*")),
        post("/metrics/find", ("query", "web.{a1,b2}.*")),
        get("/metrics/find", ("query", "web.*"), ("query", "both")),
        get("/metrics/expand"), get("/metrics/expand", ("query", "web.*"), ("query", "both")),
        get("/metrics/expand", ("query", "web.*"), ("query", "both*"), ("groupByExpr", 1)),
        get("/metrics/expand", ("groupByExpr", 1)), get("/metrics/expand", ("query", "*"), ("leavesOnly", 1)),
        get("/metrics/expand", ("query", "*"), ("leavesOnly", "x")), get("/metrics/expand", ("query", "no.*")),
        get("/metrics/expand/", ("query", "**.cpu")), post("/metrics/expand", ("query", "web.*.*")),
        get("/metrics/expand", ("query", "web.*"), ("query", "web.a*"), ("groupByExpr", 1), ("leavesOnly", 1)),
        get("/metrics/index.json"), get("/metrics/index.json", ("local", 1)),
    ]
    return calls + fixed_tag_calls() + event_calls()


def fixed_tag_calls():
    expressions = [["name=cpu"], ["name=cpu", "dc=x"], ["host=~a"], ["host=~^a1$"], ["rack="], ["rack=", "dc=x"],
                   ["rack!="], ["rack!=r1", "name=cpu"], ["rack=~", "name=cpu"], ["host!=~a.*", "dc=~."], ["dc!=x"],
                   ["name=~mem"], ["name=mem.used"], ["name=~^(cpu|disk)$", "host=b1"], ["no=tag"], ["wrong"],
                   ["=x"], ["a;b=c"], ["k=a b"], ["k\u00f6=v\u00e4"], ["k=a~b"], ["host=~^b1|1"], ["host=~a1|b1"],
                   ["name=web.a1.cpu.user"], ["dc=x", "dc=x"], ["dc=x", "dc=y"], ["rack!=~r", "dc=x"], []]
    calls = []
    for spelling in ("expr", "expr[]"):
        for one in expressions:
            parameters = [(spelling, text) for text in one]
            calls.append(get("/tags/findSeries", *parameters))
            calls.append(get("/tags/autoComplete/tags", *parameters))
            calls.append(get("/tags/autoComplete/values", ("tag", "host"), *parameters))
    for method in (get, post):
        calls += [method("/tags/findSeries", ("expr", "name=disk")),
                  method("/tags/autoComplete/tags", ("tagPrefix", "h")),
                  method("/tags/autoComplete/values", ("tag", "dc"), ("valuePrefix", "x"))]
    for limit in (0, 1, 2, 3, 10000, -1, "x", ""):
        calls += [get("/tags/autoComplete/tags", ("limit", limit)),
                  get("/tags/autoComplete/tags", ("limit", limit), ("expr", "name=cpu")),
                  get("/tags/autoComplete/values", ("tag", "host"), ("limit", limit)),
                  get("/tags/autoComplete/values", ("tag", "host"), ("limit", limit), ("expr", "dc=x")),
                  get("/tags", ("limit", limit)), get("/tags/host", ("limit", limit))]
    calls += [get("/tags"), get("/tags/"), get("/tags", ("filter", "r")), get("/tags", ("filter", "^(dc|host)$")),
              get("/tags", ("filter", "no")), get("/tags", ("pretty", 1)), post("/tags"),
              get("/tags/host"), get("/tags/name"), get("/tags/no"), get("/tags/host", ("filter", "a")),
              get("/tags/host", ("filter", "zzz")), get("/tags/rack", ("filter", "^r1$"), ("limit", 1)),
              get("/tags/k%C3%B6"), post("/tags/host"), get("/tags/a=b"), get("/tags", ("filter", "(")),
              get("/tags/autoComplete/values"), get("/tags/autoComplete/values", ("tag", "no")),
              get("/tags/autoComplete/tags", ("tagPrefix", "")), get("/tags/autoComplete/tags", ("tagPrefix", "zz")),
              get("/tags/autoComplete/values", ("tag", "host"), ("valuePrefix", "a"), ("expr", "dc=x")),
              get("/tags/autoComplete/values", ("tag", "host"), ("from", "undefined"), ("until", "undefined")),
              get("/tags/tagSeries", ("path", "a;b=c")), post("/tags/tagSeries"), get("/tags/delSeries"),
              post("/tags/tagMultiSeries"), post("/tags/delSeries"), post("/tags/tagSeries", ("path", ";a=b")),
              post("/tags/tagSeries", ("path", "a;b")), post("/tags/tagSeries", ("path", "a;b=")),
              post("/tags/tagSeries", ("path", "new;z=1;y=2;z=3")), get("/tags/findSeries", ("expr", "y=2")),
              post("/tags/tagSeries", ("path", 'om{b="2",a="x"}')), get("/tags/findSeries", ("expr", "b=2")),
              post("/tags/tagSeries", ("path", "named;name=other;q=1")), get("/tags/findSeries", ("expr", "q=1")),
              post("/tags/tagMultiSeries", ("path", "m1;gone=2"), ("path", "m2;gone=2")),
              post("/tags/tagMultiSeries", ("path[]", "m3;gone=2")), get("/tags/findSeries", ("expr", "gone=2")),
              post("/tags/delSeries", ("path", "m1;gone=2"), ("path", "not;there=1")),
              get("/tags/findSeries", ("expr", "gone=2")),
              post("/tags/delSeries", ("path[]", "m2;gone=2"), ("path[]", "m3;gone=2")),
              get("/tags/findSeries", ("expr", "gone=2")),
              get("/tags/gone"), post("/tags/tagSeries", ("path", "plain.untagged")),
              get("/tags/findSeries", ("expr", "name=plain.untagged")),
              post("/tags/delSeries", ("path", "plain.untagged"))]
    return calls


def add_event(body):
    return post("/events/", ("body", body if isinstance(body, str) else json.dumps(body)))


def event_calls():
    calls = [
        add_event({"what": "a", "when": 100, "tags": ["web", "deploy"], "data": "by \"hand\"\n"}),
        add_event({"what": "b", "when": 300, "tags": "db  deploy"}), add_event({"what": "c", "when": 200}),
        add_event({"what": "d\u00fc", "when": 200.75, "tags": ["web", "web"], "data": "<x>"}),
        add_event({"what": "e", "when": 250, "tags": []}), add_event({"what": "f", "when": 260, "tags": ""}),
        add_event({"what": "bad", "tags": 5}), add_event({"what": "bad", "tags": {"a": 1}}), add_event("[]"),
        add_event(""), add_event("{"), add_event({"tags": "a"}), add_event({"what": "x", "when": "soon"}),
        get("/events/get_data"), get("/events"), get("/events/get_data", ("jsonp", "call")),
        get("/events/1"), get("/events/1/"), get("/events/4"), get("/events/3"), get("/events/99"),
        Call("PUT", "/events/", []), Call("DELETE", "/events/", [])]
    for start, end in ((100, 300), (101, 299), (200, 200), (300, 100), (0, 99), ("19700101", "19700102"),
                       ("00:02_19700101", "now"), ("wrong", "now")):
        calls.append(get("/events/get_data", ("from", start), ("until", end)))
    for tags in ("web", "deploy", "web deploy", "deploy web", "web none", "none", "", " ", "web  deploy", "web db",
                 "db deploy web", "web web", "web,deploy"):
        for one in ("", "union", "intersection", "wrong"):
            calls.append(get("/events/get_data", ("tags", tags), *([("set", one)] if one else [])))
    return calls


def random_node(rng, node):
    kind = rng.randrange(8)
    at = rng.randint(0, len(node))
    if kind < 3:
        return node
    if kind == 3:
        return "*"
    if kind == 4:
        return node[:at] + "*"
    if kind == 5 and node:
        at = rng.randrange(len(node))
        return node[:at] + "?" + node[at + 1:]
    if kind == 6:
        return "{" + node + "," + rng.choice(["a", "cpu", "*", "b2"]) + "}"
    return "[a-" + rng.choice("cmz") + "]" + node[1:]


def random_call(rng):
    if rng.random() < 0.35:
        return random_tag_call(rng)
    parts = rng.choice(LEAVES).split(".")
    query = ".".join(random_node(rng, part) for part in parts[:rng.randint(1, len(parts))])
    kind = rng.random()
    if kind < 0.3:
        return get("/metrics/expand", ("query", query), ("leavesOnly", rng.randint(0, 1)),
                   ("groupByExpr", rng.randint(0, 1)))
    form = rng.choice(["treejson", "completer", "json", "nodelist", "pickle", "msgpack"])
    return find(query, format=form, wildcards=rng.randint(0, 1), leavesOnly=rng.randint(0, 1))


def random_tag_call(rng):
    tags = dict(tag.split("=", 1) for tag in rng.choice(TAGGED).split(";")[1:])
    tags["name"] = rng.choice(TAGGED).split(";")[0]
    parameters = []
    for _ in range(rng.randint(1, 3)):
        tag = rng.choice(list(tags))
        value = rng.choice(["", tags[tag], tags[tag][:1], "x"])
        parameters.append(("expr", tag + rng.choice(["=", "!=", "=~", "!=~"]) + value))
    kind = rng.randrange(3)
    if kind == 0:
        return get("/tags/findSeries", *parameters)
    limit = [("limit", rng.randint(1, 4))] if rng.random() < 0.5 else []
    if kind == 1:
        return get("/tags/autoComplete/tags", *parameters, *limit, ("tagPrefix", rng.choice(["", "h", "d"])))
    return get("/tags/autoComplete/values", ("tag", rng.choice(["host", "dc", "name"])), *parameters, *limit)


class Comparison:
    def __init__(self):
        self.used = collections.Counter()

    def note(self, deviation, happened=True):
        assert deviation in DEVIATIONS, deviation
        if happened:
            self.used[deviation] += 1
        return happened

    def is_same(self, call, theirs, ours):
        (their_status, their_body), (our_status, our_body) = theirs, ours
        if our_status == 400 and their_status != 400:
            query = call.get("query", "")
            if call.get("limit") == -1:
                return self.note("negative limit")
            if their_status == 200 and "" in query.split("."):
                return self.note("empty node")
            return their_status == 500 and self.note("server error")
        if their_status == 500 and call.get("format") == "nodelist":
            return self.note("server error", json.loads(our_body) == {"nodes": []})
        if their_status != 200 or our_status != 200:
            return their_status == our_status
        if call.path.startswith("/events"):
            return self.are_events_equal(call, their_body, our_body)
        form = call.get("format", "treejson") if call.path.startswith("/metrics") else ""
        if form in ("pickle", "msgpack"):
            load = pickle.loads if form == "pickle" else msgpack.loads
            return self.normal_nodes(load(their_body)) == self.normal_nodes(load(our_body))
        return self.are_equal(call, form, json.loads(their_body), json.loads(our_body))

    def are_events_equal(self, call, theirs, ours):
        if call.get("jsonp"):
            theirs, ours = theirs.removeprefix(b"call(")[:-1], ours.removeprefix(b"call(")[:-1]
        if call.path == "/events" and call.method == "GET":
            return self.note("events page", theirs.lstrip().startswith(b"<"))
        if not theirs or not ours:
            return theirs == ours
        return json.loads(theirs) == json.loads(ours)

    def are_equal(self, call, form, theirs, ours):
        if call.path.startswith("/tags"):
            return self.without_ids(call, theirs) == self.without_ids(call, ours)
        if call.path == "/metrics/index.json":
            plain = [name for name in ours if ";" not in name]
            self.note("tagged index", len(plain) != len(ours))
            return theirs == plain
        if "expand" in call.path:
            return theirs == ours
        if form == "treejson":
            return self.normal_tree(theirs, ours) == self.normal_tree(ours, theirs)
        if form == "json":
            return self.normal_nodes(theirs) == self.normal_nodes(ours)
        if form == "completer":
            return self.normal_completer(theirs) == self.normal_completer(ours)
        return theirs == ours

    def without_ids(self, call, value):
        if isinstance(value, list):
            entries = [self.without_ids(call, one) for one in value]
            return [one for one in entries if one is not None]
        if not isinstance(value, dict):
            return value
        self.note("tag id", "id" in value)
        return {key: self.without_ids(call, one) for key, one in value.items() if key != "id"}

    def normal_nodes(self, nodes):
        result = []
        for node in nodes:
            assert node["is_leaf"] == bool(node.get("intervals")), node
            self.note("intervals", node["is_leaf"])
            result.append((node["path"], node["is_leaf"]))
        return sorted(result)

    def normal_completer(self, value):
        nodes = value["metrics"]
        names = [node["name"] for node in nodes if "path" in node]
        assert names == sorted(names), names
        self.note("order of equal names", len(set(names)) < len(names))
        return sorted(nodes, key=lambda node: ("path" not in node, node.get("path"), node.get("is_leaf")))

    def normal_tree(self, tree, other):
        """Without what is a branch on one side and a leaf, too or instead, on the other."""
        kinds = collections.defaultdict(set)
        for node in [*tree, *other]:
            kinds[node["id"]].add(node["leaf"])
        both = {name for name, leaf in kinds.items() if len(leaf) == 2}
        self.note("branch and leaf", bool(both))
        result = []
        for node in tree:
            assert all(isinstance(node[key], int) for key in ("leaf", "expandable", "allowChildren"))
            self.note("context", "context" in node)
            node = {key: one for key, one in node.items() if key != "context"}
            result.append(node if node["id"] not in both else None)
        return [node for node in result if node] + sorted(both)


def known_to_differ(comparison, call):
    """Deviations that the call itself tells."""
    texts = [str(value) for _, value in call.parameters]
    if call.get("format") == "completer" and call.get("query", "").endswith("*}"):
        return comparison.note("globstar of braces")
    if call.get("limit") == 0 and call.path.startswith("/tags/autoComplete"):
        return comparison.note("limit 0")
    if any("^b1|1" in text for text in texts):
        return comparison.note("anchored alternatives")
    if call.get("tags") in ("web web", "web  web") and call.get("set") == "intersection":
        return comparison.note("repeated tag")
    if any("plain.untagged" in text for text in texts) and call.path == "/tags/findSeries":
        return comparison.note("untagged series")
    if call.path == "/tags/gone":
        return comparison.note("deleted tags")
    return False


def make_tree(tree):
    for leaf in LEAVES:
        path = tree / (leaf.replace(".", "/") + ".wsp")
        path.parent.mkdir(parents=True, exist_ok=True)
        whisper.create(str(path), [(60, 10)])


def ask_ours(cluster, call):
    query = urllib.parse.urlencode(call.parameters)
    url = cluster.url(call.path)
    if call.path.startswith("/events"):
        return ask_events(url, call, query)
    if call.method == "POST":
        return harness.http(url, query, {"Content-Type": "application/x-www-form-urlencoded"})[::2]
    return harness.http(f"{url}?{query}")[::2]


def ask_events(url, call, query):
    request = urllib.request.Request(f"{url}?{query}" if call.method == "GET" else url, method=call.method,
                                     data=None if call.method == "GET" else call.get("body", "").encode(),
                                     headers={"Content-Type": "application/json", "Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def run(options, cluster, tree):
    reference = Reference(tree)
    try:
        tag_all = post("/tags/tagMultiSeries", *[("path", path) for path in TAGGED])
        rng = random.Random(options.seed)
        calls = [tag_all, *fixed_calls(), *[random_call(rng) for _ in range(options.count)]]
        comparison = Comparison()
        failures = 0
        for call in calls:
            theirs, ours = reference.ask(call), ask_ours(cluster, call)
            try:
                is_same = comparison.is_same(call, theirs, ours)
            except (AssertionError, ValueError, KeyError, TypeError) as error:
                is_same = False
                print(f"{type(error).__name__}: {error}")
            if is_same or known_to_differ(comparison, call):
                continue
            failures += 1
            print(f"DIFFERS {call}\n  graphite-web {theirs[0]} {theirs[1][:700]!r}\n  here         {ours[0]} {ours[1][:700]!r}")
        unused = [name for name in DEVIATIONS if name not in comparison.used]
        print(f"{len(calls)} calls, {failures} differ; {len(DEVIATIONS)} known deviations: "
              + ", ".join(f"{name} ({comparison.used[name]})" for name in DEVIATIONS))
        if unused:
            print("deviations that no call shows: " + ", ".join(unused))
        return 1 if failures or unused else 0
    finally:
        reference.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--count", type=int, default=400)
    options = parser.parse_args()
    print(f"seed {options.seed}")
    cluster = harness.Cluster(os.environ["PLUMBAGO_BIN"], shards=1, schemas="[a]\npattern = .*\nretentions = 60:10\n")
    tree = cluster.stores[0].data_dir / "whisper" / "default"
    make_tree(tree)
    with cluster:
        harness.wait_until(lambda: len(cluster.get("/metrics/index.json")) == len(LEAVES), "the tree is scanned")
        return run(options, cluster, tree)


if __name__ == "__main__":
    sys.exit(main())
