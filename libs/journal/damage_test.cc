// Proves what damage does: a journal cut at every byte, and with every byte changed, gives back
// records that were appended, in order, or says what is damaged. It never invents one.
#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "base/testing/temporary_directory.h"
#include "journal/format.h"
#include "journal/writer.h"

namespace plumbago::journal {
namespace {

struct Outcome {
  absl::Status status;
  std::vector<std::string> payloads;
};

class Fixture {
 public:
  // Two segments of four records each; the first segment and the second one's first half are
  // synced.
  Fixture() {
    WriterOptions options{.directory = directory_, .sync = SyncPolicy::kBatch};
    const auto writer = Writer::Open(*file_system_, clock_, options, {}).value();
    for (int i = 0; i < 8; ++i) {
      if (i == 4) REQUIRE(writer->Roll().ok());
      std::string record = NewRecord();
      absl::StrAppend(&record, "payload number ", i);
      const Position position = writer->Append(1, record).value();
      if (i == 5) writer->WaitUntilDurable(position);
    }
    for (const uint64_t segment : {1, 2}) {
      good_.push_back(base::ReadWholeFile(*file_system_, PathOf(segment), 1 << 20).value());
    }
  }

  // The journal with `bytes` in place of a segment.
  Outcome ReadWith(uint64_t segment, const std::string& bytes, OnDamage on_damage) {
    for (const uint64_t each : {1, 2}) {
      const std::string& content = each == segment ? bytes : good_[each - 1];
      REQUIRE(base::WriteFileAtomically(*file_system_, PathOf(each), content).ok());
    }
    Outcome outcome;
    const auto result =
        ReadJournal(*file_system_, directory_, on_damage, [&](const Record& record) {
          outcome.payloads.emplace_back(record.payload);
          return absl::OkStatus();
        });
    outcome.status = result.status();
    return outcome;
  }
  const std::string& good(uint64_t segment) const { return good_[segment - 1]; }

 private:
  std::string PathOf(uint64_t segment) const { return directory_ + "/" + SegmentFileName(segment); }

  base::testing::TemporaryDirectory temporary_;
  std::string directory_ = temporary_.path() + "/journal";
  std::unique_ptr<base::FileSystem> file_system_ = base::MakePosixFileSystem();
  base::SimulatedClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  std::vector<std::string> good_;
};

// Whether these are records 0, 1, 2, ... without those that are missing.
bool IsInOrder(const std::vector<std::string>& payloads) {
  int next = 0;
  for (const std::string& payload : payloads) {
    while (next < 8 && payload != absl::StrCat("payload number ", next)) ++next;
    if (next == 8) return false;
    ++next;
  }
  return true;
}

TEST_CASE("A last segment cut at any byte gives the records before the cut", "[journal]") {
  Fixture fixture;
  const std::string& good = fixture.good(2);
  const size_t record_bytes = RecordBytes(16);
  for (size_t size = 0; size < good.size(); ++size) {
    const Outcome outcome = fixture.ReadWith(2, good.substr(0, size), OnDamage::kStop);
    INFO(size << ": " << outcome.status);
    REQUIRE(outcome.status.ok());
    // The padding of the last record may be missing: 16 bytes of payload have none.
    const size_t whole_count =
        size < kSegmentHeaderBytes ? 0 : (size - kSegmentHeaderBytes) / record_bytes;
    CHECK(outcome.payloads.size() == 4 + whole_count);
    CHECK(IsInOrder(outcome.payloads));
  }
}

TEST_CASE("An earlier segment cut at any byte is damage", "[journal]") {
  Fixture fixture;
  const std::string& good = fixture.good(1);
  for (size_t size = 0; size < good.size(); ++size) {
    const Outcome outcome = fixture.ReadWith(1, good.substr(0, size), OnDamage::kStop);
    INFO(size);
    CHECK(absl::IsDataLoss(outcome.status));
    const Outcome salvaged = fixture.ReadWith(1, good.substr(0, size), OnDamage::kSkip);
    CHECK(salvaged.status.ok());
    CHECK(IsInOrder(salvaged.payloads));
    CHECK(salvaged.payloads.size() >= 4);
  }
}

TEST_CASE("A changed byte in what was synced is damage; nothing is invented", "[journal]") {
  Fixture fixture;
  for (const uint64_t segment : {1, 2}) {
    const std::string& good = fixture.good(segment);
    // In the last segment only the first two records are known to be synced, which the later ones
    // say.
    const size_t synced = segment == 1 ? good.size() : kSegmentHeaderBytes + 2 * RecordBytes(16);
    for (size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x10);
      const Outcome outcome = fixture.ReadWith(segment, bad, OnDamage::kStop);
      INFO("segment " << segment << " byte " << at << ": " << outcome.status);
      CHECK(IsInOrder(outcome.payloads));
      if (at < synced) {
        CHECK(absl::IsDataLoss(outcome.status));
      } else {
        CHECK(outcome.status.ok());
      }
      const Outcome salvaged = fixture.ReadWith(segment, bad, OnDamage::kSkip);
      REQUIRE(salvaged.status.ok());
      CHECK(IsInOrder(salvaged.payloads));
      CHECK(salvaged.payloads.size() >= (at < synced ? 7 : 6));
    }
  }
}

}  // namespace
}  // namespace plumbago::journal
