// Proves over a real gRPC connection that jobs are started, watched, listed and cancelled, and that
// what nobody can do is refused.
#include "store_admin_service.h"

#include <catch2/catch.hpp>
#include <future>

#include "absl/strings/str_cat.h"
#include "rpc/server.h"

namespace plumbago::store_service {
namespace {

struct Fixture {
  Fixture() {
    service.AddJobKind(v1::StartJobRequest::kRescan,
                       [this](const v1::StartJobRequest& request) { return Plan(request); });
    jobs.Start();
    server = rpc::Server::Start({.listen = "127.0.0.1:0"}, {&service}).value();
    stub = v1::StoreAdmin::NewStub(rpc::MakeChannel(absl::StrCat("127.0.0.1:", server->port())));
  }
  ~Fixture() {
    jobs.Drain();
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
  base::SystemClock clock;
  store::JobRunner jobs{clock, {}};
  StoreAdminService service{jobs};
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

}  // namespace
}  // namespace plumbago::store_service
