// Proves the contract of plumbago.v1.Store over a real gRPC connection: the order of sequences,
// refusals, find, fetch, the watch of the index, and what a drain tells a writer.
#include "store_service.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/temporary_directory.h"
#include "rpc/server.h"

namespace plumbago::store_service {
namespace {

constexpr uint32_t kNow = 1'700'000'040;

struct Fixture {
  Fixture() {
    REQUIRE(store.Start().ok());
    server = rpc::Server::Start({.listen = "127.0.0.1:0"}, {&service}).value();
    stub = v1::Store::NewStub(rpc::MakeChannel(absl::StrCat("127.0.0.1:", server->port())));
  }
  ~Fixture() {
    service.Drain();
    server->Shutdown(absl::Seconds(5));
  }

  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  base::SimulatedClock clock{absl::FromUnixSeconds(kNow)};
  base::Metrics metrics;
  base::MemoryKeyValue key_value;
  std::unique_ptr<index::SeriesIndex> index = index::SeriesIndex::Open(key_value).value();
  store::StoragePolicies policies{*file_system, metrics, {}};
  store::Quotas quotas{*index};
  base::testing::FaultFileSystem disk{*file_system};
  store::Store store{{clock, disk, metrics, *index, policies, quotas},
                     {.directory = directory.path(), .session_bytes_max = 4096}};
  StoreService service{
      store, *index, {.write_streams_max = 2, .find_matches_max = 3, .fetch_series_max = 5}};
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<v1::Store::Stub> stub;
};

// A Write stream of one tenant that awaits its progress.
class Writer {
 public:
  explicit Writer(Fixture& fixture) : stream_(fixture.stub->Write(&context_)) {}

  bool Send(const std::vector<std::string>& metrics, double value) {
    v1::WriteRequest request;
    request.set_sequence(++sequence_);
    request.mutable_definitions()->add_tenant(std::string("t"));
    for (const std::string& metric : metrics) {
      request.mutable_definitions()->add_id(next_id_);
      request.mutable_definitions()->add_tenant_index(0);
      request.mutable_definitions()->add_metric_bytes(static_cast<uint32_t>(metric.size()));
      request.mutable_definitions()->mutable_metrics()->append(metric);
      request.add_series_id(next_id_++);
      request.add_point_count(1);
      request.add_time(kNow);
      request.add_value(value);
    }
    return stream_->Write(request);
  }
  bool SendRaw(const v1::WriteRequest& request) { return stream_->Write(request); }

  void AwaitApplied() {
    while (last.applied_sequence() < sequence_) REQUIRE(Read());
  }
  bool Read() {
    if (!stream_->Read(&last)) return false;
    for (const v1::RefusedSeries& series : last.refused()) refused.push_back(series);
    return true;
  }
  void CloseInput() { stream_->WritesDone(); }
  grpc::Status Finish() { return stream_->Finish(); }

