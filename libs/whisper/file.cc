#include "whisper/file.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status.h"
#include "whisper/internal/encoding.h"
#include "whisper/internal/slots.h"

namespace plumbago::whisper {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// An exclusive file of this name, past the remains of a crash and a missing directory.
absl::StatusOr<std::unique_ptr<base::File>> OpenTemporary(base::FileSystem& file_system,
                                                          const std::string& path) {
  auto file = file_system.CreateExclusive(path);
  if (absl::IsAlreadyExists(file.status())) {
    PLUMBAGO_RETURN_IF_ERROR(file_system.Remove(path));
    return file_system.CreateExclusive(path);
  }
  if (absl::IsNotFound(file.status())) {
    PLUMBAGO_RETURN_IF_ERROR(file_system.CreateDirectories(path.substr(0, path.rfind('/'))));
    return file_system.CreateExclusive(path);
  }
  return file;
}

absl::Status Fill(base::File& file, const Header& header) {
  PLUMBAGO_RETURN_IF_ERROR(file.Preallocate(header.file_bytes()));
  return file.WriteAt(0, EncodeHeader(header));
}

// The finest archive that reaches back `age_seconds`; at most the longest retention is asked for.
size_t SelectArchive(const Header& header, int64_t age_seconds) {
  size_t index = 0;
  while (index + 1 < header.archives.size() &&
         static_cast<int64_t>(header.archives[index].retention_seconds()) < age_seconds) {
    ++index;
  }
  return index;
}

// Values of `count` slots from series->start on; no more than the ring has.
absl::Status ReadValues(const OpenFile& from, size_t archive_index, uint64_t count,
                        Series* series) {
  const Archive& archive = from.header.archives[archive_index];
  series->values.assign(count, kMissing);
  from.base_times.resize(from.header.archives.size());
  uint32_t& base_time = from.base_times[archive_index];
  if (base_time == 0) {
    PLUMBAGO_ASSIGN_OR_RETURN(base_time, internal::ReadBaseTime(from.file, archive));
  }
  if (base_time == 0) return absl::OkStatus();
  std::string bytes;
  PLUMBAGO_RETURN_IF_ERROR(internal::ReadSlots(
      from.file, archive, internal::SlotOf(archive, base_time, series->start), count, &bytes));
  const char* slot = bytes.data();
  int64_t time = series->start;
  for (double& value : series->values) {
    if (internal::LoadU32(slot) == time) value = internal::LoadDouble(slot + 4);
    slot += kPointBytes;
    time += archive.seconds_per_point;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<base::File>> Create(base::FileSystem& file_system,
                                                   const std::string& path, const Header& header,
                                                   Existing existing) {
  if (existing == Existing::kRefuse && file_system.Stat(path).ok()) {
    return absl::AlreadyExistsError(absl::StrCat("File ", path, " already exists!"));
  }
  const std::string temporary = absl::StrCat(path, ".tmp");
  PLUMBAGO_ASSIGN_OR_RETURN(auto file, OpenTemporary(file_system, temporary));
  absl::Status status = Fill(*file, header);
  if (status.ok()) status = file_system.Rename(temporary, path);
  if (!status.ok()) {
    file_system.Remove(temporary).IgnoreError();  // the first error is the one to report
    return status;
  }
  return file;
}

absl::StatusOr<Header> ReadHeader(base::File& file) {
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  // Enough for all archives that are common in practice, in one read.
  std::string bytes(kMetadataBytes + kArchiveInfoBytes * kArchivesMax, '\0');
  PLUMBAGO_ASSIGN_OR_RETURN(const size_t count, file.ReadAt(0, bytes.data(), bytes.size()));
  bytes.resize(count);
  if (bytes.find_first_not_of('\0') == std::string::npos) {
    return absl::NotFoundError("the file is empty or begins with zeroes: an unfinished creation");
  }
  PLUMBAGO_ASSIGN_OR_RETURN(Header header, ParseHeader(bytes));
  if (size < header.file_bytes()) {
    return absl::DataLossError(absl::StrCat("truncated whisper file: it has ", size, " of ",
                                            header.file_bytes(), " bytes"));
  }
  return header;
}

absl::StatusOr<Series> Fetch(const OpenFile& file, const FetchRange& range) {
  const Header& header = file.header;
  if (range.from > range.until) {
    return absl::InvalidArgumentError(absl::StrCat("Invalid time interval: from time '", range.from,
                                                   "' is after until time '", range.until, "'"));
  }
  const int64_t oldest = range.now - static_cast<int64_t>(header.max_retention_seconds());
  const int64_t from = std::max(range.from, oldest);
  const int64_t until = std::min(range.until, range.now);
  const size_t archive_index = SelectArchive(header, range.now - from);
  const Archive& archive = header.archives[archive_index];
  const int64_t step = archive.seconds_per_point;
  Series series{.start = 0, .step = archive.seconds_per_point, .values = {}};
  if (range.from > range.now || range.until < oldest) return series;
  series.start = internal::AlignDown(from, step) + step;
  const int64_t end = internal::AlignDown(until, step) + step;
  const auto count = static_cast<uint64_t>(std::max<int64_t>(1, (end - series.start) / step));
  PLUMBAGO_CHECK(count <= archive.point_count);  // it reaches back to `from`
  PLUMBAGO_RETURN_IF_ERROR(ReadValues(file, archive_index, count, &series));
  return series;
}

}  // namespace plumbago::whisper
