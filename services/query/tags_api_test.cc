// /tags/* over two fake shards: parameters, answers and mistakes.
#include "tags_api.h"

#include <catch2/catch.hpp>

#include "query/testing/two_shards.h"

namespace plumbago::query {
namespace {

struct Fixture : TwoShards {
  Fixture() : TwoShards(Replicas::kOne) {
    shard("shard-0").stored["cpu;dc=x;host=a"];
    shard("shard-0").stored["cpu;dc=x;host=b"];
    shard("shard-1").stored["mem;dc=y;host=a"];
    shard("shard-1").stored["plain"];
  }

  // The JSON of the answer, or the message of the error.
  std::string Ask(const std::string& method, const std::string& path, const std::string& query) {
    http::Request request;
    request.query = query;
    const auto result = api.Answer(context, method, path, http::Parameters(request));
    return result.ok() ? result->json : std::string(result.status().message());
  }
  std::string Get(const std::string& path, const std::string& query = {}) {
    return Ask("GET", path, query);
  }

  TagsApi api{engine};
};

TEST_CASE("Series are found by both spellings of expr", "[tags_api]") {
  Fixture fixture;
  CHECK(fixture.Get("/tags/findSeries", "expr=dc%3Dx") ==
        R"(["cpu;dc=x;host=a","cpu;dc=x;host=b"])");
  CHECK(fixture.Get("/tags/findSeries", "expr[]=host%3Da&expr[]=dc%3Dy") ==
        R"(["mem;dc=y;host=a"])");
  CHECK(fixture.Get("/tags/findSeries") == "no tag expressions specified");
  CHECK_THAT(fixture.Get("/tags/findSeries", "expr=dc"), Catch::Contains("tag expression \"dc\""));
}

TEST_CASE("Tags and values are listed with filter and limit", "[tags_api]") {
  Fixture fixture;
  CHECK(fixture.Get("/tags") == R"([{"tag":"dc"},{"tag":"host"},{"tag":"name"}])");
  CHECK(fixture.Get("/tags", "filter=h&limit=5") == R"([{"tag":"host"}])");
  CHECK(fixture.Get("/tags", "limit=1") == R"([{"tag":"dc"}])");
  CHECK(fixture.Get("/tags", "limit=0") == "[]");
  CHECK_THAT(fixture.Get("/tags", "limit=x"), Catch::Contains("limit is \"x\""));
  CHECK_THAT(fixture.Get("/tags", "limit=-1"), Catch::Contains("limit is \"-1\""));
  CHECK_THAT(fixture.Get("/tags", "filter=("), Catch::Contains("malformed regex"));
  CHECK(fixture.Get("/tags/name") ==
        R"({"tag":"name","values":[{"value":"cpu","count":2},{"value":"mem","count":1}]})");
  CHECK(fixture.Get("/tags/h%6Fst", "limit=0") == R"({"tag":"host","values":[]})");
  CHECK(fixture.Get("/tags/nothing") == "null");
  CHECK(fixture.Get("/tags/a=b") == "null");
}

TEST_CASE("Names of tags and values are completed", "[tags_api]") {
  Fixture fixture;
  CHECK(fixture.Get("/tags/autoComplete/tags") == R"(["dc","host","name"])");
  CHECK(fixture.Get("/tags/autoComplete/tags", "tagPrefix=h&from=undefined") == R"(["host"])");
  CHECK(fixture.Get("/tags/autoComplete/tags", "limit=2") == R"(["dc","host"])");
  CHECK(fixture.Get("/tags/autoComplete/tags", "limit=0&tagPrefix=") == R"(["dc","host","name"])");
  CHECK(fixture.Get("/tags/autoComplete/tags", "limit=").starts_with("limit is"));
  CHECK(fixture.Get("/tags/autoComplete/values", "tag=host&valuePrefix=b") == R"(["b"])");
  CHECK(fixture.Get("/tags/autoComplete/values") == "no tag specified");
  fixture.Get("/tags/autoComplete/values", "tag=host&expr[]=dc%3Dx&expr[]=name%3Dcpu&limit=10000");
  CHECK(fixture.shard("shard-1").calls.back() == "complete host= of dc=x,name=cpu max 10000");
  CHECK_THAT(fixture.Get("/tags/autoComplete/tags", "expr=dc!%3Dx"), Catch::Contains("match"));
}

TEST_CASE("Series are made known in every form that graphite-web reads", "[tags_api]") {
  Fixture fixture;
  const auto tag = [&](const std::string& path) {
    return fixture.Ask("POST", "/tags/tagSeries", "path=" + path);
  };
  CHECK(tag("new;b%3D2;a%3D1") == R"("new;a=1;b=2")");
  CHECK(tag("om{b%3D\"2\",a%3D\"x\\\"y\"}") == R"("om;a=x\"y;b=2")");
  CHECK(tag("untagged.name") == R"("untagged.name")");
  CHECK(fixture.Get("/tags/findSeries", "expr=a%3D1") == R"(["new;a=1;b=2"])");
  CHECK(tag("") == "no path specified");
  for (const char* wrong :
       {";a%3Db", "x;a", "x;%3Db", "x;a%3D", "x{a%3D\"1\"b%3D\"2\"}", "x{a\"}"}) {
    CAPTURE(wrong);
    CHECK_THAT(tag(wrong), Catch::Contains("cannot parse path"));
  }
  CHECK(fixture.Ask("POST", "/tags/tagMultiSeries", "path[]=m;z%3D1&path[]=n;z%3D1") ==
        R"(["m;z=1","n;z=1"])");
  CHECK(fixture.Ask("POST", "/tags/tagMultiSeries", "") == "no paths specified");
  CHECK(fixture.Get("/tags/tagSeries", "path=a") == "/tags/tagSeries changes series; use POST");
  CHECK(fixture.Ask("POST", "/tags/host", "") == "/tags/host is only read; use GET");
}

TEST_CASE("Series are taken away, those without tags never", "[tags_api]") {
  Fixture fixture;
  CHECK(fixture.Ask("POST", "/tags/delSeries",
                    "path=mem;host%3Da;dc%3Dy&path=plain&path=no;a%3Db") == "true");
  CHECK_FALSE(fixture.shard("shard-1").stored.contains("mem;dc=y;host=a"));
  CHECK(fixture.shard("shard-1").stored.contains("plain"));
  CHECK(TagsApi::ScopeOf("/tags/delSeries") == v1::Key::ADMIN);
  CHECK(TagsApi::ScopeOf("/tags/tagSeries") == v1::Key::INGEST);
  CHECK(TagsApi::ScopeOf("/tags/findSeries") == v1::Key::READ);
}

}  // namespace
}  // namespace plumbago::query
