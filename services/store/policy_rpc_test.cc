// Proves over a real gRPC connection what is answered about policy, drift and quotas, and that a
// conversion is started as a job.
#include "policy_rpc.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "base/testing/temporary_directory.h"
#include "rpc/server.h"
#include "store_admin_service.h"

namespace plumbago::store_service {
namespace {

struct Fixture {
  Fixture() {
    REQUIRE(store.Start().ok());
    REQUIRE(operations.Start().ok());
    service.ServePolicy(policy);
    server = rpc::Server::Start({.listen = "127.0.0.1:0"}, {&service}).value();
    stub = v1::StoreAdmin::NewStub(rpc::MakeChannel(absl::StrCat("127.0.0.1:", server->port())));
  }
  ~Fixture() {
    operations.Drain();
    server->Shutdown(absl::Seconds(5));
  }

  void Create(const std::string& metric, const std::string& content = "") {
    const std::string path = absl::StrCat(directory.path(), "/whisper/t/", metric, ".wsp");
    const auto header =
        whisper::MakeHeader({{10, 6}}, 0.5F, whisper::AggregationMethod::kSum).value();
    REQUIRE(whisper::Create(*file_system, path, header, whisper::Existing::kRefuse).ok());
    if (!content.empty()) REQUIRE(base::WriteFileAtomically(*file_system, path, content).ok());
    REQUIRE(index->Add("t", metric, {header.file_bytes(), 0}).ok());
  }

  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  base::SystemClock clock;
  base::Metrics metrics;
  base::MemoryKeyValue key_value;
  std::unique_ptr<index::SeriesIndex> index = index::SeriesIndex::Open(key_value).value();
  store::StoragePolicies policies{*file_system, metrics, {}};
  store::Quotas quotas{*index};
  store::Store store{{clock, *file_system, metrics, *index, policies, quotas},
                     {.directory = directory.path() + "/whisper"}};
  store::SeriesConverter converter{{clock, *file_system, *index, store, policies},
                                   store.directory()};
  topology::SnapshotHolder topology;
  Operations operations{{clock, *file_system, *index, store, topology},
                        {.data_directory = directory.path()}};
  PolicyRpc policy{clock, *index, converter, quotas};
  StoreAdminService service{operations};
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<v1::StoreAdmin::Stub> stub;
};

TEST_CASE("A metric is explained, with its file where it has one", "[store_admin]") {
  Fixture fixture;
  fixture.Create("a");
  const auto explain = [&](const std::string& metric, v1::ExplainSchemaResponse* response) {
    v1::ExplainSchemaRequest request;
    request.set_tenant("t");
    request.set_metric(metric);
    grpc::ClientContext context;
    return fixture.stub->ExplainSchema(&context, request, response);
  };
  v1::ExplainSchemaResponse response;
  REQUIRE(explain("a", &response).ok());
  CHECK(response.schema_rule() == "default");
  CHECK(response.policy_source() == "built in");
  CHECK(response.path() == "t/a.wsp");
  CHECK(response.wanted().archive(0).seconds_per_point() == 60);
  CHECK(response.wanted().archive(0).point_count() == 10080);
  CHECK(response.wanted().aggregation_method() == "average");
  CHECK(response.present().archive(0).seconds_per_point() == 10);
  CHECK(response.present().file_bytes() == 28 + 6 * 12);
  response.Clear();
  REQUIRE(explain("b", &response).ok());
  CHECK_FALSE(response.has_present());
  CHECK(explain("../b", &response).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("Drift is listed in byte order with what cannot be read", "[store_admin]") {
  Fixture fixture;
  fixture.Create("b", "rubbish");
  fixture.Create("a");
  v1::ListDriftRequest request;
  request.set_tenant("t");
  const auto list = [&](std::vector<v1::DriftedSeries>* all) {
    grpc::ClientContext context;
    const auto reader = fixture.stub->ListDrift(&context, request);
    v1::DriftedSeries series;
    while (reader->Read(&series)) all->push_back(series);
    return reader->Finish();
  };
  std::vector<v1::DriftedSeries> all;
  REQUIRE(list(&all).ok());
  REQUIRE(all.size() == 2);
  CHECK(all[0].metric() == "a");
  CHECK(all[0].error().empty());
  CHECK(all[0].wanted().file_bytes() == 28 + 10080 * 12);
  CHECK(all[1].metric() == "b");
  CHECK_FALSE(all[1].error().empty());
  request.set_pattern("a..b");
  CHECK(list(&all).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("Quotas are listed with what is used of them", "[store_admin]") {
  Fixture fixture;
  fixture.Create("a");
  v1::Snapshot snapshot;
  v1::Tenant& tenant = *snapshot.add_tenant();
  tenant.set_id("t");
  tenant.mutable_limits()->set_series(5);
  fixture.quotas.Apply(*topology::Snapshot::FromProto(snapshot).value(), topology::kSlotCount);
  grpc::ClientContext context;
  v1::ListQuotasResponse response;
  REQUIRE(fixture.stub->ListQuotas(&context, {}, &response).ok());
  REQUIRE(response.quota_size() == 1);
  CHECK(response.quota(0).tenant() == "t");
  CHECK(response.quota(0).series_max() == 5);
  CHECK(response.quota(0).series_count() == 1);
  CHECK(response.quota(0).file_bytes() == 28 + 6 * 12);
}

TEST_CASE("A conversion is a job", "[store_admin]") {
  Fixture fixture;
  fixture.Create("a");
  v1::StartJobRequest request;
  request.set_tenant("t");
  request.mutable_convert_series()->set_series_per_second(1000);
  grpc::ClientContext context;
  v1::Job job;
  REQUIRE(fixture.stub->StartJob(&context, request, &job).ok());
  CHECK(job.description() == "convert all series");
  v1::WatchJobRequest watch;
  watch.set_id(job.id());
  grpc::ClientContext watch_context;
  const auto reader = fixture.stub->WatchJob(&watch_context, watch);
  while (reader->Read(&job)) {
  }
  REQUIRE(reader->Finish().ok());
  CHECK(job.state() == v1::Job::SUCCEEDED);
  CHECK(job.done_count() == 1);
  CHECK_FALSE(fixture.converter.Inspect(store::SeriesName("t", "a"))->has_value());
}

TEST_CASE("Without a policy its calls are unimplemented", "[store_admin]") {
  Fixture fixture;
  StoreAdminService service(fixture.operations);
  grpc::ServerContext context;
  v1::ListQuotasResponse response;
  const v1::ListQuotasRequest request;
  CHECK(service.ListQuotas(&context, &request, &response).error_code() ==
        grpc::StatusCode::UNIMPLEMENTED);
}

}  // namespace
}  // namespace plumbago::store_service
