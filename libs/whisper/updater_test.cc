// Proves the rules of an update that the differential test cannot: the duplicates of our own write
// path, what is uncovered, and the number of system calls.
#include "whisper/updater.h"

#include <catch2/catch.hpp>

#include "absl/strings/escaping.h"
#include "whisper/file.h"
#include "whisper/internal/encoding.h"

namespace plumbago::whisper {
namespace {

constexpr int64_t kNow = 1'700'000'040;  // a multiple of 60

// A file in memory that counts the calls made to it.
class CountingFile final : public base::File {
 public:
  explicit CountingFile(const Header& header) : content_(EncodeHeader(header)) {
    content_.resize(header.file_bytes());
  }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* buffer, size_t size) override {
    ++read_count;
    return offset < content_.size() ? content_.copy(buffer, size, offset) : 0;
  }
  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    ++write_count;
    REQUIRE(offset + data.size() <= content_.size());
    content_.replace(offset, data.size(), data.data(), data.size());
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> Size() override { return content_.size(); }
  absl::StatusOr<uint64_t> LinkCount() override { return 1; }
  absl::Status Preallocate(uint64_t) override { return absl::UnimplementedError(""); }
  absl::Status Sync() override { return absl::OkStatus(); }

  const std::string& content() const { return content_; }
  int read_count = 0;
  int write_count = 0;

