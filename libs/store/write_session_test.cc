// Proves that progress is reported in the order of the batches, whatever the order of completion.
#include "store/write_session.h"

#include <catch2/catch.hpp>

namespace plumbago::store {
namespace {

std::shared_ptr<WriteBatch> Batch(uint64_t sequence, size_t point_count = 1) {
  auto batch = std::make_shared<WriteBatch>();
  batch->sequence = sequence;
  batch->points.resize(point_count);
  return batch;
}

TEST_CASE("Applied is the last sequence before which everything is done", "[store]") {
  WriteSession session(1 << 20);
  int notified = 0;
  session.SetListener([&] { ++notified; });
  std::vector<std::shared_ptr<WriteBatch>> batches = {Batch(1), Batch(2), Batch(3)};
  for (const auto& batch : batches) REQUIRE(session.Accept(batch).ok());
  WriteSession::Progress progress;
  session.Complete(*batches[1]);
  CHECK(notified == 0);
  CHECK_FALSE(session.TakeProgress(&progress));
  session.Complete(*batches[0]);
  CHECK(notified == 1);
  REQUIRE(session.TakeProgress(&progress));
  CHECK(progress.applied_sequence == 2);
  CHECK(progress.durable_sequence == 0);
  CHECK_FALSE(session.is_idle());
  session.Complete(*batches[2]);
  CHECK(session.is_idle());
  REQUIRE(session.TakeProgress(&progress));
  CHECK(progress.applied_sequence == 3);
}

TEST_CASE("Durable follows a checkpoint and is reported once", "[store]") {
  WriteSession session(1 << 20);
  const auto batch = Batch(1);
  REQUIRE(session.Accept(batch).ok());
  session.Complete(*batch);
  WriteSession::Progress progress;
  REQUIRE(session.TakeProgress(&progress));
  session.MarkDurable(1);
  session.MarkDurable(1);
  REQUIRE(session.TakeProgress(&progress));
  CHECK(progress.durable_sequence == 1);
  CHECK_FALSE(session.TakeProgress(&progress));
}

TEST_CASE("Refused series are reported once, with the progress they belong to", "[store]") {
  WriteSession session(1 << 20);
  const auto batch = Batch(1);
  REQUIRE(session.Accept(batch).ok());
  session.AddRefused(*batch, {.series_id = 7, .point_count = 3});
  WriteSession::Progress progress;
  CHECK_FALSE(session.TakeProgress(&progress));
  session.Complete(*batch);
  REQUIRE(session.TakeProgress(&progress));
  REQUIRE(progress.refused.size() == 1);
  CHECK(progress.refused[0].series_id == 7);
  session.MarkDurable(1);
  REQUIRE(session.TakeProgress(&progress));
  CHECK(progress.refused.empty());
}

TEST_CASE("Refused series wait for their own batch", "[store]") {
  WriteSession session(1 << 20);
  const auto first = Batch(1);
  const auto second = Batch(2);
  REQUIRE(session.Accept(first).ok());
  REQUIRE(session.Accept(second).ok());
  session.AddRefused(*second, {.series_id = 7, .point_count = 3});
  session.Complete(*first);
  WriteSession::Progress progress;
  REQUIRE(session.TakeProgress(&progress));
  CHECK(progress.applied_sequence == 1);
  CHECK(progress.refused.empty());
  session.Complete(*second);
  REQUIRE(session.TakeProgress(&progress));
  CHECK(progress.applied_sequence == 2);
  CHECK(progress.refused.size() == 1);
}

TEST_CASE("A session is full from its limit on until batches complete", "[store]") {
  const auto first = Batch(1, 10);
  WriteSession session(first->byte_count() + 1);
  REQUIRE(session.Accept(first).ok());
  CHECK_FALSE(session.is_full());
  const auto second = Batch(2, 10);
  REQUIRE(session.Accept(second).ok());
  CHECK(session.is_full());
  session.Complete(*first);
  CHECK_FALSE(session.is_full());
}

TEST_CASE("A sequence that is not the next one is refused", "[store]") {
  WriteSession session(1 << 20);
  CHECK(absl::IsInvalidArgument(session.Accept(Batch(2))));
  REQUIRE(session.Accept(Batch(1)).ok());
  CHECK(absl::IsInvalidArgument(session.Accept(Batch(1))));
  CHECK(absl::IsInvalidArgument(session.Accept(Batch(3))));
}

TEST_CASE("An id is defined once and within its range", "[store]") {
  WriteSession session(1 << 20);
  CHECK(session.FindSeries(0) == nullptr);
  REQUIRE(session.Define(1, "t", "a").ok());
  CHECK(session.FindSeries(0) == nullptr);
  CHECK(session.FindSeries(1)->metric() == "a");
  CHECK(absl::IsInvalidArgument(session.Define(1, "t", "b")));
  CHECK(absl::IsInvalidArgument(session.Define(WriteSession::kSeriesMax, "t", "b")));
}

}  // namespace
}  // namespace plumbago::store
