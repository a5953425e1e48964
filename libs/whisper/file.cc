#include "whisper/file.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "whisper/compressed_header.h"
#include "whisper/internal/draft_file.h"
#include "whisper/internal/window.h"

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

// Enough for all archives that there may be, in one read.
absl::StatusOr<std::string> ReadBeginning(base::File& file) {
  std::string bytes(kHeaderBytesMax, '\0');
  PLUMBAGO_ASSIGN_OR_RETURN(const size_t count, file.ReadAt(0, bytes.data(), bytes.size()));
  bytes.resize(count);
  return bytes;
}

absl::Status Fill(base::File& file, const Header& header, Allocation allocation) {
  PLUMBAGO_RETURN_IF_ERROR(allocation == Allocation::kReserve
                               ? file.Preallocate(header.file_bytes())
                               : file.WriteAt(header.file_bytes() - 1, absl::string_view("", 1)));
  return file.WriteAt(0, EncodeHeader(header));
}

}  // namespace

absl::StatusOr<std::unique_ptr<base::File>> Create(base::FileSystem& file_system,
                                                   const std::string& path, const Header& header,
                                                   Existing existing, Allocation allocation) {
  if (existing == Existing::kRefuse && file_system.Stat(path).ok()) {
    return absl::AlreadyExistsError(absl::StrCat("File ", path, " already exists!"));
  }
  const std::string temporary = absl::StrCat(path, ".tmp");
  PLUMBAGO_ASSIGN_OR_RETURN(auto file, OpenTemporary(file_system, temporary));
  absl::Status status = Fill(*file, header, allocation);
  if (status.ok()) status = file_system.Rename(temporary, path);
  if (!status.ok()) {
    file_system.Remove(temporary).IgnoreError();  // the first error is the one to report
    return status;
  }
  return file;
}

absl::StatusOr<std::unique_ptr<base::File>> CreateIn(
    base::Directory& directory, const std::string& name, const Header& header,
    absl::FunctionRef<absl::Status(base::File&)> fill) {
  internal::DraftFile draft(header.file_bytes());
  PLUMBAGO_RETURN_IF_ERROR(draft.WriteAt(0, EncodeHeader(header)));
  PLUMBAGO_RETURN_IF_ERROR(fill(draft));

  const std::string temporary = absl::StrCat(name, ".tmp");
  auto file = directory.CreateExclusive(temporary);
  if (absl::IsAlreadyExists(file.status())) {  // the remains of a crash
    PLUMBAGO_RETURN_IF_ERROR(directory.Remove(temporary));
    file = directory.CreateExclusive(temporary);
  }
  if (!file.ok()) return file;
  absl::Status status = (*file)->Preallocate(header.file_bytes());
  if (status.ok()) status = draft.CopyTo(**file);
  if (status.ok()) status = directory.Rename(temporary, name);
  if (status.ok()) return file;
  directory.Remove(temporary).IgnoreError();  // the first error is the one to report
  return base::Annotate(status, name);
}

RecentArchives NoPoints(const Header& header) {
  RecentArchives recent(header.archives.size());
  for (RecentPoints& archive : recent) archive.SetEmpty();
  return recent;
}

absl::StatusOr<Header> ReadHeader(base::File& file) {
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string bytes, ReadBeginning(file));
  return CheckHeader(file, size, bytes);
}

absl::StatusOr<Header> CheckHeader(base::File& file, uint64_t size_bytes,
                                   absl::string_view beginning) {
  const absl::string_view bytes = beginning.substr(0, kHeaderBytesMax);
  if (bytes.find_first_not_of('\0') == absl::string_view::npos) {
    return base::WithReason(
        absl::NotFoundError("the file is empty or begins with zeroes: an unfinished creation"),
        "empty");
  }
  if (IsCompressed(bytes)) {
    PLUMBAGO_ASSIGN_OR_RETURN(const CompressedHeader compressed, ReadCompressedHeader(file));
    return ToHeader(compressed);
  }
  PLUMBAGO_ASSIGN_OR_RETURN(Header header, ParseHeader(bytes));
  if (size_bytes < header.file_bytes()) {
    return base::WithReason(
        absl::DataLossError(absl::StrCat("truncated whisper file: it has ", size_bytes, " of ",
                                         header.file_bytes(), " bytes")),
        "truncated");
  }
  return header;
}

// The slot first: a crash between the two leaves a file that is still to be lengthened.
absl::Status Lengthen(base::File& file) {
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string bytes, ReadBeginning(file));
  PLUMBAGO_ASSIGN_OR_RETURN(const Header header, ParseHeader(bytes));
  if (size >= header.file_bytes()) return absl::OkStatus();
  const uint64_t cut_bytes = (size - header.header_bytes()) % kPointBytes;
  if (cut_bytes > 0) {
    PLUMBAGO_RETURN_IF_ERROR(file.WriteAt(size - cut_bytes, std::string(cut_bytes, '\0')));
  }
  return file.Preallocate(header.file_bytes());
}

absl::Status CheckWritable(const Header& header) {
  if (header.format == Format::kClassic) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the file is compressed by go-carbon and can only be read; to write to it, convert it with "
      "plumbago-whisper resize");
}

absl::Status WriteMetadata(base::File& file, const Header& header) {
  PLUMBAGO_RETURN_IF_ERROR(CheckWritable(header));
  return file.WriteAt(0, absl::string_view(EncodeHeader(header)).substr(0, kMetadataBytes));
}

absl::StatusOr<Series> Fetch(const OpenFile& file, const FetchRange& asked) {
  const std::vector<Archive>& archives = file.header.archives;
  PLUMBAGO_ASSIGN_OR_RETURN(internal::Window window, internal::SelectWindow(archives, asked));
  Series series;
  if (asked.lookback_points > 0) {
    FetchRange range = asked;
    series.lookback_step = archives[window.archive_index].seconds_per_point;
    const int64_t seconds = int64_t{asked.lookback_points} * series.lookback_step;
    range.from = std::max<int64_t>(range.from - seconds, 0);
    PLUMBAGO_ASSIGN_OR_RETURN(window, internal::SelectWindow(archives, range));
  }
  series.start = window.start;
  series.step = archives[window.archive_index].seconds_per_point;
  if (file.header.format == Format::kCompressed) {
    series.values.resize(window.count, kMissing);
    PLUMBAGO_RETURN_IF_ERROR(internal::VisitCompressed(
        file, window, [&series](uint64_t index, double value) { series.values[index] = value; }));
    return series;
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const char* slot, internal::ReadWindow(file, window));
  if (slot == nullptr) {
    series.values.resize(window.count, kMissing);
    return series;
  }
  series.values.resize(window.count);
  // The innermost loop of large queries: each value is written once, and without a branch.
  int64_t time = window.start;
  for (double& value : series.values) {
    const double stored = internal::LoadDouble(slot + 4);
    value = internal::LoadU32(slot) == time ? stored : kMissing;
    slot += kPointBytes;
    time += series.step;
  }
  return series;
}

}  // namespace plumbago::whisper
