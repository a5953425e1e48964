// Graphite's HTTP API over a fake shard: what clients send, what they get, and how errors look. The
// clock stands at 2000 s; the stored series has points at 1970, 1980 and 1990.
#include "http_api.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "answer.h"
#include "base/sha256.h"
#include "foreign/carbonapi_v3.pb.h"
#include "query/testing/fake_shards.h"

namespace plumbago::query {
namespace {

using Json = nlohmann::json;
using HeaderList = std::vector<std::pair<std::string, std::string>>;

class Fixture {
 public:
  explicit Fixture(Authentication authentication = Authentication::kNone)
      : api({engine, functions, snapshots, clock, metrics},
            {.authentication = authentication, .cors_origin = "*"}) {
    clients.shards["shard-0"] = shard;
    shard->stored["web.a"].points = {{1970, 1}, {1980, 2}, {1990, 3}};
    v1::Snapshot proto;
    proto.set_version(1);
    auto* topology = proto.mutable_topology();
    topology->set_epoch(1);
    auto* info = topology->add_shard();
    info->set_id("shard-0");
    info->set_cache_address("c");
    info->set_store_address("s");
    info->set_state(v1::Shard::ACTIVE);
    auto* range = topology->add_slots();
    range->set_last(topology::kSlotCount - 1);
    range->add_shard("shard-0");
    AddTenant("acme", v1::Tenant::ACTIVE, proto);
    AddTenant("gone", v1::Tenant::DELETING, proto);
    AddKey("acme", "reader", v1::Key::READ, proto);
    AddKey("acme", "writer", v1::Key::INGEST, proto);
    AddKey("gone", "late", v1::Key::READ, proto);
    snapshots.Publish(*topology::Snapshot::FromProto(proto));
  }

  http::Response Send(const std::string& method, const std::string& path, const std::string& query,
                      const std::string& body = {}, const HeaderList& headers = {}) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.body = body;
    for (const auto& [name, value] : headers) request.headers.Add(name, value);
    return api.Handle(request);
  }

  http::Response Get(const std::string& path, const std::string& query = {},
                     const HeaderList& headers = {}) {
    return Send("GET", path, query, "", headers);
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(2000)};
  base::Metrics metrics;
  std::shared_ptr<FakeShard> shard = std::make_shared<FakeShard>();
  FakeShards clients;
  functions::FunctionTable functions = functions::MakeBuiltinFunctions();
  topology::SnapshotHolder snapshots;
  Engine engine{Limits(), functions, clients, clock};
  HttpApi api;