 private:
  std::string content_;
};

Header HeaderOf(std::vector<ArchiveSpec> archives, float factor = 0.5F) {
  return MakeHeader(std::move(archives), factor, AggregationMethod::kAverage).value();
}

std::string Slot(const CountingFile& file, const Archive& archive, size_t slot) {
  return absl::BytesToHexString(file.content().substr(archive.offset + slot * 12, 12));
}

UpdateResult Update(base::File& file, const Header& header, const std::vector<Point>& points,
                    int64_t now = kNow, Duplicates duplicates = Duplicates::kLastWins) {
  BaseTimes base_times;
  return Updater().UpdateMany({file, header, base_times}, points, now, duplicates).value();
}

absl::Status UpdateOne(base::File& file, const Header& header, Point point) {
  BaseTimes base_times;
  return Updater().UpdateOne({file, header, base_times}, point, kNow);
}

TEST_CASE("A point goes to its slot and, where enough is known, to the coarser archive",
          "[whisper]") {
  const Header header = HeaderOf({{60, 3}, {120, 4}});
  CountingFile file(header);
  REQUIRE(UpdateOne(file, header, {kNow, 1.5}).ok());
  CHECK(Slot(file, header.archives[0], 0) == "6553f1283ff8000000000000");
  CHECK(Slot(file, header.archives[1], 0) == "6553f1283ff8000000000000");
}

TEST_CASE("Of points with one time the last to arrive or the first is kept", "[whisper]") {
  const Header header = HeaderOf({{60, 3}});
  CountingFile last(header);
  Update(last, header, {{kNow, 1}, {kNow, 2}});
  CHECK(Slot(last, header.archives[0], 0) == "6553f1284000000000000000");
  CountingFile first(header);
  Update(first, header, {{kNow, 1}, {kNow, 2}}, kNow, Duplicates::kFirstWins);
  CHECK(Slot(first, header.archives[0], 0) == "6553f1283ff0000000000000");
}

TEST_CASE("Of different times in one slot the latest is kept, whatever arrived last", "[whisper]") {
  const Header header = HeaderOf({{60, 3}});
  CountingFile file(header);
  Update(file, header, {{kNow + 30, 2}, {kNow, 1}}, kNow + 30);
  CHECK(Slot(file, header.archives[0], 0) == "6553f1284000000000000000");
}

TEST_CASE("A factor of 0.1 is not reached by 1 of 10 points, for it is an f32", "[whisper]") {
  const Header header = HeaderOf({{6, 10}, {60, 10}}, 0.1F);
  CountingFile file(header);
  Update(file, header, {{kNow, 1}});
  CHECK(Slot(file, header.archives[1], 0) == "000000000000000000000000");
  Update(file, header, {{kNow + 6, 1}}, kNow + 6);
  CHECK(Slot(file, header.archives[1], 0) == "6553f1283ff0000000000000");
}

TEST_CASE("Points as old as the longest retention are stored, older ones are counted",
          "[whisper]") {
  const Header header = HeaderOf({{60, 3}, {120, 4}});
  CountingFile file(header);
  const auto uncovered = [&](int64_t age) {
    return Update(file, header, {{static_cast<uint32_t>(kNow - age), 1}}).uncovered_count;
  };
  CHECK(uncovered(479) == 0);
  CHECK(uncovered(480) == 0);
  CHECK(uncovered(481) == 1);
  CHECK(uncovered(-60) == 0);
}

TEST_CASE("UpdateOne refuses the future and the age of the longest retention", "[whisper]") {
  const Header header = HeaderOf({{60, 3}, {120, 4}});
  CountingFile file(header);
  const auto update = [&](int64_t age) {
    return UpdateOne(file, header, {static_cast<uint32_t>(kNow - age), 1});
  };
  CHECK(update(0).ok());
  CHECK(update(479).ok());
  CHECK(absl::IsInvalidArgument(update(480)));
  CHECK(absl::IsInvalidArgument(update(-1)));
}

TEST_CASE("The slot of 1970 is uncovered, because a time of 0 means empty", "[whisper]") {
  const Header header = HeaderOf({{60, 3}});
  CountingFile file(header);
  CHECK(Update(file, header, {{0, 1}, {59, 1}, {60, 1}}, 100).uncovered_count == 2);
}

TEST_CASE("A run longer than the ring stays inside its archive", "[whisper]") {
  const Header header = HeaderOf({{60, 3}, {120, 4}});
  CountingFile file(header);
  std::vector<Point> points;
  for (uint32_t i = 0; i < 8; ++i) points.push_back({static_cast<uint32_t>(kNow) + i * 60, 1.0});
  Update(file, header, points);
  for (size_t slot = 0; slot < 3; ++slot) {
    const char* at = file.content().data() + header.archives[0].offset + slot * 12;
    CHECK((internal::LoadU32(at) - uint32_t{kNow}) / 60 % 3 == slot);
  }
}

TEST_CASE("30 points of a series cost one read and two writes once slot 0 is known", "[whisper]") {
  const Header header = HeaderOf({{10, 360}, {60, 1440}});
  CountingFile file(header);
  BaseTimes base_times;
  for (uint32_t round = 0; round < 30; ++round) {  // past the end of the ring, too
    const uint32_t start = static_cast<uint32_t>(kNow) + round * 300;
    std::vector<Point> points;
    for (uint32_t i = 0; i < 30; ++i) points.push_back({start + i * 10, 1.0});
    file.read_count = file.write_count = 0;
    REQUIRE(Updater()
                .UpdateMany({file, header, base_times}, points, start + 290, Duplicates::kLastWins)
                .ok());
    CHECK(file.write_count == 2);
    CHECK(file.read_count == (round == 0 ? 3 : 1));
  }
}

TEST_CASE("Remembered base times give the same file as fresh ones", "[whisper]") {
  const Header header = HeaderOf({{60, 3}, {120, 4}});
  CountingFile remembering(header);
  CountingFile fresh(header);
  BaseTimes base_times;
  for (uint32_t i = 0; i < 50; ++i) {
    const std::vector<Point> points = {{static_cast<uint32_t>(kNow) + i * 60, 1.0 * i}};
    REQUIRE(Updater()
                .UpdateMany({remembering, header, base_times}, points, points[0].time,
                            Duplicates::kLastWins)
                .ok());
    Update(fresh, header, points, points[0].time);
    CHECK(remembering.content() == fresh.content());
  }
}

TEST_CASE("A truncated file is DataLoss", "[whisper]") {
  const Header header = HeaderOf({{60, 3}});
  const Header longer = HeaderOf({{60, 3}, {120, 4}});
  CountingFile file(header);
  const std::vector<Point> points = {{kNow, 1}};
  BaseTimes base_times;
  CHECK(absl::IsDataLoss(
      Updater()
          .UpdateMany({file, longer, base_times}, points, kNow, Duplicates::kLastWins)
          .status()));
}

}  // namespace
}  // namespace plumbago::whisper
