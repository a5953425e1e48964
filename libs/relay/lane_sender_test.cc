// Proves when a lane goes over to the spool and back, with a stream that fails, hangs or is slow.
#include "relay/lane_sender.h"

#include <catch2/catch.hpp>

#include "relay/testing/fake_spool.h"
#include "relay/testing/fake_stream.h"

namespace plumbago::relay {
namespace {

struct Fixture {
  std::unique_ptr<LaneSender> Make(BatchSpool* lane_spool) {
    return std::make_unique<LaneSender>(std::make_unique<testing::FakeStream>(destination),
                                        lane_spool, clock, absl::Seconds(2));
  }
  void Send() {
    auto batch = std::make_unique<Batch>();
    batch->names = names;
    batch->points.Append(0, next_time++, 1);
    sender->Send(std::move(batch));
  }
  void Advance(absl::Duration by) {
    clock.Advance(by);
    sender->Check();
  }

  Fixture() {
    names->Append("t", "a");
    destination.accepts_at_once = false;
    sender = Make(&spool);
  }

  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  std::shared_ptr<NameTable> names = std::make_shared<NameTable>();
  testing::Destination destination;
  testing::FakeSpool spool;
  std::unique_ptr<LaneSender> sender;
  uint32_t next_time = 1;
};

TEST_CASE("A lane whose shard accepts nothing gives everything to the spool", "[lane_sender]") {
  Fixture f;
  f.Send();
  f.Advance(absl::Milliseconds(1999));
  CHECK(f.spool.batches.empty());
  f.Send();
  f.Advance(absl::Milliseconds(1));
  CHECK(f.spool.is_down());
  CHECK(f.spool.batches.size() == 2);
  CHECK(f.sender->held_bytes() == 0);
  f.Send();
  CHECK(f.spool.batches.size() == 3);
}

TEST_CASE("A lane whose shard goes on accepting, or has nothing to accept, is up",
          "[lane_sender]") {
  Fixture f;
  for (int i = 0; i < 10; ++i) {
    f.Send();
    f.Send();
    f.Advance(absl::Seconds(1));
    f.destination.Accept(1);
  }
  CHECK_FALSE(f.spool.is_down());
  f.destination.Accept();
  f.Advance(absl::Seconds(100));
  f.Send();
  f.Advance(absl::Seconds(1));
  CHECK_FALSE(f.spool.is_down());
}

TEST_CASE("A lane whose stream failed gives everything to the spool at once", "[lane_sender]") {
  Fixture f;
  f.Send();
  f.destination.is_failing = true;
  f.Advance(absl::ZeroDuration());
  CHECK(f.spool.batches.size() == 1);
}

TEST_CASE("A lane sends to the stream again when the shard is up", "[lane_sender]") {
  Fixture f;
  f.Send();
  f.Advance(absl::Seconds(2));
  f.spool.ReportUp();
  f.Advance(absl::Seconds(1));
  f.Send();
  CHECK(f.destination.held.size() == 1);
  CHECK(f.spool.batches.size() == 1);
}

TEST_CASE("What another lane finds out holds for this one", "[lane_sender]") {
  Fixture f;
  f.Send();
  f.spool.ReportDown("another lane");
  f.Advance(absl::ZeroDuration());
  CHECK(f.spool.batches.size() == 1);
}

TEST_CASE(
    "A full spool leaves batches with the stream, and their acceptance tells that the shard "
    "is up",
    "[lane_sender]") {
  Fixture f;
  f.spool.has_room = false;
  f.sender->SetBytesMax(1);
  f.Send();
  f.Advance(absl::Seconds(2));
  CHECK(f.spool.is_down());
  CHECK(f.destination.held.size() == 1);
  CHECK(f.sender->room() == LaneSender::Room::kNone);
  f.destination.Accept();
  f.Advance(absl::ZeroDuration());
  CHECK_FALSE(f.spool.is_down());
  CHECK(f.sender->room() == LaneSender::Room::kYes);
}

TEST_CASE("A slow lane uses the spool until its stream holds a quarter", "[lane_sender]") {
  Fixture f;
  f.Send();
  const size_t batch_bytes = f.sender->held_bytes();
  for (int i = 0; i < 7; ++i) f.Send();
  f.sender->SetBytesMax(8 * batch_bytes);
  CHECK(f.sender->room() == LaneSender::Room::kFull);
  CHECK(f.sender->BeginSlow());
  CHECK(f.spool.slow_lane_count == 1);
  CHECK(f.sender->room() == LaneSender::Room::kYes);
  f.Send();
  CHECK(f.spool.batches.size() == 1);
  CHECK(f.destination.held.size() == 8);
  f.destination.Accept(5);
  f.Advance(absl::ZeroDuration());
  CHECK(f.sender->is_slow());
  f.destination.Accept(1);
  f.Advance(absl::ZeroDuration());
  CHECK_FALSE(f.sender->is_slow());
  CHECK(f.spool.slow_lane_count == 0);
  f.Send();
  CHECK(f.destination.held.size() == 3);
}

TEST_CASE("A lane without a spool holds everything and is never slow", "[lane_sender]") {
  Fixture f;
  f.sender = f.Make(nullptr);
  f.sender->SetBytesMax(1);
  f.Send();
  f.Advance(absl::Seconds(10));
  CHECK(f.destination.held.size() == 1);
  CHECK(f.sender->room() == LaneSender::Room::kFull);
  CHECK_FALSE(f.sender->BeginSlow());
}

TEST_CASE("At the end everything goes to the spool, whatever its bounds", "[lane_sender]") {
  Fixture f;
  f.spool.has_room = false;
  f.Send();
  f.sender->SpoolEverything();
  CHECK(f.spool.batches.size() == 1);
  CHECK(f.sender->held_bytes() == 0);
}

TEST_CASE("What a cache has no memory for goes to the spool, and the lane goes on",
          "[lane_sender]") {
  Fixture f;
  f.Send();
  f.Send();
  f.destination.Refuse(absl::Seconds(2));
  f.Advance(absl::Milliseconds(10));
  CHECK(f.spool.batches.size() == 1);
  CHECK_FALSE(f.spool.is_down());
  CHECK(f.destination.held.size() == 1);
  f.destination.Accept();
  CHECK(f.sender->held_bytes() == 0);
}

TEST_CASE("Without a spool a refused batch is held, and sent again when the cache has said",
          "[lane_sender]") {
  Fixture f;
  f.sender = f.Make(nullptr);
  f.Send();
  const size_t bytes = f.sender->held_bytes();
  f.destination.Refuse(absl::Seconds(2));
  f.Advance(absl::Milliseconds(1999));
  CHECK(f.sender->held_bytes() == bytes);
  CHECK(f.sender->refused_point_count() == 1);
  CHECK(f.destination.held.empty());
  f.Advance(absl::Seconds(2));  // from when the sender has seen the refusal
  CHECK(f.destination.held.size() == 1);
  CHECK(f.sender->held_bytes() == bytes);
  CHECK(f.sender->refused_point_count() == 0);  // the stream counts it again
  f.destination.Accept();
  CHECK(f.sender->held_bytes() == 0);
  CHECK(f.destination.points["a"].size() == 1);
}

}  // namespace
}  // namespace plumbago::relay