 private:
  static void AddTenant(const std::string& id, v1::Tenant::State state, v1::Snapshot& proto) {
    auto* tenant = proto.add_tenant();
    tenant->set_id(id);
    tenant->set_state(state);
  }
  static void AddKey(const std::string& tenant, const std::string& secret, v1::Key::Scope scope,
                     v1::Snapshot& proto) {
    auto* key = proto.add_key();
    key->set_id("key-" + secret);
    key->set_tenant(tenant);
    key->add_scope(scope);
    key->set_secret_sha256(base::Sha256(secret));
  }
};

constexpr char kWebA[] =
    R"([{"target":"web.a","tags":{"name":"web.a"},"datapoints":[[1.0,1970],[2.0,1980],[3.0,1990]]}])";

TEST_CASE("Render answers GET and POST, with every kind of path and parameter", "[http_api]") {
  Fixture fixture;
  const HeaderList form = {{"Content-Type", "application/x-www-form-urlencoded"}};
  CHECK(fixture.Get("/render", "target=web.a&from=1960&until=1990&format=json").body == kWebA);
  CHECK(fixture.Get("//render/", "target[]=web.a&from=1960&until=1990&format=json").body == kWebA);
  CHECK(fixture.Get("/render", "target=web.a&from=-40s&until=-10s&format=json").body == kWebA);
  CHECK(fixture.Get("/render", "target=web.a&until=1960&from=1990&format=json").body == kWebA);
  CHECK(fixture
            .Send("POST", "/render", "from=1&format=raw",
                  "target=web.a&from=1960&until=1990&format=json", form)
            .body == kWebA);
  const auto response = fixture.Get("/render", "target=web.a&from=1960&until=1990&format=json");
  CHECK(response.status == 200);
  CHECK(response.content_type == "application/json");
  CHECK(response.headers.Get("Access-Control-Allow-Origin") == "*");
  CHECK(response.headers.Get("X-Plumbago-Partial") == "");
}

TEST_CASE("Render has csv, raw, jsonp and pretty", "[http_api]") {
  Fixture fixture;
  const std::string range = "target=web.a&from=1960&until=1970&";
  CHECK(fixture.Get("/render", range + "format=raw").body == "web.a,1970,1980,10|1.0\n");
  CHECK(fixture.Get("/render", range + "rawData=1").body == "web.a,1970,1980,10|1.0\n");
  CHECK(fixture.Get("/render", range + "format=csv").body == "web.a,1970-01-01 00:32:50,1.0\r\n");
  CHECK(fixture.Get("/render", range + "format=csv&tz=Nowhere/At_all").body ==
        "web.a,1970-01-01 00:32:50,1.0\r\n");
  const auto jsonp = fixture.Get("/render", range + "format=json&jsonp=call.back_1");
  CHECK(jsonp.content_type == "text/javascript");
  CHECK(jsonp.body.starts_with("call.back_1([{"));
  CHECK(fixture.Get("/render", range + "format=json&jsonp=alert(1)").status == 400);
  CHECK(PrettyJson(R"([{"a":[],"b":{"c":"x,{\""}},1])") ==
        "[\n  {\n    \"a\": [],\n    \"b\": {\n      \"c\": \"x,{\\\"\"\n    }\n  },\n  1\n]");
}

TEST_CASE("Render consolidates, drops nulls and knows Grafana's wrapper", "[http_api]") {
  Fixture fixture;
  CHECK(Json::parse(
            fixture.Get("/render", "target=web.a&from=1960&until=1990&maxDataPoints=1&format=json")
                .body)[0]["datapoints"] == Json::parse("[[2.0,1970]]"));
  CHECK(fixture.Get("/render", "target=web.a&from=1960&until=1990&maxDataPoints=0&format=json")
            .body == kWebA);
  CHECK(fixture.Get("/render", "target=web.a&from=1960&until=1990&maxDataPoints=x&format=json")
            .body == kWebA);
  CHECK(fixture.Get("/render", "target=web.a&from=1940&until=1990&noNullPoints&format=json").body ==
        kWebA);
  const auto wrapped = Json::parse(
      fixture
          .Get("/render",
               "target=aliasSub(web.a%2C%20%22(%5E.*%24)%22%2C%20%22%5C1%20A%22)&format=json")
          .body);
  CHECK(wrapped[0]["target"] == "web.a A");
  CHECK(fixture.Get("/render", "format=json").body == "[]");
  CHECK(fixture.Get("/render", "target=nothing&format=json").body == "[]");
  CHECK(Json::parse(
            fixture.Get("/render", "target=constantLine(100)&format=json").body)[0]["datapoints"]
            .size() == 3);
  CHECK(Json::parse(
            fixture.Get("/render", "target=template(web.$x)&template[x]=a&from=1960&format=json")
                .body)[0]["target"] == "web.a");
}

TEST_CASE("Mistakes are answered with JSON that names them", "[http_api]") {
  Fixture fixture;
  const auto [query, expected] = GENERATE(table<std::string, std::string>({
      {"target=sumSeries(web.a", "expected ',' or ')' at position 15"},
      {"target=nosuch(web.a)", "unknown function nosuch() at position 0"},
      {"target=%23Z.x y", "expected '|' or the end at position 5"},
      {"target=a&from=blah", "from: time \"blah\": use an epoch"},
      {"target=a&until=undefined", "until: time \"undefined\""},
      {"target=a&from=100&until=100", "empty time range"},
      {"target=a&format=tree", "format is \"tree\"; use json, csv, raw, pickle, "},
      {"target=a&xFilesFactor=x", "xFilesFactor is \"x\""},
      {"target=a&now=soon", "now: time \"soon\""},
  }));
  CAPTURE(query);
  const auto response = fixture.Get("/render", query);
  CHECK(response.status == 400);
  CHECK(response.content_type == "application/json");
  const Json json = Json::parse(response.body);
  CHECK_THAT(json["message"].get<std::string>(), Catch::Contains(expected));
  CHECK(json["error"] == json["message"]);
}

