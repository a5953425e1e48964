// Proves what the calls about usage answer, over a real gRPC connection.
#include "usage_rpc.h"

#include <catch2/catch.hpp>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "metric/slot.h"
#include "rpc/server.h"

namespace plumbago::store_service {
namespace {

class AdminService final : public v1::StoreAdmin::Service {
 public:
  explicit AdminService(const index::SeriesIndex& index) : usage_(index, {.branches_max = 5}) {}

  grpc::Status DiskUsage(grpc::ServerContext* context, const v1::DiskUsageRequest* request,
                         v1::DiskUsageResponse* response) override {
    return usage_.DiskUsage(context, request, response);
  }
  grpc::Status ListStale(grpc::ServerContext* context, const v1::ListStaleRequest* request,
                         grpc::ServerWriter<v1::SeriesUsage>* writer) override {
    return usage_.ListStale(context, request, writer);
  }
  grpc::Status ListSlot(grpc::ServerContext* context, const v1::ListSlotRequest* request,
                        grpc::ServerWriter<v1::SlotSeries>* writer) override {
    return usage_.ListSlot(context, request, writer);
  }

 private:
  UsageRpc usage_;
};

// A list that comes at all comes sooner.
struct BoundedContext : grpc::ClientContext {
  BoundedContext() { set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10)); }
};

struct Fixture {
  Fixture() {
    const std::vector<index::SeriesEntry> entries = {{"web.a.cpu", {100, 1000}},
                                                     {"web.a.mem", {200, 3000}},
                                                     {"web.b", {50, 2000}},
                                                     {"db", {0, 0}},
                                                     {"cpu;host=a", {7, 500}}};
    REQUIRE(index->AddMany("t", entries).ok());
  }
  ~Fixture() { server->Shutdown(absl::Seconds(5)); }

  grpc::Status DiskUsage(const std::string& pattern, uint32_t depth, uint32_t branches_max,
                         std::vector<std::string>* lines) {
    v1::DiskUsageRequest request;
    request.set_tenant("t");
    request.set_pattern(pattern);
    request.set_depth(depth);
    request.set_max_branches(branches_max);
    v1::DiskUsageResponse response;
    grpc::ClientContext context;
    const grpc::Status status = stub->DiskUsage(&context, request, &response);
    lines->clear();
    for (const auto& branch : response.branch()) {
      lines->push_back(absl::StrCat(branch.path(), branch.is_leaf() ? "" : "/", " ",
                                    branch.series_count(), " ", branch.file_bytes(), " ",
                                    branch.last_update_unix_seconds()));
    }
    return status;
  }

  grpc::Status ListStale(const std::string& pattern, int64_t before,
                         std::vector<std::string>* names) {
    v1::ListStaleRequest request;
    request.set_tenant("t");
    request.set_pattern(pattern);
    request.set_before_unix_seconds(before);
    BoundedContext context;
    const auto reader = stub->ListStale(&context, request);
    v1::SeriesUsage series;
    names->clear();
    while (reader->Read(&series)) names->push_back(series.metric());
    return reader->Finish();
  }

  base::MemoryKeyValue key_value;
  std::unique_ptr<index::SeriesIndex> index = index::SeriesIndex::Open(key_value).value();
  AdminService service{*index};
  std::unique_ptr<rpc::Server> server =
      rpc::Server::Start({.listen = "127.0.0.1:0"}, {&service}).value();
  std::unique_ptr<v1::StoreAdmin::Stub> stub =
      v1::StoreAdmin::NewStub(rpc::MakeChannel(absl::StrCat("127.0.0.1:", server->port())));
};

using Lines = std::vector<std::string>;

TEST_CASE("DiskUsage answers a line a branch, tagged series together", "[store_service]") {
  Fixture fixture;
  Lines lines;
  CHECK(fixture.DiskUsage("", 1, 0, &lines).ok());
  CHECK(lines == Lines{"/ 5 357 3000", "_tagged/ 1 7 500", "db 1 0 0", "web/ 3 350 3000"});
  CHECK(fixture.DiskUsage("web.*", 0, 0, &lines).ok());
  CHECK(lines == Lines{"web.a/ 2 300 3000", "web.b 1 50 2000"});
  CHECK(fixture.DiskUsage("*", 0, 0, &lines).ok());
  CHECK(lines == Lines{"_tagged/ 1 7 500", "db 1 0 0", "web/ 3 350 3000"});
  CHECK(fixture.DiskUsage("cpu;host=a", 0, 0, &lines).ok());
  CHECK(lines == Lines{"cpu;host=a 1 7 500"});
  CHECK(fixture.DiskUsage("missing", 3, 0, &lines).ok());
  CHECK(lines.empty());
}

TEST_CASE("DiskUsage refuses too many lines, bad patterns and no tenant", "[store_service]") {
  Fixture fixture;
  Lines lines;
  using Code = grpc::StatusCode;
  CHECK(fixture.DiskUsage("web", 1, 3, &lines).ok());
  CHECK(fixture.DiskUsage("web", 1, 2, &lines).error_code() == Code::RESOURCE_EXHAUSTED);
  CHECK(fixture.DiskUsage("", 3, 0, &lines).error_code() == Code::RESOURCE_EXHAUSTED);
  CHECK(fixture.DiskUsage("a..b", 0, 0, &lines).error_code() == Code::INVALID_ARGUMENT);
  grpc::ClientContext context;
  v1::DiskUsageResponse response;
  CHECK(fixture.stub->DiskUsage(&context, {}, &response).error_code() == Code::INVALID_ARGUMENT);
}

TEST_CASE("ListStale lists what has had no point since, in byte order", "[store_service]") {
  Fixture fixture;
  Lines names;
  CHECK(fixture.ListStale("", 2001, &names).ok());
  CHECK(names == Lines{"cpu;host=a", "web.a.cpu", "web.b"});
  CHECK(fixture.ListStale("web.**", 2000, &names).ok());
  CHECK(names == Lines{"web.a.cpu"});
  CHECK(fixture.ListStale("a..b", 2000, &names).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(fixture.ListStale("", 0, &names).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("ListSlot lists the series of a slot, of all tenants", "[store_service]") {
  Fixture fixture;
  REQUIRE(fixture.index->Add("u", "web.b").ok());
  size_t count = 0;
  for (const char* tenant : {"t", "u"}) {
    v1::ListSlotRequest request;
    request.set_slot(metric::SlotOf(tenant, "web.b"));
    BoundedContext context;
    const auto reader = fixture.stub->ListSlot(&context, request);
    v1::SlotSeries series;
    while (reader->Read(&series)) {
      CHECK(metric::SlotOf(series.tenant(), series.metric()) == request.slot());
      if (series.tenant() == tenant && series.metric() == "web.b") ++count;
    }
    CHECK(reader->Finish().ok());
  }
  CHECK(count == 2);
  v1::ListSlotRequest request;
  request.set_slot(metric::kSlotCount);
  grpc::ClientContext context;
  CHECK(fixture.stub->ListSlot(&context, request)->Finish().error_code() ==
        grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace plumbago::store_service
