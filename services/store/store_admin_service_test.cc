// Proves over a real gRPC connection that jobs are started, watched, listed and cancelled, and that
// what nobody can do is refused.
#include "store_admin_service.h"

#include <catch2/catch.hpp>
#include <future>

#include "absl/strings/str_cat.h"
#include "base/key_value.h"
#include "base/testing/temporary_directory.h"
#include "create_series.h"
#include "rpc/series_sender.h"
#include "rpc/server.h"
#include "whisper/file.h"
#include "whisper/updater.h"

namespace plumbago::store_service {
namespace {

struct Fixture {
  Fixture() {
    REQUIRE(store.Start().ok());
    REQUIRE(operations.Start().ok());
    service.AddJobKind(v1::StartJobRequest::kRescan,
                       [this](const v1::StartJobRequest& request) { return Plan(request); });
    server = rpc::Server::Start({.listen = "127.0.0.1:0"}, {&service}).value();
    stub = v1::StoreAdmin::NewStub(rpc::MakeChannel(absl::StrCat("127.0.0.1:", server->port())));
  }
  ~Fixture() {
    operations.Drain();
    store.Drain();
    server->Shutdown(absl::Seconds(5));
  }

  // One series, then waits for `open`.
  absl::StatusOr<store::JobRunner::Planned> Plan(const v1::StartJobRequest& request) {
    if (request.tenant() == "bad") return absl::InvalidArgumentError("no such tenant");
    return store::JobRunner::Planned{
        .description = {.tenant = request.tenant(), .text = "rescan"},
        .work = [this](store::JobProgress& progress) {
          progress.AddDone();
          while (open.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
            if (progress.is_cancelled()) return progress.CheckCancelled();
          }
          progress.AddItem("done");
          return absl::OkStatus();
        }};
  }

  v1::Job StartRescan() {
    v1::StartJobRequest request;
    request.set_tenant("t");
    request.mutable_rescan();
    grpc::ClientContext context;
    v1::Job job;
    REQUIRE(stub->StartJob(&context, request, &job).ok());
    return job;
  }