TEST_CASE("Other paths and methods are refused", "[http_api]") {
  Fixture fixture;
  CHECK(fixture.Get("/nowhere").status == 404);
  CHECK(fixture.Send("DELETE", "/render", "").status == 405);
  const auto options = fixture.Send("OPTIONS", "/render", "");
  CHECK(options.status == 204);
  CHECK_THAT(std::string(options.headers.Get("Access-Control-Allow-Methods")),
             Catch::Contains("POST"));
}

TEST_CASE("Find and its relatives", "[http_api]") {
  Fixture fixture;
  const auto found = fixture.Send("POST", "/metrics/find", "from=1&until=2", "query=web.*");
  CHECK(found.body ==
        R"([{"text":"a","id":"web.a","allowChildren":0,"expandable":0,"leaf":1,"context":{}}])");
  CHECK(found.headers.Get("Cache-Control") == "no-cache");
  CHECK(fixture.Get("/metrics", "query=web.*").body == found.body);
  CHECK(Json::parse(fixture.Get("/metrics/find", "query=web.&format=completer")
                        .body)["metrics"][0]["is_leaf"] == "1");
  CHECK(fixture.Get("/metrics/find").status == 400);
  CHECK(fixture.Get("/metrics/find", "query=").status == 400);
  const auto malformed = fixture.Get("/metrics/find", "query=a..*");
  CHECK(malformed.status == 400);
  CHECK_THAT(malformed.body, Catch::Contains("has an empty node at node 2"));
  CHECK(fixture.Get("/metrics/find", "query=a&format=tree").status == 400);
  CHECK(fixture.Get("/metrics/find", "query=a&leavesOnly=x").status == 400);
  CHECK(fixture.Get("/metrics/expand", "query=web.*&query=nothing").body ==
        R"({"results":["web.a"]})");
  CHECK(fixture.Get("/metrics/expand", "query=web.*&groupByExpr=1").body ==
        R"({"results":{"web.*":["web.a"]}})");
  CHECK(fixture.Get("/metrics/expand").body == R"({"results":[]})");
  CHECK(fixture.Get("/metrics/expand", "query=a&leavesOnly=x").status == 400);
  CHECK(fixture.Get("/metrics/find", "query=web.*&format=nodelist&position=0").body ==
        R"({"nodes":["web"]})");
  CHECK(fixture.Get("/metrics/find", "query=web.*&from=blah").status == 400);
  CHECK(fixture.Get("/metrics/find", "query=web.*&from=-1&until=-1").status == 200);
  CHECK(fixture.Get("/metrics/index.json").body == R"(["web.a"])");
}

TEST_CASE("meta=true puts the series and their lineage into metrictank's envelope", "[http_api]") {
  Fixture fixture;
  const HeaderList form = {{"Content-Type", "application/x-www-form-urlencoded"}};
  const std::string plain = "target=web.a&from=1960&until=1990&format=json";
  const std::string expected =
      R"({"version":"v0.1","meta":{"stats":{"executeplan.resolve-series.ms":0,)"
      R"("executeplan.get-targets.ms":0,"executeplan.plan-run.ms":0,"response.series.count":1,)"
      R"("response.points.count":3}},"series":[{"target":"web.a","tags":{"name":"web.a"},)"
      R"("datapoints":[[1.0,1970],[2.0,1980],[3.0,1990]],"meta":[{"schema-name":"",)"
      R"("schema-retentions":"10s:10min,100s:10000s","archive-read":0,"archive-interval":10,)"
      R"("aggnum-norm":1,"consolidator-normfetch":"AverageConsolidator","aggnum-rc":0,)"
      R"("consolidator-rc":"NoneConsolidator","count":1}]}]})";
  CHECK(fixture.Get("/render", plain + "&meta=true").body == expected);
  CHECK(fixture.Send("POST", "/render", "", plain + "&meta=true", form).body == expected);
  CHECK(fixture.Get("/render", plain + "&meta=true&jsonp=f").body == "f(" + expected + ")");
  CHECK(fixture.Get("/render", plain + "&meta=false").body == kWebA);
  CHECK(Json::parse(fixture.Get("/render", plain + "&meta=true&maxDataPoints=1")
                        .body)["series"][0]["meta"][0]["aggnum-rc"] == 3);
  CHECK(fixture.Get("/render", "target=no.such&from=1960&until=1990&format=json&meta=1")
            .body.find("\"series\":[]}") != std::string::npos);
  CHECK(fixture.Get("/render", "target=constantLine(1)&from=1960&until=1990&format=json&meta=1")
            .body.find("\"meta\":[]}]}") != std::string::npos);
}

