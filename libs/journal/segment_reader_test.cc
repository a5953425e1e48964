// Proves that one segment can be read by itself, record by record, whatever a crash or damage has
// left in it. Whole journals, cut and changed at every byte, are in damage_test.cc.
#include "journal/segment_reader.h"

#include <catch2/catch.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/temporary_directory.h"

namespace plumbago::journal {
namespace {

struct Fixture {
  // Four records of 16 bytes; the last one knows that the first two are synced.
  Fixture() {
    bytes = EncodeSegmentHeader({.segment = 7});
    for (int i = 0; i < 4; ++i) {
      std::string record(kRecordHeaderBytes, '\0');
      absl::StrAppend(&record, "payload number ", i);
      SealRecord(1, i == 3 ? OffsetOf(2) : 0, record);
      bytes += record;
    }
  }
  static uint64_t OffsetOf(uint64_t record) {
    return kSegmentHeaderBytes + record * RecordBytes(16);
  }
  std::unique_ptr<SegmentReader> Open(const std::string& content) {
    REQUIRE(base::WriteFileAtomically(*file_system, path, content).ok());
    return SegmentReader::Open(*file_system, path, 7).value();
  }
  static std::string ReadAll(SegmentReader& reader, OnDamage on_damage, absl::Status* status) {
    std::string numbers;
    for (;;) {
      const auto record = reader.Next(on_damage);
      *status = record.status();
      if (!record.ok() || !record->has_value()) return numbers;
      numbers.push_back((*record)->payload.back());
    }
  }

  base::testing::TemporaryDirectory temporary;
  const std::string path = temporary.path() + "/segment";
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  std::string bytes;
};

TEST_CASE("The records of one segment are read in order", "[journal]") {
  Fixture fixture;
  const auto reader = fixture.Open(fixture.bytes);
  REQUIRE(reader->header().has_value());
  absl::Status status;
  CHECK(Fixture::ReadAll(*reader, OnDamage::kStop, &status) == "0123");
  CHECK(status.ok());
  CHECK(reader->offset() == fixture.bytes.size());
  CHECK_FALSE(reader->Next(OnDamage::kStop).value().has_value());
}

TEST_CASE("A torn tail ends a segment, and is damage where the end is known", "[journal]") {
  Fixture fixture;
  const std::string torn = fixture.bytes.substr(0, Fixture::OffsetOf(2) + 20);
  absl::Status status;
  const auto reader = fixture.Open(torn);
  CHECK(Fixture::ReadAll(*reader, OnDamage::kStop, &status) == "01");
  CHECK(status.ok());
  CHECK(reader->torn_bytes() == 20);

  const auto strict = fixture.Open(torn);
  strict->EndAt(fixture.bytes.size());
  CHECK(Fixture::ReadAll(*strict, OnDamage::kStop, &status) == "01");
  CHECK(absl::IsDataLoss(status));
}

TEST_CASE("A damaged record is named, or passed over and noted", "[journal]") {
  Fixture fixture;
  std::string bad = fixture.bytes;
  bad[Fixture::OffsetOf(1) + kRecordHeaderBytes] ^= 1;
  absl::Status status;
  CHECK(Fixture::ReadAll(*fixture.Open(bad), OnDamage::kStop, &status) == "0");
  CHECK(absl::IsDataLoss(status));
  CHECK(absl::StrContains(status.message(), absl::StrCat("byte ", Fixture::OffsetOf(1))));

  const auto reader = fixture.Open(bad);
  CHECK(Fixture::ReadAll(*reader, OnDamage::kSkip, &status) == "023");
  CHECK(status.ok());
  CHECK(reader->skipped().size() == 1);
}

TEST_CASE("A file without this segment's header has none", "[journal]") {
  Fixture fixture;
  std::string other = fixture.bytes;
  other[9] ^= 1;  // the number
  CHECK_FALSE(fixture.Open(other)->header().has_value());
  CHECK(fixture.Open(other)->HasRecords().value());
  CHECK_FALSE(fixture.Open("")->header().has_value());
  CHECK_FALSE(fixture.Open("")->HasRecords().value());
}

}  // namespace
}  // namespace plumbago::journal
