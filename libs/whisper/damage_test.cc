// Proves that no damage to a file crashes a reader or a writer: the file is cut at every byte, and
// every bit of it is flipped. Either the header is refused, or what is read has the right shape,
// and no value is invented: each is that of the intact file or missing, but for the one whose own
// bytes were changed, which nothing in the format protects. An update then stays inside the file.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>
#include <utility>

#include "base/testing/temporary_directory.h"
#include "whisper/file.h"
#include "whisper/updater.h"

namespace plumbago::whisper {
namespace {

constexpr int64_t kNow = 1'700'000'040;

absl::StatusOr<Series> FetchFrom(base::File& file, const Header& header, int64_t age) {
  BaseTimes base_times;
  return Fetch({file, header, base_times}, {.from = kNow - age, .until = kNow, .now = kNow});
}

struct Fixture {
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  std::string path = directory.path() + "/a.wsp";
  Header header = MakeHeader({{60, 3}, {120, 4}}, 0.5F, AggregationMethod::kSum).value();
  std::string intact = MakeIntact();

  std::string MakeIntact() {
    auto file = Create(*file_system, path, header, Existing::kRefuse).value();
    const std::vector<Point> points = {{kNow - 120, 1}, {kNow - 60, 2}, {kNow, 3}};
    BaseTimes base_times;
    const Header& written = header;
    REQUIRE(Updater()
                .UpdateMany({*file, written, base_times}, points, kNow, Duplicates::kLastWins)
                .ok());
    return base::ReadWholeFile(*file_system, path, 1000).value();
  }

  std::unique_ptr<base::File> Open(absl::string_view content) {
    REQUIRE(base::WriteFileAtomically(*file_system, path, content).ok());
    return file_system->OpenForUpdate(path).value();
  }
};

// Times and values of any archive. A damaged step may have another archive answer, with its points.
using Known = std::set<std::pair<int64_t, double>>;

void AddKnown(const Series& series, Known* known) {
  for (size_t i = 0; i < series.values.size(); ++i) {
    known->emplace(series.start + static_cast<int64_t>(i) * series.step, series.values[i]);
  }
}

// `series` was read from a file whose byte `flipped_byte` was changed.
void CheckNothingInvented(const Series& series, const Known& intact, const Header& header,
                          size_t flipped_byte) {
  const bool is_value = flipped_byte >= header.header_bytes() &&
                        (flipped_byte - header.header_bytes()) % kPointBytes >= 4;
  size_t changed_count = 0;
  for (size_t i = 0; i < series.values.size(); ++i) {
    const int64_t time = series.start + static_cast<int64_t>(i) * series.step;
    const double value = series.values[i];
    if (!std::isnan(value) && !intact.contains({time, value})) ++changed_count;
  }
  CHECK(changed_count <= (is_value ? 1 : 0));
}

TEST_CASE("A file cut at any byte is refused", "[whisper]") {
  Fixture fixture;
  for (size_t size = 0; size < fixture.intact.size(); ++size) {
    INFO("cut to " << size << " bytes");
    auto file = fixture.Open(fixture.intact.substr(0, size));
    CHECK_FALSE(ReadHeader(*file).ok());
  }
}

TEST_CASE("A file cut at any byte behind its header is lengthened, keeps its points and gets none",
          "[whisper]") {
  Fixture fixture;
  const size_t header_bytes = fixture.header.header_bytes();
  for (size_t size = 0; size < fixture.intact.size(); ++size) {
    INFO("cut to " << size << " bytes");
    auto file = fixture.Open(fixture.intact.substr(0, size));
    if (size < header_bytes) {
      CHECK(absl::IsDataLoss(Lengthen(*file)));
      CHECK(file->Size().value() == size);
      continue;
    }
    REQUIRE(Lengthen(*file).ok());
    std::string expected = fixture.intact;
    const size_t whole_slots_bytes = size - (size - header_bytes) % kPointBytes;
    std::fill(expected.begin() + static_cast<ptrdiff_t>(whole_slots_bytes), expected.end(), '\0');
    CHECK(base::ReadWholeFile(*fixture.file_system, fixture.path, 1000).value() == expected);
    CHECK(ReadHeader(*file).ok());
  }
  auto intact = fixture.Open(fixture.intact);
  REQUIRE(Lengthen(*intact).ok());
  CHECK(base::ReadWholeFile(*fixture.file_system, fixture.path, 1000).value() == fixture.intact);
}

TEST_CASE("A file cut after it was opened gives DataLoss, not points", "[whisper]") {
  Fixture fixture;
  for (size_t size = fixture.header.header_bytes(); size < fixture.intact.size(); ++size) {
    auto file = fixture.Open(fixture.intact.substr(0, size));
    for (const int64_t age : {180, 480}) {
      const auto series = FetchFrom(*file, fixture.header, age);
      if (!series.ok()) CHECK(absl::IsDataLoss(series.status()));
    }
  }
}

TEST_CASE("A file with any bit flipped is refused, or read and updated inside its bounds",
          "[whisper]") {
  Fixture fixture;
  Known known;
  for (const int64_t age : {180, 480}) {
    AddKnown(*FetchFrom(*fixture.Open(fixture.intact), fixture.header, age), &known);
  }
  for (size_t bit = 0; bit < fixture.intact.size() * 8; ++bit) {
    INFO("bit " << bit);
    std::string content = fixture.intact;
    content[bit / 8] = static_cast<char>(content[bit / 8] ^ (1 << bit % 8));
    auto file = fixture.Open(content);
    const auto header = ReadHeader(*file);
    if (!header.ok()) {
      CHECK(absl::IsDataLoss(header.status()));
      continue;
    }
    for (const int64_t age : {180, 480}) {
      const auto series = FetchFrom(*file, *header, age);
      REQUIRE(series.ok());
      CHECK(series->values.size() <= static_cast<size_t>(age / series->step + 1));
      CheckNothingInvented(*series, known, fixture.header, bit / 8);
    }
    const std::vector<Point> points = {{kNow, 4}, {kNow + 60, 5}};
    BaseTimes base_times;
    CHECK(Updater()
              .UpdateMany({*file, *header, base_times}, points, kNow + 60, Duplicates::kLastWins)
              .ok());
    CHECK(file->Size().value() == fixture.intact.size());
  }
}

}  // namespace
}  // namespace plumbago::whisper
