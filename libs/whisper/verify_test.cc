// Proves which damage Verify sees.
#include "whisper/verify.h"

#include <catch2/catch.hpp>

#include "whisper/internal/encoding.h"
#include "whisper/testing/test_file.h"

namespace plumbago::whisper {
namespace {

constexpr uint32_t kNow = 1'700'000'040;  // a multiple of 60 and of 120

struct WrittenFile : testing::TestFile {
  WrittenFile() : TestFile({{60, 3}, {120, 4}}, 0.5F, AggregationMethod::kSum) {
    // More than one turn of the finer archive.
    for (uint32_t time = kNow - 300; time <= kNow; time += 60) Update({{time, 1}}, kNow);
  }
};

TEST_CASE("A file that only whisper has written to is sound", "[whisper]") {
  WrittenFile file;
  const FileReport report = Verify(file.file()).value();
  CHECK(report.is_sound());
  CHECK(report.surplus_bytes == 0);
  CHECK(report.archives[0].known_count == 3);
  CHECK(report.archives[1].known_count == 4);
  CHECK(report.archives[1].empty_count == 0);
}

TEST_CASE("A slot whose time is not a multiple of the step, or belongs elsewhere, is misplaced",
          "[whisper]") {
  for (const uint32_t time : {kNow - 59, kNow - 600}) {
    WrittenFile file;
    char bytes[4];
    internal::StoreU32(bytes, time);
    const uint64_t slot_1 = file.header().archives[0].offset + kPointBytes;
    REQUIRE(file.file().WriteAt(slot_1, absl::string_view(bytes, 4)).ok());
    const FileReport report = Verify(file.file()).value();
    CHECK_FALSE(report.is_sound());
    CHECK(report.archives[0].misplaced_count == 1);
  }
}

TEST_CASE("Points behind an empty slot 0 are misplaced", "[whisper]") {
  WrittenFile file;
  REQUIRE(
      file.file().WriteAt(file.header().archives[0].offset, absl::string_view("\0\0\0\0", 4)).ok());
  CHECK(Verify(file.file())->archives[0].misplaced_count == 2);
}

TEST_CASE("Bytes after the last archive are told and do no harm", "[whisper]") {
  WrittenFile file;
  REQUIRE(file.file().WriteAt(file.header().file_bytes(), "xyz").ok());
  const FileReport report = Verify(file.file()).value();
  CHECK(report.surplus_bytes == 3);
  CHECK(report.is_sound());
}

TEST_CASE("A damaged header is DataLoss", "[whisper]") {
  WrittenFile file;
  REQUIRE(file.file().WriteAt(0, "nonsense").ok());
  CHECK(absl::IsDataLoss(Verify(file.file()).status()));
}

}  // namespace
}  // namespace plumbago::whisper
