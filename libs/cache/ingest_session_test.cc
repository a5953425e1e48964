// Proves that a stream's batches reach the cache by name, and that a malformed one ends the stream
// with a message instead of doing harm.
#include "cache/ingest_session.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/testing/temporary_directory.h"

namespace plumbago::cache {
namespace {

struct Fixture {
  explicit Fixture(CacheOptions cache_options = {}) : options(cache_options) {}

  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  base::Metrics registry;
  CacheMetrics metrics{registry};
  CacheOptions options;
  PointCache cache{options, clock, metrics};
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  std::unique_ptr<PointJournal> journal =
      PointJournal::Open(*file_system, clock, {.writer = {.directory = directory.path()}}, {},
                         cache)
          .value();
  IngestSession session{cache, *journal, metrics};
  v1::IngestResponse response;

  size_t Count(const std::string& tenant, const std::string& metric) {
    std::vector<Point> points;
    cache.Read(tenant, metric, 0, ~uint32_t{0}, &points);
    return points.size();
  }
};

void Define(v1::PointBatch* batch, uint32_t id, const std::string& tenant,
            const std::string& metric) {
  v1::SeriesDefinitions* definitions = batch->mutable_definitions();
  definitions->add_tenant(tenant);
  definitions->add_tenant_index(static_cast<uint32_t>(definitions->tenant_size() - 1));
  definitions->add_id(id);
  definitions->add_metric_bytes(static_cast<uint32_t>(metric.size()));
  definitions->mutable_metrics()->append(metric);
}

void AddPoint(v1::PointBatch* batch, uint32_t id, uint32_t time, double value) {
  batch->add_series_id(id);
  batch->add_time(time);
  batch->add_value(value);
}

v1::PointBatch Batch(uint64_t sequence) {
  v1::PointBatch batch;
  batch.set_sequence(sequence);
  return batch;
}

v1::StreamHello RetryingHello() {
  v1::StreamHello hello;
  hello.set_protocol_version(1);
  hello.set_can_retry_refused(true);
  return hello;
}

TEST_CASE("IngestSession takes points by the names of its dictionary", "[cache]") {
  Fixture f;
  v1::PointBatch first = Batch(1);
  Define(&first, 0, "t", "a.b");
  Define(&first, 5, "u", "a.b");
  AddPoint(&first, 0, 1, 1);
  AddPoint(&first, 5, 1, 2);
  AddPoint(&first, 0, 2, 3);
  REQUIRE(f.session.Apply(first, &f.response).ok());
  v1::PointBatch second = Batch(2);
  AddPoint(&second, 5, 2, 4);
  REQUIRE(f.session.Apply(second, &f.response).ok());
  CHECK(f.session.last_sequence() == 2);
  CHECK(f.Count("t", "a.b") == 2);
  CHECK(f.Count("u", "a.b") == 2);
}

TEST_CASE("IngestSession refuses malformed batches", "[cache]") {
  Fixture f;
  const auto refuses = [&](const v1::PointBatch& batch, const std::string& part) {
    const absl::Status status = f.session.Apply(batch, &f.response);
    INFO(status);
    CHECK(absl::IsInvalidArgument(status));
    CHECK(std::string(status.message()).find(part) != std::string::npos);
  };
  v1::PointBatch batch = Batch(1);
  AddPoint(&batch, 0, 1, 1);
  refuses(batch, "series id 0 is not defined");
  batch.add_time(2);
  refuses(batch, "unequal length");
  refuses(Batch(7), "follows batch 0");

  v1::PointBatch bad_tenant = Batch(1);
  Define(&bad_tenant, 1, "t", "a");
  bad_tenant.mutable_definitions()->set_tenant_index(0, 9);
  refuses(bad_tenant, "tenant index 9");
  v1::PointBatch bad_size = Batch(1);
  Define(&bad_size, 2, "t", "a");
  bad_size.mutable_definitions()->set_metric_bytes(0, 2);
  refuses(bad_size, "lengths");
  v1::PointBatch huge_id = Batch(1);
  Define(&huge_id, IngestSession::kSeriesMax, "t", "a");
  refuses(huge_id, "series id");
  v1::PointBatch twice = Batch(1);
  Define(&twice, 3, "t", "a");
  Define(&twice, 3, "t", "b");
  refuses(twice, "defined twice");
}

TEST_CASE("IngestSession refuses a protocol that it does not know", "[cache]") {
  Fixture f;
  v1::StreamHello hello;
  hello.set_protocol_version(IngestSession::kProtocolVersion);
  CHECK(f.session.Begin(hello).ok());
  hello.set_protocol_version(IngestSession::kProtocolVersion + 1);
  CHECK(absl::IsFailedPrecondition(f.session.Begin(hello)));
}

TEST_CASE("IngestSession drops and counts points of names that have no room", "[cache]") {
  Fixture f({.memory_bytes_max = 500});
  v1::PointBatch batch = Batch(1);
  for (uint32_t i = 0; i < 10; ++i) {
    Define(&batch, i, "t", "name." + std::to_string(i));
    AddPoint(&batch, i, 1, 1);
  }
  REQUIRE(f.session.Apply(batch, &f.response).ok());
  const double dropped = f.metrics.dropped("t", "no_memory_for_names").Value();
  CHECK(dropped > 0);
  CHECK(f.metrics.points_received.Value() == 10);
}

TEST_CASE("A relay that can come again is told which points have no room, and may name them anew",
          "[cache]") {
  Fixture f({.memory_bytes_max = 10'000});
  REQUIRE(f.session.Begin(RetryingHello()).ok());
  v1::PointBatch batch = Batch(1);
  for (uint32_t i = 0; i < 100; ++i) {
    Define(&batch, i, "t", "name." + std::to_string(i));
    AddPoint(&batch, i, 1, 1);
  }
  REQUIRE(f.session.Apply(batch, &f.response).ok());
  REQUIRE(f.response.refused_size() == 1);
  const v1::RefusedPoints& refused = f.response.refused(0);
  CHECK(refused.sequence() == 1);
  CHECK(refused.retry_after_ms() > 0);
  CHECK(refused.forgotten_id_size() == refused.index_size());
  CHECK(f.metrics.points_received.Value() + refused.index_size() == 100);
  CHECK(f.metrics.refused_for_memory("t", "share").Value() == refused.index_size());

  v1::PointBatch again = Batch(2);
  const uint32_t id = refused.forgotten_id(0);
  Define(&again, id, "t", "name." + std::to_string(id));
  Define(&again, 0, "t", "name.0");  // known, and told again
  AddPoint(&again, id, 1, 1);
  v1::IngestResponse second;
  CHECK(f.session.Apply(again, &second).ok());
}

// A cache that "heavy" has filled, beyond its bound, before anybody looked.
struct FullFixture : Fixture {
  FullFixture() : Fixture({.memory_bytes_max = 400'000}) {}

  void FillWithPoints() {
    const SeriesReference heavy = cache.Acquire("heavy", "filler", PointCache::Bound::kIgnored);
    for (uint32_t i = 1; cache.memory().used_bytes() < 400'000; ++i) {
      cache.Append({&heavy, 1}, {&i, 1}, std::vector<double>{i * 0.7});
    }
    cache.UpdatePressure(0);
  }

  // Returns how many of the heavy one's points and of the light one's were refused.
  std::pair<int, int> Send(uint64_t sequence, int point_count) {
    v1::PointBatch batch = Batch(sequence);
    Define(&batch, 0, "heavy", "a");
    Define(&batch, 1, "light", "a");
    for (int i = 0; i < 2 * point_count; ++i) {
      AddPoint(&batch, static_cast<uint32_t>(i % 2),
               static_cast<uint32_t>(sequence) * 10'000 + static_cast<uint32_t>(i), i * 0.3);
    }
    response.Clear();
    REQUIRE(session.WaitForRoom());
    REQUIRE(session.Apply(batch, &response).ok());
    std::pair<int, int> refused;
    if (response.refused_size() == 0) return refused;
    for (const uint32_t index : response.refused(0).index()) {
      ++(index % 2 == 0 ? refused.first : refused.second);
    }
    return refused;
  }
};

TEST_CASE("A tenant within its reserve is taken in full while another one fills the memory",
          "[cache]") {
  FullFixture f;
  REQUIRE(f.session.Begin(RetryingHello()).ok());
  f.FillWithPoints();
  CHECK(f.Send(1, 10) == std::pair<int, int>(10, 0));
  f.cache.UpdatePressure(0);
  const size_t before_bytes = f.cache.memory().used_bytes();
  uint64_t sequence = 2;
  for (; f.cache.IsWithinReserve(f.cache.Acquire("light", "a")); ++sequence) {
    CHECK(f.Send(sequence, 50) == std::pair<int, int>(50, 0));
    f.cache.UpdatePressure(0);
  }
  CHECK(sequence > 3);
  CHECK(f.Send(sequence, 50) == std::pair<int, int>(50, 50));  // the bound is one for all
  CHECK(f.cache.memory().used_bytes() < before_bytes + f.cache.memory().reserve_bytes());
}

TEST_CASE("A tenant within its reserve gets names although those of another are too many",
          "[cache]") {
  FullFixture f;
  REQUIRE(f.session.Begin(RetryingHello()).ok());
  for (int i = 0; f.cache.Acquire("heavy", "name." + std::to_string(i)).series != nullptr; ++i) {
  }
  f.FillWithPoints();
  CHECK(f.Send(1, 10) == std::pair<int, int>(10, 0));
}

}  // namespace
}  // namespace plumbago::cache
