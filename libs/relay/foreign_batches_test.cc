// Proves how batches wait for a foreign peer (what is accepted, failed or taken back, and that
// nothing is touched by two threads at once) and how they are cut into pieces.
#include <catch2/catch.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "protocols/decompressor.h"
#include "relay/batch_encoder.h"
#include "relay/batch_queue.h"

namespace plumbago::relay {
namespace {

std::unique_ptr<Batch> MakeBatch(size_t point_count, const std::string& metric = "a.b") {
  auto names = std::make_shared<NameTable>();
  const uint32_t id = names->Append("t", metric);
  auto batch = std::make_unique<Batch>();
  batch->names = names;
  for (size_t i = 0; i < point_count; ++i) {
    batch->points.Append(id, static_cast<uint32_t>(1000 + i), static_cast<double>(i));
  }
  return batch;
}

TEST_CASE("A BatchQueue holds batches until they are accepted, in order", "[foreign]") {
  BatchQueue queue;
  CHECK(queue.is_empty());
  for (const size_t size : {1, 2, 3}) queue.Push(MakeBatch(size));
  const uint64_t generation = queue.generation();
  {
    const BatchQueue::Loan loan(queue, generation, 2);
    REQUIRE(loan.batch() != nullptr);
    CHECK(loan.batch()->point_count() == 3);
  }
  CHECK(BatchQueue::Loan(queue, generation, 3).batch() == nullptr);
  queue.ReportFailure();
  CHECK(queue.is_failing());
  CHECK(queue.Accept(generation, 2).point_count == 3);
  CHECK_FALSE(queue.is_failing());
  CHECK(queue.acknowledged_count() == 2);
  CHECK(queue.unacknowledged_bytes() == MakeBatch(3)->memory_bytes());
  queue.ReportFailure();
  const auto taken = queue.TakeBack();
  REQUIRE(taken.size() == 1);
  CHECK(taken[0]->point_count() == 3);
  CHECK_FALSE(queue.is_failing());
  CHECK(queue.is_empty());
}

TEST_CASE("What a link says of batches that were taken back changes nothing", "[foreign]") {
  BatchQueue queue;
  queue.Push(MakeBatch(1));
  const uint64_t generation = queue.generation();
  CHECK(queue.TakeBack().size() == 1);
  queue.Push(MakeBatch(2));
  CHECK(queue.generation() != generation);
  CHECK(BatchQueue::Loan(queue, generation, 0).batch() == nullptr);
  CHECK(queue.Accept(generation, 1).batch_count == 0);
  CHECK(queue.acknowledged_count() == 0);
  CHECK(queue.TakeBack().size() == 1);
}

TEST_CASE("TakeBack waits for a loan to end", "[foreign]") {
  BatchQueue queue;
  queue.Push(MakeBatch(1));
  auto loan = std::make_unique<BatchQueue::Loan>(queue, queue.generation(), 0);
  std::atomic<bool> is_returned{false};
  bool was_returned = false;
  std::thread taker([&] {
    queue.TakeBack();
    was_returned = is_returned.load();
  });
  std::this_thread::yield();
  is_returned.store(true);
  loan.reset();
  taker.join();
  CHECK(was_returned);
}

TEST_CASE("An accepted batch is reported to who waits for it", "[foreign]") {
  BatchQueue queue;
  auto batch = MakeBatch(1);
  batch->delivery = std::make_shared<Delivery>();
  batch->delivery->AddBatch();
  const auto delivery = batch->delivery;
  queue.Push(std::move(batch));
  base::SimulatedClock clock(absl::UnixEpoch());
  CHECK_FALSE(delivery->Wait(clock, absl::ZeroDuration()));
  queue.Accept(queue.generation(), 1);
  CHECK(delivery->Wait(clock, absl::ZeroDuration()));
}

// All pieces of a batch.
std::vector<std::string> Pieces(const routing::Endpoint& endpoint, const Batch& batch,
                                size_t piece_bytes) {
  BatchEncoder encoder(endpoint);
  std::vector<std::string> pieces;
  for (size_t next = 0; next < batch.point_count();) {
    next = encoder.Encode(batch, next, piece_bytes, &pieces.emplace_back());
  }
  return pieces;
}

TEST_CASE("A batch is cut into pieces of whole lines", "[foreign]") {
  const auto batch = MakeBatch(50);  // lines of 11 and 12 bytes
  const routing::Endpoint endpoint;
  const auto whole = Pieces(endpoint, *batch, 1 << 20);
  REQUIRE(whole.size() == 1);
  CHECK(std::count(whole[0].begin(), whole[0].end(), '\n') == 50);
  CHECK(whole[0].substr(0, 22) == "a.b 0 1000\na.b 1 1001\n");
  for (const size_t piece_bytes : {1, 11, 12, 13, 40}) {
    const auto pieces = Pieces(endpoint, *batch, piece_bytes);
    std::string joined;
    for (const std::string& piece : pieces) {
      CHECK((piece.size() <= piece_bytes || piece.size() <= 12));
      CHECK(piece.back() == '\n');
      joined += piece;
    }
    CHECK(joined == whole[0]);
  }
}

TEST_CASE("A batch whose names cannot be written is counted and gives nothing", "[foreign]") {
  BatchEncoder encoder({});
  std::string out;
  CHECK(encoder.Encode(*MakeBatch(3, "a b"), 0, 100, &out) == 3);
  CHECK(out == "");
  CHECK(encoder.TakeRefusedCount() == 3);
  CHECK(encoder.TakeRefusedCount() == 0);
}

TEST_CASE("The points of a pickled batch are all out when the batch is", "[foreign]") {
  const auto batch = MakeBatch(1200);
  const routing::Endpoint endpoint{.protocol = routing::Protocol::kPickle};
  BatchEncoder encoder(endpoint);
  std::string out;
  CHECK(encoder.Encode(*batch, 0, 1, &out) == 500);
  CHECK(encoder.Encode(*batch, 500, 1 << 20, &out) == 1200);
  size_t frames = 0;
  for (absl::string_view rest = out; !rest.empty(); ++frames) {
    size_t size = 0;
    for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(rest[i]);
    rest.remove_prefix(4 + size);
  }
  CHECK(frames == 3);
}

TEST_CASE("Pieces of a compressed connection make one stream", "[foreign]") {
  const auto batch = MakeBatch(200);
  std::string expected;
  for (const std::string& piece : Pieces({}, *batch, 1 << 20)) expected += piece;
  const auto decompressor = protocols::MakeDecompressor(protocols::Compression::kGzip);
  std::string inflated;
  for (const std::string& piece :
       Pieces({.compression = routing::Compression::kGzip}, *batch, 300)) {
    const auto append = [&](absl::string_view part) { inflated.append(part.data(), part.size()); };
    REQUIRE(decompressor->Feed(piece, append).ok());
  }
  CHECK(inflated == expected);
}

}  // namespace
}  // namespace plumbago::relay
