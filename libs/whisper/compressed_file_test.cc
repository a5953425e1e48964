// Proves that compressed files read as go-whisper reads them (testdata/README.md says how they were
// made), that nothing writes to them, and that no damage gives a value that was not written: each
// file is cut at every byte and every bit of it is flipped.
#include "whisper/compressed_file.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "base/status.h"
#include "base/testing/temporary_directory.h"
#include "whisper/compressed_block.h"
#include "whisper/resize.h"
#include "whisper/slot_values.h"
#include "whisper/verify.h"

namespace plumbago::whisper {
namespace {

std::string ReadTestData(const std::string& name) {
  const auto file_system = base::MakePosixFileSystem();
  return base::ReadWholeFile(*file_system, std::string(WHISPER_TESTDATA "/") + name, 1 << 20)
      .value();
}

nlohmann::json Expected() { return nlohmann::json::parse(ReadTestData("expected.json")); }

// A file in memory that refuses to be written.
class StringFile final : public base::File {
 public:
  explicit StringFile(std::string bytes) : content(std::move(bytes)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* buffer, size_t size) override {
    if (offset >= content.size()) return 0;
    return content.copy(buffer, size, offset);
  }
  absl::Status WriteAt(uint64_t, absl::string_view) override {
    FAIL("written to");
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> Size() override { return content.size(); }
  absl::StatusOr<uint64_t> LinkCount() override { return 1; }
  absl::Status Preallocate(uint64_t) override { return absl::InternalError("not here"); }
  absl::Status Sync() override { return absl::InternalError("not here"); }

  std::string content;
};

absl::StatusOr<SlotValues> FetchAll(base::File& file, const FetchRange& range) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Header header, ReadHeader(file));
  BaseTimes base_times;
  return FetchSlots({file, header, base_times}, range);
}

FetchRange RangeOf(const nlohmann::json& fetch, int64_t now) {
  return {.from = fetch["From"], .until = fetch["Until"], .now = now};
}

std::vector<std::optional<double>> ValuesOf(const nlohmann::json& fetch) {
  std::vector<std::optional<double>> values(fetch["Count"].get<size_t>());
  for (const auto& point : fetch["Points"]) {
    values[point[0].get<size_t>()] = std::strtod(point[1].get<std::string>().c_str(), nullptr);
  }
  return values;
}

TEST_CASE("Every fetch from a compressed file gives what go-whisper gives", "[whisper]") {
  size_t point_count = 0;
  for (const auto& expected : Expected()) {
    StringFile file(ReadTestData(expected["File"]));
    for (const auto& fetch : expected["Fetches"]) {
      INFO(expected["File"] << " from " << fetch["From"] << " step " << fetch["Step"]);
      const auto slots = FetchAll(file, RangeOf(fetch, expected["Now"]));
      INFO(slots.status());
      REQUIRE(slots.ok());
      CHECK(slots->start == fetch["Start"].get<int64_t>());
      CHECK(slots->step == fetch["Step"].get<uint32_t>());
      CHECK(slots->values == ValuesOf(fetch));
      point_count += fetch["Points"].size();
    }
  }
  CHECK(point_count > 1000);
}

TEST_CASE("A compressed file has a header with its archives, factor and method", "[whisper]") {
  for (const auto& expected : Expected()) {
    INFO(expected["File"]);
    StringFile file(ReadTestData(expected["File"]));
    const CompressedHeader compressed = ReadCompressedHeader(file).value();
    CHECK(std::string(MethodName(compressed.method)) == expected["Method"]);
    const Header header = ReadHeader(file).value();
    CHECK(header.format == Format::kCompressed);
    CHECK(header.x_files_factor == expected["Factor"].get<float>());
    CHECK(header.archives.size() == compressed.archives.size());
  }
}

TEST_CASE("Fetch for queries reads a compressed file too", "[whisper]") {
  StringFile file(ReadTestData("ramp.wsp"));
  const Header header = ReadHeader(file).value();
  BaseTimes base_times;
  const int64_t now = 1'700'000'040 + 299;
  const Series series =
      Fetch({file, header, base_times}, {.from = now - 3, .until = now, .now = now}).value();
  CHECK(series.values == std::vector<double>{297, 298, 299});
}

TEST_CASE("Nothing writes to a compressed file", "[whisper]") {
  StringFile file(ReadTestData("ramp.wsp"));
  const Header header = ReadHeader(file).value();
  BaseTimes base_times;
  const OpenFile open{file, header, base_times};
  const std::vector<Point> points = {{1'700'000'040, 1}};
  const absl::Status updated =
      Updater().UpdateMany(open, points, 1'700'000'040, Duplicates::kLastWins).status();
  CHECK(absl::IsFailedPrecondition(updated));
  CHECK(absl::StrContains(updated.message(), "plumbago-whisper resize"));
  CHECK(absl::IsFailedPrecondition(Updater().UpdateArchive(open, 0, points)));
  CHECK(absl::IsFailedPrecondition(WriteMetadata(file, header)));
}

TEST_CASE("A compressed file can be converted into a classic one", "[whisper]") {
  const base::testing::TemporaryDirectory directory;
  const auto file_system = base::MakePosixFileSystem();
  const int64_t now = 1'700'000'040 + 299;
  ResizeOptions options{.archives = {{1, 60}, {5, 60}, {30, 40}},
                        .x_files_factor = {},
                        .method = {},
                        .migration = Migration::kCopy,
                        .now = now};
  const std::string path = directory.path() + "/classic.wsp";
  const std::string source = WHISPER_TESTDATA "/ramp.wsp";
  CHECK(absl::IsInvalidArgument(ResizeInto(*file_system, source, path, options).status()));
  options.method = AggregationMethod::kSum;
  REQUIRE(ResizeInto(*file_system, source, path, options).ok());
  const auto classic = file_system->OpenForRead(path).value();
  StringFile compressed(ReadTestData("ramp.wsp"));
  const FetchRange recent{.from = now - 59, .until = now, .now = now};
  CHECK(FetchAll(*classic, recent)->values == FetchAll(compressed, recent)->values);
  CHECK(ReadHeader(*classic)->format == Format::kClassic);
}

TEST_CASE("Verify counts the points of a compressed file", "[whisper]") {
  StringFile file(ReadTestData("one_point.wsp"));
  const FileReport report = Verify(file).value();
  CHECK(report.is_sound());
  CHECK(report.archives[0].known_count == 1);
  CHECK(report.archives[1].known_count == 0);
}

// Small files, in which there is a block in the making, a full one, a buffer and a mix.
const std::vector<std::string> kDamaged = {"one_point.wsp", "constant.wsp", "ramp.wsp", "mix.wsp"};

// Of all archives, the whole retention.
std::vector<absl::StatusOr<SlotValues>> FetchEvery(base::File& file,
                                                   const nlohmann::json& expected) {
  std::vector<absl::StatusOr<SlotValues>> all;
  for (const auto& fetch : expected["Fetches"]) {
    all.push_back(FetchAll(file, RangeOf(fetch, expected["Now"])));
  }
  return all;
}

TEST_CASE("A compressed file cut at any byte is refused", "[whisper]") {
  for (const std::string& name : kDamaged) {
    const std::string intact = ReadTestData(name);
    for (size_t size = 0; size < intact.size(); ++size) {
      INFO(name << " cut to " << size << " bytes");
      StringFile file(intact.substr(0, size));
      CHECK_FALSE(ReadHeader(file).ok());
    }
  }
}

TEST_CASE("A compressed file with any bit flipped is refused or reads as before", "[whisper]") {
  for (const auto& expected : Expected()) {
    const std::string name = expected["File"];
    if (std::find(kDamaged.begin(), kDamaged.end(), name) == kDamaged.end()) continue;
    StringFile file(ReadTestData(name));
    const auto intact = FetchEvery(file, expected);
    size_t refused_count = 0;
    for (size_t bit = 0; bit < file.content.size() * 8; ++bit) {
      char& byte = file.content[bit / 8];
      byte = static_cast<char>(byte ^ (1 << bit % 8));
      const auto damaged = FetchEvery(file, expected);
      for (size_t i = 0; i < damaged.size(); ++i) {
        if (!damaged[i].ok()) {
          ++refused_count;
          if (absl::IsDataLoss(damaged[i].status())) continue;
        } else if (damaged[i]->values == intact[i]->values) {
          continue;
        }
        FAIL_CHECK(name << " bit " << bit << ": " << damaged[i].status());
      }
      byte = static_cast<char>(byte ^ (1 << bit % 8));
    }
    CHECK(refused_count > 1000);
  }
}

TEST_CASE("A block of nonsense is DataLoss, not a crash", "[whisper]") {
  uint32_t state = 12345;  // any sequence does; the same in each run
  for (int round = 0; round < 20'000; ++round) {
    std::string block(64, '\0');
    for (char& byte : block) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<char>(state >> 24);
    }
    const auto points = DecodeBlock(block, block.size() * 8, 60);
    if (!points.ok()) CHECK(absl::IsDataLoss(points.status()));
  }
}

}  // namespace
}  // namespace plumbago::whisper
