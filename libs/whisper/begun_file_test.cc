// What is read through a BegunFile is what the file holds, and what was read before is not read
// again. The file counts its reads.
#include "whisper/begun_file.h"

#include <catch2/catch.hpp>

#include "whisper/internal/draft_file.h"

namespace plumbago::whisper {
namespace {

class CountingFile final : public base::File {
 public:
  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* buffer, size_t size) override {
    ++read_count;
    return draft_.ReadAt(offset, buffer, size);
  }
  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    return write_status.ok() ? draft_.WriteAt(offset, data) : write_status;
  }
  absl::StatusOr<uint64_t> Size() override { return draft_.Size(); }
  absl::Status Preallocate(uint64_t) override { return absl::OkStatus(); }
  absl::Status Sync() override { return absl::OkStatus(); }

  int read_count = 0;
  absl::Status write_status;

 private:
  internal::DraftFile draft_{10};
};

std::string Read(base::File& file, uint64_t offset, size_t size) {
  std::string bytes(size, '?');
  bytes.resize(file.ReadAt(offset, bytes.data(), size).value());
  return bytes;
}

struct Fixture {
  CountingFile file;
  Fixture() { REQUIRE(file.WriteAt(0, "0123456789").ok()); }
};

TEST_CASE("The beginning of a file is not read again, the rest is", "[whisper]") {
  Fixture fixture;
  BegunFile begun(fixture.file, "0123");
  CHECK(Read(begun, 0, 4) == "0123");
  CHECK(Read(begun, 3, 1) == "3");
  CHECK(fixture.file.read_count == 0);
  CHECK(Read(begun, 3, 2) == "34");
  CHECK(Read(begun, 4, 1) == "4");
  CHECK(Read(begun, 8, 4) == "89");
  CHECK(fixture.file.read_count == 3);
}

TEST_CASE("What is written is read, in the beginning, across its end and behind it", "[whisper]") {
  for (const uint64_t offset : {0, 1, 3, 4, 6}) {
    INFO(offset);
    Fixture fixture;
    BegunFile begun(fixture.file, "0123");
    REQUIRE(begun.WriteAt(offset, "ab").ok());
    std::string expected = "0123456789";
    expected.replace(offset, 2, "ab");
    CHECK(Read(begun, 0, 4) == expected.substr(0, 4));
    CHECK(Read(begun, 0, 10) == expected);
    CHECK(Read(fixture.file, 0, 10) == expected);
  }
}

TEST_CASE("After a write that failed the file is read", "[whisper]") {
  Fixture fixture;
  BegunFile begun(fixture.file, "0123");
  fixture.file.write_status = absl::UnavailableError("disk");
  CHECK_FALSE(begun.WriteAt(0, "ab").ok());
  CHECK(Read(begun, 0, 4) == "0123");
  CHECK(fixture.file.read_count == 1);
}

}  // namespace
}  // namespace plumbago::whisper