TEST_CASE("carbonapi asks by messages", "[http_api]") {
  Fixture fixture;
  foreign::carbonapi_v3::MultiFetchRequest fetch;
  auto& entry = *fetch.add_metrics();
  entry.set_name("web.*");
  entry.set_pathexpression("web.*");
  entry.set_starttime(1960);
  entry.set_stoptime(1990);
  const HeaderList type = {{"Content-Type", "application/x-protobuf"}};
  const auto post = [&](const std::string& path, const std::string& body) {
    return fixture.Send("POST", path, "format=carbonapi_v3_pb", body, type);
  };
  foreign::carbonapi_v3::MultiFetchResponse fetched;
  REQUIRE(fetched.ParseFromString(post("/render", fetch.SerializeAsString()).body));
  REQUIRE(fetched.metrics_size() == 1);
  CHECK(fetched.metrics(0).name() == "web.a");
  CHECK(fetched.metrics(0).starttime() == 1970);
  CHECK(fetched.metrics(0).values_size() == 3);
  CHECK(post("/render", "\xff").status == 400);
  entry.add_filterfunctions()->set_name("sum");
  CHECK(post("/render", fetch.SerializeAsString()).status == 400);
  foreign::carbonapi_v3::MultiGlobRequest glob;
  glob.add_metrics("web.*");
  glob.add_metrics("nothing");
  foreign::carbonapi_v3::MultiGlobResponse found;
  REQUIRE(found.ParseFromString(post("/metrics/find", glob.SerializeAsString()).body));
  REQUIRE(found.metrics_size() == 2);
  CHECK(found.metrics(0).matches(0).path() == "web.a");
  CHECK(found.metrics(1).matches_size() == 0);
  CHECK(post("/metrics/find", "\xff").status == 400);
}

TEST_CASE("Functions, version, metrics and the first page", "[http_api]") {
  Fixture fixture;
  CHECK(fixture.Get("/version").body == "1.1.10\n");
  CHECK(fixture.Get("/lb_check").body == "Ok\n");
  CHECK(fixture.Get("/functions/scale").body.starts_with(R"({"name":"scale")"));
  CHECK(fixture.Get("/functions/nosuch").status == 404);
  CHECK(Json::parse(fixture.Get("/functions", "group=Alias").body).size() == 13);
  CHECK(Json::parse(fixture.Get("/functions", "group=Alias&grouped=1").body)["Alias"].size() == 13);
  CHECK(Json::parse(fixture.Get("/functions", "type=pie").body)["maximum"]["group"] == "Pie");
  CHECK_THAT(fixture.Get("/").body, Catch::Contains("/render"));
  CHECK_THAT(fixture.Get("/metrics").body,
             Catch::Contains("plumbago_query_requests_total{code=\"200\",endpoint=\"version\"} 1"));
}

