// /info in its formats, over two fake shards.
#include "info_api.h"

#include <catch2/catch.hpp>

#include "foreign/carbonapi_v2.pb.h"
#include "foreign/carbonapi_v3.pb.h"
#include "query/testing/two_shards.h"

namespace plumbago::query {
namespace {

struct Fixture {
  Fixture() {
    shards.shard("shard-0").stored["a.b"].step = 10;
    shards.shard("shard-1").stored["a.b"].step = 10;
    shards.shard("shard-1").stored["a.c"].step = 60;
  }
  absl::StatusOr<InfoApi::Result> Ask(const std::string& query) {
    http::Request request;
    request.query = query;
    return api.Answer(shards.context, http::Parameters(request));
  }

  TwoShards shards{Replicas::kTwo};
  InfoApi api{shards.engine};
};

TEST_CASE("/info has the layout of each series on each shard", "[info_api]") {
  Fixture fixture;
  const auto result = fixture.Ask("target=a.b&format=json");
  REQUIRE(result.ok());
  const std::string info =
      R"({"metrics":[{"name":"a.b","consolidationFunc":"average","maxRetention":10000,)"
      R"("xFilesFactor":0.5,"retentions":[{"secondsPerPoint":10,"numberOfPoints":60},)"
      R"({"secondsPerPoint":100,"numberOfPoints":100}]}]})";
  CHECK(result->response.body == R"({"info":{"shard-0":)" + info + R"(,"shard-1":)" + info + "}}");
  CHECK(result->response.content_type == "application/json");
  CHECK(fixture.Ask("target=a.b")->response.body == result->response.body);
  CHECK(fixture.Ask("target=a.*&target=a.b")->response.body.find("\"a.c\"") != std::string::npos);
}

TEST_CASE("/info speaks protobuf, each series once", "[info_api]") {
  Fixture fixture;
  foreign::carbonapi_v3::MultiMetricsInfoResponse v3;
  REQUIRE(v3.ParseFromString(fixture.Ask("target=a.*&format=carbonapi_v3_pb")->response.body));
  REQUIRE(v3.metrics_size() == 2);
  CHECK(v3.metrics(1).name() == "a.c");
  CHECK(v3.metrics(1).retentions(1).secondsperpoint() == 600);
  foreign::carbonapi_v2::InfoResponse v2;
  REQUIRE(v2.ParseFromString(fixture.Ask("target=a.c&format=protobuf")->response.body));
  CHECK(v2.name() == "a.c");
  CHECK(v2.maxretention() == 60000);
  CHECK(v2.retentions(0).numberofpoints() == 60);
  CHECK(absl::IsInvalidArgument(fixture.Ask("target=a.*&format=protobuf").status()));
}

TEST_CASE("/info refuses what it cannot answer", "[info_api]") {
  Fixture fixture;
  CHECK(absl::IsInvalidArgument(fixture.Ask("").status()));
  CHECK(absl::IsInvalidArgument(fixture.Ask("target=a.b&format=csv").status()));
  CHECK(absl::IsInvalidArgument(fixture.Ask("target=a..b*").status()));
  CHECK(absl::IsNotFound(fixture.Ask("target=no").status()));
}

}  // namespace
}  // namespace plumbago::query
