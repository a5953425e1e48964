// Proves what the files of a spool keep: over restarts, torn tails, damage, bounds, and a disk that
// refuses the n-th call for every n.
#include "relay/spool_files.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/temporary_directory.h"
#include "journal/point_records.h"

namespace plumbago::relay {
namespace {

using base::testing::FaultFileSystem;

struct Fixture {
  Fixture() {
    for (int i = 0; i < 100; ++i) names->Append("t", absl::StrCat("metric", i));
  }
  std::unique_ptr<SpoolFiles> Open(base::FileSystem& file_system) {
    auto files = SpoolFiles::Open(file_system, options);
    INFO(files.status());
    REQUIRE(files.ok());
    return *std::move(files);
  }
  std::unique_ptr<SpoolFiles> Open() { return Open(*real); }
  // One point of each of three series, with `number` as its time.
  std::unique_ptr<Batch> MakeBatch(uint32_t number) const {
    auto batch = std::make_unique<Batch>();
    batch->names = names;
    batch->received_unix_ms = 1'000'000 + number;
    for (uint32_t i = 0; i < 3; ++i) {
      batch->points.Append((number + i) % 100, number, i + 0.5);
    }
    return batch;
  }

  base::testing::TemporaryDirectory temporary;
  std::unique_ptr<base::FileSystem> real = base::MakePosixFileSystem();
  SpoolFilesOptions options{.directory = temporary.path() + "/spool"};
  std::shared_ptr<NameTable> names = std::make_shared<NameTable>();
};

// "metric:time" of every point of the newest segment.
std::vector<std::string> ReadNewest(SpoolFiles& files, size_t* damage_count = nullptr) {
  std::vector<std::string> points;
  const auto newest = files.CloseNewest().value();
  if (!newest.has_value()) return points;
  const auto reader = files.OpenSegment(*newest).value();
  std::map<uint32_t, std::string> names;
  for (;;) {
    const auto record = reader->Next(journal::OnDamage::kSkip).value();
    if (!record.has_value()) break;
    if (record->type == journal::kSeriesRecord) {
      std::vector<journal::NumberedSeries> series;
      REQUIRE(journal::ParseSeries(record->payload, &series).ok());
      for (const auto& one : series) names[one.number] = std::string(one.metric);
      continue;
    }
    REQUIRE(record->type == kSpooledBatchRecord);
    journal::PointColumns columns;
    REQUIRE(journal::ParsePoints(record->payload.substr(kArrivalBytes), &columns).ok());
    for (size_t i = 0; i < columns.numbers.size(); ++i) {
      points.push_back(absl::StrCat(names[columns.numbers[i]], ":", columns.time_seconds[i]));
    }
  }
  if (damage_count != nullptr) *damage_count = reader->skipped().size();
  return points;
}

TEST_CASE("A spool gives back the newest segment first, each by itself", "[spool]") {
  Fixture f;
  const auto files = f.Open();
  REQUIRE(files->Append(*f.MakeBatch(1)).ok());
  const uint64_t first = files->CloseNewest().value().value();
  REQUIRE(files->Append(*f.MakeBatch(2)).ok());
  CHECK(ReadNewest(*files) == std::vector<std::string>{"metric2:2", "metric3:2", "metric4:2"});
  CHECK(files->oldest_unix_ms() == 1'000'001);
  REQUIRE(files->Remove(files->CloseNewest().value().value()).ok());
  CHECK(files->CloseNewest().value() == first);
  CHECK(ReadNewest(*files) == std::vector<std::string>{"metric1:1", "metric2:1", "metric3:1"});
  REQUIRE(files->Remove(first).ok());
  CHECK(files->bytes() == 0);
  CHECK(files->oldest_unix_ms() == 0);
  CHECK_FALSE(files->CloseNewest().value().has_value());
}

TEST_CASE("A spool survives a process that does not end in order", "[spool]") {
  Fixture f;
  uint64_t bytes = 0;
  {
    const auto files = f.Open();
    for (uint32_t i = 0; i < 5; ++i) REQUIRE(files->Append(*f.MakeBatch(i)).ok());
    bytes = files->bytes();
  }
  const auto files = f.Open();
  CHECK(files->bytes() == bytes);
  CHECK(files->oldest_unix_ms() == 1'000'000);
  REQUIRE(files->Append(*f.MakeBatch(7)).ok());  // in a segment of its own
  CHECK(files->segment_count() == 2);
  CHECK(ReadNewest(*files).size() == 3);
  REQUIRE(files->Remove(files->CloseNewest().value().value()).ok());
  CHECK(ReadNewest(*files).size() == 15);
}

TEST_CASE("A segment is closed when it is full, and the spool ends at its bound", "[spool]") {
  Fixture f;
  f.options.segment_bytes_max = 300;
  f.options.bytes_max = 2000;
  const auto files = f.Open();
  absl::Status status;
  size_t appended = 0;
  while ((status = files->Append(*f.MakeBatch(static_cast<uint32_t>(appended)))).ok()) ++appended;
  CHECK(absl::IsResourceExhausted(status));
  CHECK(files->bytes() <= 2000);
  CHECK(files->bytes() > 1600);
  CHECK(files->segment_count() > 3);
  REQUIRE(files->Remove(files->CloseNewest().value().value()).ok());
  if (files->segment_count() > 5) {
    REQUIRE(files->Remove(files->CloseNewest().value().value()).ok());
  }
  CHECK(files->Append(*f.MakeBatch(50)).ok());
  size_t points = 0;
  while (files->CloseNewest().value().has_value()) {
    points += ReadNewest(*files).size();
    REQUIRE(files->Remove(files->CloseNewest().value().value()).ok());
  }
  CHECK(points > 3);
}

TEST_CASE("The torn tail of a spool is passed over at every length", "[spool]") {
  Fixture f;
  std::string path;
  uint64_t first_bytes = 0;
  {
    const auto files = f.Open();
    REQUIRE(files->Append(*f.MakeBatch(1)).ok());
    first_bytes = files->bytes();
    REQUIRE(files->Append(*f.MakeBatch(2)).ok());
    path = files->PathOf(1);
  }
  const std::string good = base::ReadWholeFile(*f.real, path, 1 << 20).value();
  for (size_t size = 0; size < good.size(); ++size) {
    INFO(size);
    REQUIRE(base::WriteFileAtomically(*f.real, path, good.substr(0, size)).ok());
    const auto files = f.Open();
    const std::vector<std::string> points = ReadNewest(*files);
    CHECK(points.size() % 3 == 0);
    if (size >= first_bytes) CHECK(points.size() >= 3);
    CHECK(points.size() < 6);
    CHECK(files->damaged_count() == 0);
  }
}

TEST_CASE("Damage costs only the record that it is in; a damaged header sets the file aside",
          "[spool]") {
  Fixture f;
  std::string path;
  {
    const auto files = f.Open();
    for (uint32_t i = 0; i < 4; ++i) REQUIRE(files->Append(*f.MakeBatch(10 * i)).ok());
    path = files->PathOf(1);
  }
  const std::string good = base::ReadWholeFile(*f.real, path, 1 << 20).value();
  for (size_t at = 0; at < good.size(); ++at) {
    INFO(at);
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    REQUIRE(base::WriteFileAtomically(*f.real, path, bad).ok());
    const auto files = f.Open();
    if (files->damaged_count() > 0) {  // the header
      CHECK(files->segment_count() == 0);
      CHECK(std::filesystem::exists(path + ".damaged"));
      std::filesystem::remove(path + ".damaged");
      continue;
    }
    size_t damage_count = 0;
    CHECK(ReadNewest(*files, &damage_count).size() >= 9);
  }
}

TEST_CASE("What is set aside is kept under another name, and its number is not used again",
          "[spool]") {
  Fixture f;
  {
    const auto files = f.Open();
    REQUIRE(files->Append(*f.MakeBatch(1)).ok());
    REQUIRE(files->SetAside(files->CloseNewest().value().value()).ok());
    CHECK(files->segment_count() == 0);
    CHECK(files->bytes() == 0);
  }
  const auto files = f.Open();
  CHECK(files->segment_count() == 0);
  REQUIRE(files->Append(*f.MakeBatch(2)).ok());
  CHECK(files->CloseNewest().value() == 2);
}

TEST_CASE("A disk that refuses any one call costs no batch and no spool", "[spool]") {
  const auto fault = GENERATE(FaultFileSystem::Fault::kNoSpace, FaultFileSystem::Fault::kIoError,
                              FaultFileSystem::Fault::kShortWrite);
  for (uint64_t nth = 1;; ++nth) {
    Fixture f;
    f.options.segment_bytes_max = 300;
    INFO("call " << nth);
    FaultFileSystem faulty(*f.real);
    {
      const auto files = f.Open(faulty);
      faulty.Set({.nth = nth, .kinds = FaultFileSystem::kChange, .fault = fault});
      for (uint32_t i = 0; i < 10; ++i) {
        const auto batch = f.MakeBatch(i);
        // Once more after an error works.
        if (!files->Append(*batch).ok()) REQUIRE(files->Append(*batch).ok());
      }
    }
    const bool has_failed = faulty.has_failed();
    const auto files = f.Open();
    size_t points = 0;
    while (files->CloseNewest().value().has_value()) {
      points += ReadNewest(*files).size();
      REQUIRE(files->Remove(files->CloseNewest().value().value()).ok());
    }
    CHECK(points == 30);
    if (!has_failed) break;
  }
}

}  // namespace
}  // namespace plumbago::relay