TEST_CASE("A partial answer says so, or is refused where that is asked", "[http_api]") {
  Fixture fixture;
  fixture.shard->cache_status = absl::DeadlineExceededError("slow");
  const auto partial = fixture.Get("/render", "target=web.a&from=1960&format=json");
  CHECK(partial.status == 200);
  CHECK(partial.headers.Get("X-Plumbago-Partial") == "shard-0 (deadline exceeded in cache read)");
  CHECK(partial.headers.Get("Cache-Control") == "no-store");
  const auto allowed = fixture.Get("/render", "target=web.a&from=1960&partial=allow&format=json");
  CHECK(allowed.status == 200);
  CHECK(allowed.headers.Get("X-Plumbago-Partial").empty());
  CHECK(allowed.headers.Get("Cache-Control") == "no-store");
  CHECK(fixture.Get("/render", "target=web.a&partial=maybe").status == 400);
  const auto denied = fixture.Get("/render", "target=web.a&from=1960&partial=deny&format=json");
  CHECK(denied.status == 503);
  CHECK_THAT(denied.body, Catch::Contains("shard-0 (deadline exceeded"));
  fixture.shard->store_status = absl::UnavailableError("gone");
  CHECK(fixture.Get("/render", "target=web.a&format=json").status == 503);
  CHECK(fixture.Get("/metrics/find", "query=*").status == 503);
}

TEST_CASE("A damaged series is a warning beside the others", "[http_api]") {
  Fixture fixture;
  fixture.shard->stored["web.b"].error = "header: damaged";
  const auto response = fixture.Get("/render", "target=web.*&from=1960&format=json");
  CHECK(response.headers.Get("X-Plumbago-Warnings") == "web.b: header: damaged");
  CHECK(Json::parse(response.body).size() == 1);
}

TEST_CASE("Keys of three kinds name the tenant", "[http_api]") {
  Fixture fixture(Authentication::kKeys);
  const auto basic = [](const std::string& credential) {
    return "basic " + absl::Base64Escape(credential);
  };
  const auto status = [&](const std::string& name, const std::string& value) {
    return fixture.Get("/render", "target=web.*&from=1960&format=json", {{name, value}}).status;
  };
  CHECK(status("X-Api-Key", "reader") == 200);
  CHECK(status("Authorization", "Bearer reader") == 200);
  CHECK(status("Authorization", basic("grafana:reader")) == 200);
  CHECK(status("Authorization", basic("reader:")) == 200);
  CHECK(status("Authorization", basic("reader")) == 200);
  CHECK(fixture.shard->calls[0] == "find acme web.*");
  CHECK(status("X-Api-Key", "wrong") == 401);
  CHECK(status("Authorization", "Basic !!") == 401);
  CHECK(status("X-Api-Key", "writer") == 403);
  CHECK(status("X-Api-Key", "late") == 403);
  const auto anonymous = fixture.Get("/render", "target=web.a&format=json");
  CHECK(anonymous.status == 401);
  CHECK(anonymous.headers.Get("WWW-Authenticate") != "");
  CHECK(Json::parse(anonymous.body).contains("message"));
  CHECK(fixture.Get("/functions").status == 200);
}

TEST_CASE("Render has binary formats and their content types", "[http_api]") {
  Fixture fixture;
  const auto [query, type, start] = GENERATE(table<std::string, std::string, std::string>({
      {"format=pickle", "application/pickle", "\x80\x02"},
      {"pickle=1", "application/pickle", "\x80\x02"},
      {"pickle=1&format=json", "application/json", "["},
      {"format=msgpack", "application/x-msgpack", "\xDD"},
      {"format=protobuf", "application/x-protobuf", "\n"},
      {"format=protobuf3", "application/x-protobuf", "\n"},
      {"format=carbonapi_v2_pb", "application/x-protobuf", "\n"},
      {"format=carbonapi_v3_pb", "application/x-protobuf", "\n"},
      {"format=dygraph", "application/json", "{\"labels\" : [\"Time\", \"web.a\"]"},
      {"format=rickshaw", "application/json", "[{\"target\":\"web.a\",\"datapoints\":[{\"x\""},
      {"format=dygraph&jsonp=f", "text/javascript", "f({\"labels\""},
  }));
  CAPTURE(query);
  const auto response = fixture.Get("/render", "target=web.a&from=1960&until=1990&" + query);
  CHECK(response.status == 200);
  CHECK(response.content_type == type);
  CHECK(response.body.starts_with(start));
}