  v1::WriteResponse last;
  std::vector<v1::RefusedSeries> refused;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WriteRequest, v1::WriteResponse>> stream_;
  uint64_t sequence_ = 0;
  uint32_t next_id_ = 0;
};

std::vector<v1::FetchedSeries> Fetch(Fixture& fixture, const std::vector<std::string>& metrics,
                                     grpc::Status* status, uint32_t from = kNow - 60) {
  v1::FetchRequest request;
  request.set_tenant("t");
  for (const std::string& metric : metrics) request.add_metric(metric);
  request.set_from(from);
  request.set_until(kNow);
  grpc::ClientContext context;
  const auto reader = fixture.stub->Fetch(&context, request);
  std::vector<v1::FetchedSeries> series;
  v1::FetchResponse response;
  while (reader->Read(&response)) {
    series.insert(series.end(), response.series().begin(), response.series().end());
  }
  *status = reader->Finish();
  return series;
}

grpc::Status Find(Fixture& fixture, const std::string& pattern, std::vector<std::string>* paths) {
  v1::FindRequest request;
  request.set_tenant("t");
  request.set_pattern(pattern);
  grpc::ClientContext context;
  const auto reader = fixture.stub->Find(&context, request);
  v1::FindResponse response;
  while (reader->Read(&response)) {
    for (const auto& node : response.node()) {
      paths->push_back(absl::StrCat(node.path(), node.is_leaf() ? "" : ".*"));
    }
  }
  return reader->Finish();
}

TEST_CASE("Written points are applied in order, fetched, found and listed", "[store_service]") {
  Fixture fixture;
  Writer writer(fixture);
  for (int i = 0; i < 50; ++i) REQUIRE(writer.Send({absl::StrCat("a.m", i)}, i));
  writer.AwaitApplied();
  grpc::Status status;
  const auto series = Fetch(fixture, {"a.m7", "missing", "a.m49"}, &status);
  CHECK(status.ok());
  REQUIRE(series.size() == 2);
  CHECK(series[0].metric_index() == 0);
  CHECK(series[0].start() == kNow);
  CHECK(series[0].step() == 60);
  CHECK(series[0].aggregation_method() == "average");
  CHECK(series[0].x_files_factor() == 0.5F);
  CHECK(series[0].finest_step() == series[0].step());
  REQUIRE(series[0].value_size() == 1);
  CHECK(series[0].value(0) == 7);
  CHECK(series[1].metric_index() == 2);

  std::vector<std::string> paths;
  CHECK(Find(fixture, "*", &paths).ok());
  CHECK(paths == std::vector<std::string>{"a.*"});
  paths.clear();
  CHECK(Find(fixture, "a.m4[89]", &paths).ok());
  CHECK(paths == std::vector<std::string>{"a.m48", "a.m49"});
}

TEST_CASE("A writer that closes its side gets all its progress, then OK", "[store_service]") {
  Fixture fixture;
  Writer writer(fixture);
  for (int i = 0; i < 20; ++i) REQUIRE(writer.Send({absl::StrCat("m", i)}, i));
  writer.CloseInput();
  while (writer.Read()) {
  }
  CHECK(writer.last.applied_sequence() == 20);
  CHECK(writer.Finish().ok());
}

TEST_CASE("A refused series is named in the response", "[store_service]") {
  Fixture fixture;
  Writer writer(fixture);
  REQUIRE(writer.Send({"good", "bad..name"}, 1));
  writer.AwaitApplied();
  REQUIRE(writer.refused.size() == 1);
  CHECK(writer.refused[0].series_id() == 1);
  CHECK(writer.refused[0].reason() == v1::RefusedSeries::INVALID_NAME);
  CHECK(writer.refused[0].point_count() == 1);
}

TEST_CASE("A malformed request and a wrong sequence end the stream", "[store_service]") {
  Fixture fixture;
  v1::WriteRequest undefined;
  undefined.set_sequence(1);
  undefined.add_series_id(3);
  undefined.add_point_count(0);
  v1::WriteRequest wrong_sequence;
  wrong_sequence.set_sequence(2);
  for (const v1::WriteRequest& request : {undefined, wrong_sequence}) {
    Writer writer(fixture);
    writer.SendRaw(request);
    CHECK_FALSE(writer.Read());
    CHECK(writer.Finish().error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_CASE("A drain makes everything durable, says so, and ends the stream with UNAVAILABLE",
          "[store_service]") {
  Fixture fixture;
  Writer writer(fixture);
  for (int i = 0; i < 20; ++i) REQUIRE(writer.Send({absl::StrCat("m", i)}, i));
  writer.AwaitApplied();
  fixture.service.Drain();
  while (writer.Read()) {
  }
  CHECK(writer.last.durable_sequence() == 20);
  CHECK(writer.Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
  Writer late(fixture);
  CHECK_FALSE(late.Read());
  CHECK(late.Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("A writer beyond the limit is refused", "[store_service]") {
  Fixture fixture;
  Writer first(fixture);
  Writer second(fixture);
  for (Writer* writer : {&first, &second}) {
    REQUIRE(writer->Send({"a"}, 1));
    writer->AwaitApplied();
  }
  Writer third(fixture);
  CHECK_FALSE(third.Read());
  CHECK(third.Finish().error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_CASE("A writer that goes away leaves what it sent", "[store_service]") {
  Fixture fixture;
  {
    Writer writer(fixture);
    REQUIRE(writer.Send({"a"}, 1));
    writer.AwaitApplied();
  }
  grpc::Status status;
  CHECK(Fetch(fixture, {"a"}, &status).size() == 1);
}

TEST_CASE("A damaged file is an error of its series only", "[store_service]") {
  Fixture fixture;
  Writer writer(fixture);
  REQUIRE(writer.Send({"good"}, 1));
  writer.AwaitApplied();
  REQUIRE(base::WriteFileAtomically(*fixture.file_system, fixture.directory.path() + "/t/bad.wsp",
                                    "not whisper")
              .ok());
  grpc::Status status;
  const auto series = Fetch(fixture, {"bad", "good"}, &status);
  CHECK(status.ok());
  REQUIRE(series.size() == 2);
  CHECK_THAT(series[0].error(), Catch::Matchers::Contains("bad.wsp"));
  CHECK(series[1].error().empty());
}

TEST_CASE("A long series comes in pieces that follow one another", "[store_service]") {
  constexpr uint32_t kPoints = 300'000;
  Fixture fixture;
  const whisper::Header header =
      whisper::MakeHeader({{.seconds_per_point = 1, .point_count = kPoints}}, 0.5F,
                          whisper::AggregationMethod::kAverage)
          .value();
  REQUIRE(whisper::Create(*fixture.file_system, fixture.directory.path() + "/t/long.wsp", header,
                          whisper::Existing::kRefuse)
              .ok());
  Writer writer(fixture);
  REQUIRE(writer.Send({"long"}, 7));
  writer.AwaitApplied();
  grpc::Status status;
  const auto pieces = Fetch(fixture, {"long"}, &status, kNow - kPoints);
  REQUIRE(status.ok());
  REQUIRE(pieces.size() == 3);
  uint32_t next = pieces[0].start();
  for (const v1::FetchedSeries& piece : pieces) {
    CHECK(piece.metric_index() == 0);
    CHECK(piece.start() == next);
    next += static_cast<uint32_t>(piece.value_size());
  }
  CHECK(next - pieces[0].start() == kPoints);
  CHECK(pieces[2].value(static_cast<int>(kNow - pieces[2].start())) == 7);
}

v1::ReduceRequest ReduceRequestOf(const std::vector<std::string>& metrics,
                                  uint32_t tail_from = kNow + 60, uint32_t from = kNow - 180) {
  v1::ReduceRequest request;
  request.set_tenant("t");
  request.set_from(from);
  request.set_until(kNow);
  request.set_tail_from(tail_from);
  request.set_max_points(1'000'000);
  v1::ReduceRequest::Group* group = request.add_group();
  group->set_aggregation(v1::ReduceRequest::SUM);
  for (const std::string& metric : metrics) {
    group->add_place(static_cast<uint32_t>(group->metric_size()));
    group->add_metric(metric);
  }
  return request;
}

// All pieces, and in `pieces` how many there were.
v1::ReducedGroup Reduce(Fixture& fixture, const v1::ReduceRequest& request, grpc::Status* status,
                        int* pieces = nullptr) {
  grpc::ClientContext context;
  const auto reader = fixture.stub->Reduce(&context, request);
  v1::ReducedGroup group;
  v1::ReduceResponse response;
  while (reader->Read(&response)) {
    for (const v1::ReducedGroup& piece : response.group()) group.MergeFrom(piece);
    if (pieces != nullptr) *pieces += response.group_size();
  }
  *status = reader->Finish();
  return group;
}

TEST_CASE("A group is reduced up to its tail, and late series are sent whole", "[store_service]") {
  Fixture fixture;
  Writer writer(fixture);
  REQUIRE(writer.Send({"a", "b"}, 1));
  REQUIRE(writer.Send({"c"}, 5));
  writer.AwaitApplied();
  grpc::Status status;
  const auto whole = Reduce(fixture, ReduceRequestOf({"a", "b", "c"}), &status);
  REQUIRE(status.ok());
  CHECK(whole.refusal() == v1::ReducedGroup::NONE);
  CHECK(whole.step() == 60);
  CHECK(whole.start() + 2 * 60 == kNow);
  CHECK(whole.step_count() == 3);
  CHECK(whole.aggregation_method() == "average");
  CHECK(whole.finest_step() == 60);
  CHECK(std::vector<uint32_t>(whole.value_count().begin(), whole.value_count().end()) ==
        std::vector<uint32_t>{0, 0, 3});
  CHECK(whole.value(2) == 7);
  CHECK(whole.tail_size() == 0);

  v1::ReduceRequest with_tail = ReduceRequestOf({"a", "b", "c"}, kNow);
  with_tail.mutable_group(0)->add_late(1);
  const auto cut = Reduce(fixture, with_tail, &status);
  REQUIRE(status.ok());
  CHECK(cut.value_count_size() == 2);
  REQUIRE(cut.tail_size() == 2);
  CHECK(cut.tail(0) == 1);
  CHECK(cut.tail(1) == 5);
  REQUIRE(cut.late_size() == 3);
  CHECK(std::isnan(cut.late(0)));
  CHECK(cut.late(2) == 1);
}

TEST_CASE("A group that cannot be reduced is refused with the reason", "[store_service]") {
  constexpr uint32_t kPoints = 300'000;
  Fixture fixture;
  Writer writer(fixture);
  REQUIRE(writer.Send({"a"}, 1));
  writer.AwaitApplied();
  const std::string tree = fixture.directory.path() + "/t/";
  REQUIRE(base::WriteFileAtomically(*fixture.file_system, tree + "bad.wsp", "not whisper").ok());
  const whisper::Header header =
      whisper::MakeHeader({{.seconds_per_point = 1, .point_count = kPoints}}, 0.5F,
                          whisper::AggregationMethod::kAverage)
          .value();
  REQUIRE(
      whisper::Create(*fixture.file_system, tree + "long.wsp", header, whisper::Existing::kRefuse)
          .ok());
  grpc::Status status;
  const auto refusal = [&](const std::vector<std::string>& metrics) {
    return Reduce(fixture, ReduceRequestOf(metrics), &status).refusal();
  };
  CHECK(refusal({"a", "none"}) == v1::ReducedGroup::UNKNOWN_SERIES);
  CHECK(refusal({"a", "bad"}) == v1::ReducedGroup::UNREADABLE);
  CHECK(refusal({"a", "long"}) == v1::ReducedGroup::MIXED_GRIDS);
  CHECK(status.ok());

  int pieces = 0;
  const auto group =
      Reduce(fixture, ReduceRequestOf({"long"}, kNow + 1, kNow - kPoints), &status, &pieces);
  CHECK(group.value_count_size() == kPoints);
  CHECK(group.value_size() == kPoints);
  CHECK(pieces == 1 + 2 + 3);  // the shape, 1.2 MB of counts, 2.4 MB of sums
}

TEST_CASE("Reductions beyond their bounds are refused", "[store_service]") {
  Fixture fixture;
  Writer writer(fixture);
  REQUIRE(writer.Send({"a", "b"}, 1));
  writer.AwaitApplied();
  const auto code_of = [&](auto change) {
    v1::ReduceRequest request = ReduceRequestOf({"a", "b"});
    change(request);
    grpc::Status status;
    Reduce(fixture, request, &status);
    return status.error_code();
  };
  constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;
  CHECK(code_of([](auto& request) { request.set_max_points(6); }) == grpc::StatusCode::OK);
  CHECK(code_of([](auto& request) { request.set_max_points(5); }) ==
        grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK(code_of([](auto& request) { request.clear_tenant(); }) == kInvalid);
  CHECK(code_of([](auto& request) { request.set_from(kNow + 1); }) == kInvalid);
  CHECK(code_of([](auto& request) { request.mutable_group(0)->add_place(1); }) == kInvalid);
  CHECK(code_of([](auto& request) { request.mutable_group(0)->add_late(2); }) == kInvalid);
  CHECK(code_of([](auto& request) { request.mutable_group(0)->clear_aggregation(); }) == kInvalid);
  CHECK(code_of([](auto& request) {
          for (int i = 0; i < 4; ++i) *request.add_group() = request.group(0);
        }) == kInvalid);
}

TEST_CASE("Requests beyond their bounds are refused", "[store_service]") {
  Fixture fixture;
  Writer writer(fixture);
  REQUIRE(writer.Send({"a", "b", "c"}, 1));
  writer.AwaitApplied();
  std::vector<std::string> paths;
  CHECK(Find(fixture, "*", &paths).ok());
  REQUIRE(writer.Send({"d"}, 1));
  writer.AwaitApplied();
  CHECK(Find(fixture, "*", &paths).error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK(Find(fixture, "a..b", &paths).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  grpc::Status status;
  Fetch(fixture, std::vector<std::string>(6, "a"), &status);
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("A watch tells of new series, and of its end at a drain", "[store_service]") {
  Fixture fixture;
  Writer writer(fixture);
  REQUIRE(writer.Send({"before"}, 1));
  writer.AwaitApplied();
  const uint64_t before = fixture.index->sequence();

  v1::WatchIndexRequest request;
  request.set_tenant("t");
  request.set_after_sequence(before);
  grpc::ClientContext context;
  const auto reader = fixture.stub->WatchIndex(&context, request);
  REQUIRE(fixture.index->Add("other", "unseen").ok());
  REQUIRE(writer.Send({"after"}, 1));
  v1::WatchIndexResponse response;
  REQUIRE(reader->Read(&response));
  REQUIRE(response.event_size() == 1);
  CHECK(response.event(0).kind() == v1::WatchIndexResponse::ADDED);
  CHECK(response.event(0).metric() == "after");
  CHECK(response.event(0).sequence() == before + 2);
  fixture.service.Drain();
  CHECK_FALSE(reader->Read(&response));
  CHECK(reader->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("Tagged series are found by their tags, and tags are completed", "[store_service]") {
  Fixture fixture;
  Writer writer(fixture);
  const std::string first = "cpu;dc=x;host=a";
  REQUIRE(writer.Send({first, "cpu;dc=x;host=b", "mem;dc=y;host=a"}, 1));
  writer.AwaitApplied();
  std::vector<std::string> metrics;
  const auto find = [&](const std::vector<std::string>& expressions) {
    v1::FindTaggedRequest request;
    request.set_tenant("t");
    for (const std::string& expression : expressions) request.add_expression(expression);
    grpc::ClientContext context;
    const auto reader = fixture.stub->FindTagged(&context, request);
    v1::FindTaggedResponse response;
    metrics.clear();
    while (reader->Read(&response)) {
      metrics.insert(metrics.end(), response.metric().begin(), response.metric().end());
    }
    return reader->Finish();
  };
  CHECK(find({"dc=~x|y", "host=a"}).ok());
  CHECK(metrics == std::vector<std::string>{first, "mem;dc=y;host=a"});
  grpc::Status status;
  CHECK(Fetch(fixture, metrics, &status).size() == 2);
  CHECK(find({"dc!=x"}).error_code() == grpc::StatusCode::INVALID_ARGUMENT);

  v1::CompleteTagsRequest request;
  request.set_tenant("t");
  request.add_expression(std::string("name=cpu"));
  v1::CompleteTagsResponse response;
  grpc::ClientContext tags_context;
  CHECK(fixture.stub->CompleteTags(&tags_context, request, &response).ok());
  REQUIRE(response.entry_size() == 2);
  CHECK(response.entry(0).text() == "dc");
  CHECK(response.entry(1).text() == "host");
  request.set_tag(std::string("host"));
  grpc::ClientContext values_context;
  CHECK(fixture.stub->CompleteTags(&values_context, request, &response).ok());
  REQUIRE(response.entry_size() == 2);
  CHECK(response.entry(1).text() == "b");
  CHECK(response.entry(1).series_count() == 1);
}

TEST_CASE("Series are made without points and found at once", "[store_service]") {
  Fixture fixture;
  v1::CreateSeriesRequest request;
  request.set_tenant("t");
  for (const char* metric : {"made;a=1", "made;a=2", "../out", "made;a=1"})
    request.add_metric(metric);
  v1::CreateSeriesResponse response;
  grpc::ClientContext context;
  REQUIRE(fixture.stub->CreateSeries(&context, request, &response).ok());
  REQUIRE(response.refused_size() == 1);
  CHECK(response.refused(0).metric() == "../out");
  CHECK(fixture.index->Contains("t", "made;a=1"));
  CHECK(fixture.index->Contains("t", "made;a=2"));
  CHECK(fixture.store.Rescan().ok());
  CHECK(fixture.index->Contains("t", "made;a=1"));
  grpc::ClientContext again;
  CHECK(fixture.stub->CreateSeries(&again, request, &response).ok());
  request.add_metric("fifth");
  while (request.metric_size() <= 10'000) request.add_metric("more");
  grpc::ClientContext many;
  CHECK(fixture.stub->CreateSeries(&many, request, &response).error_code() ==
        grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("A nearly full disk ends the streams of writers and refuses new ones, not fetches",
          "[store_service]") {
  Fixture fixture;
  Writer first(fixture);
  REQUIRE(first.Send({"a"}, 1));
  first.AwaitApplied();
  fixture.disk.SetSpace({.free_bytes = 10, .total_bytes = 1000});
  fixture.store.CheckDisk();
  first.Send({"b"}, 2);
  while (first.Read()) {
  }
  CHECK(first.Finish().error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  Writer second(fixture);
  CHECK_FALSE(second.Read());
  CHECK(second.Finish().error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  grpc::Status status;
  CHECK(Fetch(fixture, {"a"}, &status).size() == 1);
  fixture.disk.SetSpace({.free_bytes = 900, .total_bytes = 1000});
  fixture.store.CheckDisk();
  Writer third(fixture);
  REQUIRE(third.Send({"b"}, 2));
  third.AwaitApplied();
}

TEST_CASE("All series of a tenant are listed in byte order", "[store_service]") {
  Fixture fixture;
  REQUIRE(fixture.index->AddMany("t", {{{"b", {}}, {"a.b", {}}, {"a;x=y", {}}}}).ok());
  v1::ListSeriesRequest request;
  request.set_tenant("t");
  grpc::ClientContext context;
  const auto reader = fixture.stub->ListSeries(&context, request);
  v1::ListSeriesResponse response;
  REQUIRE(reader->Read(&response));
  CHECK(std::vector<std::string>(response.metric().begin(), response.metric().end()) ==
        std::vector<std::string>{"a.b", "a;x=y", "b"});
  CHECK_FALSE(reader->Read(&response));
  CHECK(reader->Finish().ok());
}

}  // namespace
}  // namespace plumbago::store_service
