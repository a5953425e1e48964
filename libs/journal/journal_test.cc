// Proves that what was appended is read again in its order over crashes, rolls and cuts, and what a
// full or failing disk does to it.
#include <catch2/catch.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/temporary_directory.h"
#include "journal/format.h"
#include "journal/writer.h"

namespace plumbago::journal {
namespace {

using base::testing::FaultFileSystem;

struct Fixture {
  std::unique_ptr<Writer> Open(const WriterOptions& given = {.sync = SyncPolicy::kNever}) {
    WriterOptions options = given;
    options.directory = directory;
    options.on_sync_failure = [this](const absl::Status&) { ++sync_failure_count; };
    auto writer = Writer::Open(*real, clock, options, Read().second);
    REQUIRE(writer.ok());
    return *std::move(writer);
  }
  std::pair<std::vector<std::string>, ReadResult> Read() {
    std::vector<std::string> payloads;
    const auto result = ReadJournal(*real, directory, OnDamage::kStop, [&](const Record& record) {
      payloads.emplace_back(record.payload);
      return absl::OkStatus();
    });
    INFO(result.status());
    REQUIRE(result.ok());
    return {payloads, *result};
  }

  base::testing::TemporaryDirectory temporary;
  std::string directory = temporary.path() + "/journal";
  std::unique_ptr<base::FileSystem> real = base::MakePosixFileSystem();
  base::SimulatedClock clock{absl::FromUnixSeconds(1'700'000'000)};
  int sync_failure_count = 0;
};

absl::StatusOr<Position> Append(Writer& writer, absl::string_view payload) {
  if (writer.is_segment_full()) PLUMBAGO_RETURN_IF_ERROR(writer.Roll());
  std::string record = NewRecord();
  absl::StrAppend(&record, payload);
  return writer.Append(1, record);
}

TEST_CASE("Records are read in the order in which they were appended", "[journal]") {
  Fixture fixture;
  const std::vector<std::string> payloads = {"one", "", std::string(100'000, 'x'), "eight888"};
  {
    const auto writer = fixture.Open();
    for (const std::string& payload : payloads) REQUIRE(Append(*writer, payload).ok());
  }
  const auto [read, result] = fixture.Read();
  CHECK(read == payloads);
  CHECK(result.record_count == 4);
  CHECK(result.torn_bytes == 0);
}

TEST_CASE("A journal that is missing is empty", "[journal]") {
  Fixture fixture;
  CHECK(fixture.Read().second.last_segment == 0);
}

TEST_CASE("Every opening goes on in a new segment", "[journal]") {
  Fixture fixture;
  for (int i = 0; i < 3; ++i) {
    const auto writer = fixture.Open();
    CHECK(writer->segment() == static_cast<uint64_t>(i) + 1);
    REQUIRE(Append(*writer, absl::StrCat(i)).ok());
  }
  CHECK(fixture.Read().first == std::vector<std::string>{"0", "1", "2"});
}

TEST_CASE("A full segment is followed by a new one", "[journal]") {
  Fixture fixture;
  const auto writer = fixture.Open({.segment_bytes_max = 200, .sync = SyncPolicy::kBatch});
  std::vector<std::string> payloads;
  for (int i = 0; i < 20; ++i) {
    payloads.push_back(absl::StrCat("payload ", i));
    REQUIRE(Append(*writer, payloads.back()).ok());
  }
  CHECK(writer->segment() == 4);
  CHECK(fixture.Read().first == payloads);
}

TEST_CASE("Segments are removed from the oldest on, never the present one", "[journal]") {
  Fixture fixture;
  const auto writer = fixture.Open();
  for (int i = 0; i < 4; ++i) {
    REQUIRE(Append(*writer, absl::StrCat(i)).ok());
    REQUIRE(writer->Roll().ok());
  }
  const uint64_t bytes_before = writer->total_bytes();
  REQUIRE(writer->RemoveBefore(3).ok());
  CHECK(fixture.Read().first == std::vector<std::string>{"2", "3"});
  CHECK(writer->total_bytes() < bytes_before);
  REQUIRE(writer->RemoveBefore(100).ok());
  CHECK(fixture.Read().first.empty());
  CHECK(writer->total_bytes() == kSegmentHeaderBytes);
  REQUIRE(Append(*writer, "on").ok());
  CHECK(fixture.Read().first == std::vector<std::string>{"on"});
}

TEST_CASE("Rolling an empty segment does nothing", "[journal]") {
  Fixture fixture;
  const auto writer = fixture.Open();
  REQUIRE(writer->Roll().ok());
  CHECK(writer->segment() == 1);
}

TEST_CASE("A torn tail is passed over, and stays so after the next opening", "[journal]") {
  Fixture fixture;
  {
    const auto writer = fixture.Open();
    REQUIRE(Append(*writer, "whole").ok());
    REQUIRE(Append(*writer, "torn apart").ok());
  }
  const std::string path = fixture.directory + "/" + SegmentFileName(1);
  std::string bytes = base::ReadWholeFile(*fixture.real, path, 1 << 20).value();
  bytes.resize(bytes.size() - 9);
  REQUIRE(base::WriteFileAtomically(*fixture.real, path, bytes).ok());
  const auto [read, result] = fixture.Read();
  CHECK(read == std::vector<std::string>{"whole"});
  CHECK(result.torn_bytes == kRecordHeaderBytes + 7);
  REQUIRE(Append(*fixture.Open(), "after").ok());
  CHECK(fixture.Read().first == std::vector<std::string>{"whole", "after"});
}

TEST_CASE("A segment whose creation was cut off is none", "[journal]") {
  Fixture fixture;
  REQUIRE(Append(*fixture.Open(), "first").ok());
  for (const size_t size : {size_t{0}, size_t{1}, kSegmentHeaderBytes - 1, size_t{4096}}) {
    REQUIRE(base::WriteFileAtomically(*fixture.real, fixture.directory + "/" + SegmentFileName(2),
                                      std::string(size, '\0'))
                .ok());
    CHECK(fixture.Read().second.last_segment == 1);
  }
  REQUIRE(Append(*fixture.Open(), "second").ok());
  CHECK(fixture.Read().first == std::vector<std::string>{"first", "second"});
}

TEST_CASE("A missing segment is damage that names it", "[journal]") {
  Fixture fixture;
  for (int i = 0; i < 3; ++i) REQUIRE(Append(*fixture.Open(), absl::StrCat(i)).ok());
  REQUIRE(fixture.real->Remove(fixture.directory + "/" + SegmentFileName(2)).ok());
  const auto ignore = [](const Record&) { return absl::OkStatus(); };
  const auto stopped = ReadJournal(*fixture.real, fixture.directory, OnDamage::kStop, ignore);
  CHECK(absl::IsDataLoss(stopped.status()));
  CHECK_THAT(std::string(stopped.status().message()),
             Catch::Matchers::Contains(SegmentFileName(2)));
  const auto skipped = ReadJournal(*fixture.real, fixture.directory, OnDamage::kSkip, ignore);
  REQUIRE(skipped.ok());
  CHECK(skipped->record_count == 2);
  CHECK(skipped->skipped.size() == 1);
}

TEST_CASE("An error of the visitor ends the reading", "[journal]") {
  Fixture fixture;
  REQUIRE(Append(*fixture.Open(), "x").ok());
  const auto result = ReadJournal(*fixture.real, fixture.directory, OnDamage::kStop,
                                  [](const Record&) { return absl::InternalError("enough"); });
  CHECK(absl::IsInternal(result.status()));
}

// Appends until the n-th call of the disk fails, for every n; then with a disk that works again.
TEST_CASE("A disk that refuses any one call loses nothing that was appended", "[journal]") {
  for (const auto fault : {FaultFileSystem::Fault::kNoSpace, FaultFileSystem::Fault::kShortWrite}) {
    for (uint64_t nth = 1;; ++nth) {
      Fixture fixture;
      FaultFileSystem faulty(*fixture.real);
      WriterOptions options{
          .directory = fixture.directory, .segment_bytes_max = 100, .sync = SyncPolicy::kNever};
      const auto writer = Writer::Open(faulty, fixture.clock, options, {});
      REQUIRE(writer.ok());
      faulty.Set({.nth = nth, .kinds = FaultFileSystem::kChange, .fault = fault});
      std::vector<std::string> appended;
      for (int i = 0; i < 12; ++i) {
        const std::string payload = absl::StrCat("payload ", i);
        if (Append(**writer, payload).ok()) appended.push_back(payload);
      }
      CHECK(fixture.Read().first == appended);
      if (!faulty.has_failed()) break;
      CHECK(appended.size() == 11);
    }
  }
}

TEST_CASE("Under the batch policy a record is on the disk when the wait is over", "[journal]") {
  Fixture fixture;
  FaultFileSystem faulty(*fixture.real);
  int failure_count = 0;
  const auto writer =
      Writer::Open(faulty, fixture.clock,
                   {.directory = fixture.directory,
                    .sync = SyncPolicy::kBatch,
                    .on_sync_failure = [&](const absl::Status&) { ++failure_count; }},
                   {});
  REQUIRE(writer.ok());
  faulty.Set({.nth = 1, .kinds = FaultFileSystem::kSync});
  const Position position = Append(**writer, "x").value();
  CHECK(failure_count == 0);
  (*writer)->WaitUntilDurable(position);
  CHECK(failure_count == 1);
}

TEST_CASE("Many threads wait for durability beside the one that appends", "[journal]") {
  Fixture fixture;
  auto writer = fixture.Open({.segment_bytes_max = 4096, .sync = SyncPolicy::kBatch});
  base::Mutex append_mutex;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        Position position;
        {
          base::MutexLock lock(append_mutex);
          position = Append(*writer, "some payload").value();
        }
        writer->WaitUntilDurable(position);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(fixture.Read().first.size() == 200);
  CHECK(fixture.sync_failure_count == 0);
}

}  // namespace
}  // namespace plumbago::journal