TEST_CASE("Render draws by default, lines and pies", "[http_api]") {
  Fixture fixture;
  const auto [query, type, start] = GENERATE(table<std::string, std::string, std::string>({
      {"", "image/png", "\x89PNG"},
      {"&format=png", "image/png", "\x89PNG"},
      {"&format=svg", "image/svg+xml", "<?xml"},
      {"&format=pdf", "application/x-pdf", "%PDF"},
      {"&graphType=pie", "image/png", "\x89PNG"},
      {"&graphType=pie&format=json&target=other:12.5&pieMode=maximum", "image/png", "\x89PNG"},
      {"&graphType=pie&format=svg", "image/svg+xml", "<?xml"},
      {"&target=nothing", "image/png", "\x89PNG"},
  }));
  CAPTURE(query);
  const auto response = fixture.Get("/render", "target=web.a&from=1960&until=1990" + query);
  CHECK(response.status == 200);
  CHECK(response.content_type == type);
  CHECK(response.body.starts_with(start));
  CHECK(fixture.Get("/render", "target=web.a" + query, {{"Accept-Encoding", "gzip"}})
            .headers.Get("Content-Encoding") ==
        (type == "image/png" || response.body.size() < 1024 ? "" : "gzip"));
}

TEST_CASE("A picture that cannot be drawn is a 400 with JSON", "[http_api]") {
  Fixture fixture;
  const auto [query, expected] = GENERATE(table<std::string, std::string>({
      {"&width=99999999", "width is"},
      {"&bgcolor=nothing", "bgcolor: "},
      {"&graphType=bar", "graphType is \"bar\"; use line or pie"},
      {"&graphType=pie&pieMode=median", "pieMode is \"median\""},
      {"&logBase=10&yMin=-1", "logBase needs values above zero"},
  }));
  CAPTURE(query);
  const auto response = fixture.Get("/render", "target=web.a&from=1960" + query);
  CHECK(response.status == 400);
  CHECK_THAT(Json::parse(response.body)["message"].get<std::string>(), Catch::Contains(expected));
}

// Gunzips what a client of a long answer gets.
std::string Unpacked(const std::string& packed) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  std::string plain(64 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  REQUIRE(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  plain.resize(stream.total_out);
  inflateEnd(&stream);
  return plain;
}

TEST_CASE("Long answers are sent in parts, packed or wrapped as asked", "[http_api]") {
  Fixture fixture;
  const std::string query =
      "target=randomWalk(%22x%22)&from=0&until=100000&now=100000&format=json&noNullPoints=1";
  const auto all = [](http::Response response) {
    REQUIRE(response.more_parts != nullptr);
    for (bool has_more = true; has_more;) {
      std::string part;
      has_more = response.more_parts(part);
      response.body += part;
    }
    return response.body;
  };
  const std::string target = query + "&target=randomWalk(%22y%22,1)&target=randomWalk(%22z%22,1)";
  const std::string plain = all(fixture.Get("/render", target));
  CHECK(plain.size() > (1 << 20));
  CHECK(Json::parse(plain).size() == 3);
  const auto packed = fixture.Get("/render", target, {{"Accept-Encoding", "gzip"}});
  CHECK(packed.headers.Get("Content-Encoding") == "gzip");
  CHECK(Unpacked(all(packed)) == plain);
  CHECK(all(fixture.Get("/render", target + "&jsonp=f")) == "f(" + plain + ")");
}

TEST_CASE("Large answers are compressed for those who take it", "[http_api]") {
  Fixture fixture;
  const auto packed = fixture.Get("/functions", "", {{"Accept-Encoding", "gzip"}});
  CHECK(packed.headers.Get("Content-Encoding") == "gzip");
  CHECK(packed.body.starts_with("\x1f\x8b"));
  CHECK(fixture.Get("/functions").headers.Get("Content-Encoding") == "");
  CHECK(fixture.Get("/version", "", {{"Accept-Encoding", "gzip"}}).body == "1.1.10\n");
}

}  // namespace
}  // namespace plumbago::query