  std::promise<void> opener;
  std::shared_future<void> open = opener.get_future().share();
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
  topology::SnapshotHolder topology;
  Operations operations{{clock, *file_system, *index, store, topology},
                        {.data_directory = directory.path()}};
  StoreAdminService service{operations};
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<v1::StoreAdmin::Stub> stub;
};

TEST_CASE("A job is watched from its start to its end", "[store_admin]") {
  Fixture fixture;
  const v1::Job started = fixture.StartRescan();
  CHECK(started.tenant() == "t");
  grpc::ClientContext context;
  v1::WatchJobRequest request;
  request.set_id(started.id());
  const auto reader = fixture.stub->WatchJob(&context, request);
  v1::Job job;
  REQUIRE(reader->Read(&job));
  CHECK(job.ended_unix_ms() == 0);
  fixture.opener.set_value();
  while (reader->Read(&job)) continue;
  CHECK(reader->Finish().ok());
  CHECK(job.state() == v1::Job::SUCCEEDED);
  CHECK(job.done_count() == 1);
  CHECK(job.item_size() == 1);
}

TEST_CASE("A job that deletes named series is run in one call", "[store_admin]") {
  Fixture fixture;
  REQUIRE(CreateWithoutPoints(fixture.store, "t", {"a;x=1", "a;x=2", "b"}).ok());
  v1::StartJobRequest request;
  request.set_tenant("t");
  for (const char* metric : {"a;x=2", "a;x=1", "gone;x=1"}) {
    request.mutable_delete_series()->add_metric(metric);
  }
  grpc::ClientContext context;
  const auto reader = fixture.stub->RunJob(&context, request);
  v1::Job job;
  while (reader->Read(&job)) continue;
  CHECK(reader->Finish().ok());
  CHECK(job.state() == v1::Job::SUCCEEDED);
  CHECK(job.description() == "delete a;x=1 and 2 more");
  CHECK(job.done_count() == 2);
  CHECK(job.skipped_count() == 1);
  CHECK(fixture.index->Contains("t", "b"));
  CHECK_FALSE(fixture.index->Contains("t", "a;x=1"));
  request.mutable_delete_series()->set_pattern("b");
  grpc::ClientContext both;
  CHECK(fixture.stub->RunJob(&both, request)->Finish().error_code() ==
        grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("A job is listed and cancelled, once", "[store_admin]") {
  Fixture fixture;
  v1::CancelJobRequest request;
  request.set_id(fixture.StartRescan().id());
  v1::ListJobsResponse list;
  grpc::ClientContext list_context;
  REQUIRE(fixture.stub->ListJobs(&list_context, v1::ListJobsRequest(), &list).ok());
  CHECK(list.job_size() == 1);
  v1::Job job;
  grpc::ClientContext context;
  REQUIRE(fixture.stub->CancelJob(&context, request, &job).ok());
  grpc::ClientContext watch_context;
  v1::WatchJobRequest watch;
  watch.set_id(request.id());
  const auto reader = fixture.stub->WatchJob(&watch_context, watch);
  while (reader->Read(&job)) continue;
  CHECK(job.state() == v1::Job::CANCELLED);
  grpc::ClientContext again;
  CHECK(fixture.stub->CancelJob(&again, request, &job).error_code() ==
        grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_CASE("Unknown kinds, bad requests and unknown jobs are refused", "[store_admin]") {
  Fixture fixture;
  v1::StartJobRequest request;
  v1::Job job;
  grpc::ClientContext no_kind;
  CHECK(fixture.stub->StartJob(&no_kind, request, &job).error_code() ==
        grpc::StatusCode::INVALID_ARGUMENT);
  request.set_tenant("bad");
  request.mutable_rescan();
  grpc::ClientContext bad;
  CHECK(fixture.stub->StartJob(&bad, request, &job).error_message() == "no such tenant");
  v1::WatchJobRequest watch;
  watch.set_id(7);
  grpc::ClientContext unknown;
  const auto reader = fixture.stub->WatchJob(&unknown, watch);
  CHECK_FALSE(reader->Read(&job));
  CHECK(reader->Finish().error_code() == grpc::StatusCode::NOT_FOUND);
}

TEST_CASE("Whole series are installed, found equal, filled, probed and refused", "[store_admin]") {
  using Offer = v1::SeriesOffer;
  using Response = v1::PutSeriesResponse;
  Fixture fixture;
  const std::string source = fixture.directory.path() + "/source.wsp";
  // More than a chunk.
  const auto header =
      whisper::MakeHeader({{1, 200'000}}, 0.5F, whisper::AggregationMethod::kAverage).value();
  REQUIRE(whisper::Create(*fixture.file_system, source, header, whisper::Existing::kRefuse).ok());
  const auto file = fixture.file_system->OpenForUpdate(source).value();
  rpc::SeriesSender sender(rpc::MakeChannel(absl::StrCat("127.0.0.1:", fixture.server->port())),
                           "the store");
  CHECK_FALSE(sender.Has("t", "a.b").value());
  CHECK(sender.Put("t", "a.b", *file, Offer::FILL_ONLY).value() == Response::ABSENT);
  CHECK(sender.Put("t", "a.b", *file, Offer::CREATE_ONLY).value() == Response::INSTALLED);
  CHECK(sender.Has("t", "a.b").value());
  CHECK(sender.Put("t", "a.b", *file, Offer::CREATE_OR_FILL).value() == Response::EQUAL);
  CHECK(sender.Put("t", "a.b", *file, Offer::CREATE_ONLY).value() == Response::EXISTS);
  const auto refused = sender.Put("t", "a..b", *file, Offer::CREATE_OR_FILL);
  CHECK(absl::IsFailedPrecondition(refused.status()));
  // What is new in the source gets into the gaps; the stream has gone on.
  const auto now = static_cast<uint32_t>(fixture.clock.UnixSeconds());
  whisper::BaseTimes base_times;
  std::vector<whisper::Point> points;
  for (uint32_t age = 1; age < 100; ++age) points.push_back({now - age, 7});
  REQUIRE(whisper::Updater()
              .UpdateMany({*file, header, base_times}, points, now, whisper::Duplicates::kLastWins)
              .ok());
  CHECK(sender.Put("t", "a.b", *file, Offer::CREATE_OR_FILL).value() == Response::FILLED);
  CHECK(sender.Sync().ok());
  const auto fetched = fixture.store.Fetch(store::SeriesName("t", "a.b"),
                                           {.from = now - 50, .until = now - 49, .now = 0});
  REQUIRE(fetched.ok());
  CHECK(fetched->series.values == std::vector<double>{7});
  REQUIRE(file->WriteAt(0, "junk").ok());
  CHECK(absl::IsFailedPrecondition(sender.Put("t", "a.c", *file, Offer::CREATE_OR_FILL).status()));
  CHECK(fixture.index->Contains("t", "a.b"));
  CHECK_FALSE(fixture.index->Contains("t", "a.c"));
}

}  // namespace
}  // namespace plumbago::store_service
