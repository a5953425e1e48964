#include "whisper/verify.h"

#include <algorithm>
#include <string>

#include "base/status.h"
#include "whisper/compressed_file.h"
#include "whisper/file.h"
#include "whisper/internal/encoding.h"
#include "whisper/internal/slots.h"

namespace plumbago::whisper {
namespace {

constexpr uint64_t kSlotsPerRead = 4096;  // 48 KiB

void Examine(const Archive& archive, uint32_t base_time, uint64_t slot, uint32_t time,
             ArchiveReport* report) {
  if (time == 0) {
    ++report->empty_count;
  } else if (time % archive.seconds_per_point != 0 ||
             internal::SlotOf(archive, base_time, time) != slot) {
    ++report->misplaced_count;
  } else {
    ++report->known_count;
  }
}

absl::StatusOr<ArchiveReport> VerifyArchive(base::File& file, const Archive& archive) {
  ArchiveReport report;
  PLUMBAGO_ASSIGN_OR_RETURN(const uint32_t base_time, internal::ReadBaseTime(file, archive));
  std::string bytes;
  for (uint64_t first = 0; first < archive.point_count; first += kSlotsPerRead) {
    const uint64_t count = std::min(kSlotsPerRead, archive.point_count - first);
    PLUMBAGO_RETURN_IF_ERROR(internal::ReadSlots(file, archive, first, count, &bytes));
    for (uint64_t i = 0; i < count; ++i) {
      const uint32_t time = internal::LoadU32(bytes.data() + i * kPointBytes);
      // With slot 0 empty nothing is counted from it, so a time in another slot fits nowhere.
      if (base_time == 0 && time != 0) {
        ++report.misplaced_count;
      } else {
        Examine(archive, base_time, first + i, time, &report);
      }
    }
  }
  return report;
}

absl::StatusOr<std::vector<ArchiveReport>> VerifyCompressed(base::File& file) {
  PLUMBAGO_ASSIGN_OR_RETURN(const CompressedHeader header, ReadCompressedHeader(file));
  std::vector<ArchiveReport> reports;
  for (const CompressedArchive& archive : header.archives) {
    ArchiveReport report;
    for (size_t i = 0; i < archive.blocks.size(); ++i) {
      if (archive.blocks[i].start == 0) continue;
      PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<Point> points,
                                ReadCompressedBlock(file, archive, i));
      report.known_count += points.size();
    }
    for (const Point& slot : archive.buffer) report.known_count += slot.time != 0 ? 1 : 0;
    reports.push_back(report);
  }
  return reports;
}

}  // namespace

bool FileReport::is_sound() const {
  return std::all_of(archives.begin(), archives.end(),
                     [](const ArchiveReport& archive) { return archive.misplaced_count == 0; });
}

absl::StatusOr<FileReport> Verify(base::File& file) {
  FileReport report;
  PLUMBAGO_ASSIGN_OR_RETURN(report.header, ReadHeader(file));
  if (report.header.format == Format::kCompressed) {
    PLUMBAGO_ASSIGN_OR_RETURN(report.archives, VerifyCompressed(file));
    return report;
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  report.surplus_bytes = size - report.header.file_bytes();
  for (const Archive& archive : report.header.archives) {
    PLUMBAGO_ASSIGN_OR_RETURN(const ArchiveReport archive_report, VerifyArchive(file, archive));
    report.archives.push_back(archive_report);
  }
  return report;
}

}  // namespace plumbago::whisper
