#include "whisper/header.h"

#include <algorithm>
#include <array>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/status.h"
#include "whisper/internal/encoding.h"

namespace plumbago::whisper {
namespace {

using internal::LoadFloat;
using internal::LoadU32;
using internal::StoreFloat;
using internal::StoreU32;

constexpr std::array<const char*, 8> kMethodNames = {"average", "sum",      "last",   "max",
                                                     "min",     "avg_zero", "absmax", "absmin"};

bool IsKnownMethod(uint32_t id) { return id >= 1 && id <= kMethodNames.size(); }

bool IsFactor(float x_files_factor) { return x_files_factor >= 0 && x_files_factor <= 1; }

uint64_t RetentionOf(const ArchiveSpec& archive) {
  return uint64_t{archive.seconds_per_point} * archive.point_count;
}

// whisper.validateArchiveList for one pair of neighbours, with its messages.
absl::Status CheckPair(size_t index, const ArchiveSpec& finer, const ArchiveSpec& coarser) {
  const uint32_t a = finer.seconds_per_point;
  const uint32_t b = coarser.seconds_per_point;
  if (a >= b) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "A Whisper database may not be configured having two archives with the same precision "
        "(archive%u: (%u, %u), archive%u: (%u, %u))",
        index, a, finer.point_count, index + 1, b, coarser.point_count));
  }
  if (b % a != 0) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "Higher precision archives' precision must evenly divide all lower precision archives' "
        "precision (archive%u: %u, archive%u: %u)",
        index, a, index + 1, b));
  }
  if (RetentionOf(finer) >= RetentionOf(coarser)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "Lower precision archives must cover larger time intervals than higher precision archives "
        "(archive%u: %u seconds, archive%u: %u seconds)",
        index, RetentionOf(finer), index + 1, RetentionOf(coarser)));
  }
  if (finer.point_count < b / a) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "Each archive must have at least enough points to consolidate to the next archive "
        "(archive%u consolidates %u of archive%u's points but it has only %u total points)",
        index + 1, b / a, index, finer.point_count));
  }
  return absl::OkStatus();
}

// What whisper leaves unchecked and fails on later: zeroes and numbers beyond 32 bits.
absl::Status CheckNumbers(const std::vector<ArchiveSpec>& archives) {
  if (archives.empty()) {
    return absl::InvalidArgumentError("You must specify at least one archive configuration!");
  }
  if (archives.size() > kArchivesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a file has at most ", kArchivesMax, " archives; this one would have ", archives.size()));
  }
  uint64_t end = kMetadataBytes + kArchiveInfoBytes * archives.size();
  for (const ArchiveSpec& archive : archives) {
    if (archive.seconds_per_point == 0 || archive.point_count == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("archive ", archive.seconds_per_point, ":", archive.point_count,
                       " is empty; its seconds per point and its points must be at least 1"));
    }
    end += archive.point_count * kPointBytes;
    if (std::max(end, RetentionOf(archive)) > std::numeric_limits<uint32_t>::max()) {
      return absl::InvalidArgumentError(
          absl::StrCat("archive ", archive.seconds_per_point, ":", archive.point_count,
                       " goes beyond 4294967295 bytes or seconds, the limit of the format"));
    }
  }
  return absl::OkStatus();
}

absl::Status Damaged(absl::string_view what) {
  return base::WithReason(absl::DataLossError(absl::StrCat("damaged whisper header: ", what)),
                          "header");
}

// Archive `index` must begin at `offset_expected` and be coarser than the one before.
absl::Status CheckArchive(size_t index, const Archive& archive, uint64_t offset_expected,
                          uint32_t finer_seconds_per_point) {
  if (archive.point_count == 0 || archive.seconds_per_point <= finer_seconds_per_point) {
    return Damaged(absl::StrCat("archive ", index, " has ", archive.point_count, " points of ",
                                archive.seconds_per_point, " s after one of ",
                                finer_seconds_per_point, " s"));
  }
  if (archive.offset != offset_expected) {
    return Damaged(absl::StrCat("archive ", index, " begins at byte ", archive.offset,
                                ", where the ones before it end at ", offset_expected));
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view MethodName(AggregationMethod method) {
  const auto id = static_cast<uint32_t>(method);
  PLUMBAGO_CHECK(IsKnownMethod(id));
  return kMethodNames[id - 1];
}

absl::StatusOr<AggregationMethod> ParseMethod(absl::string_view name) {
  for (uint32_t id = 1; id <= kMethodNames.size(); ++id) {
    if (name == kMethodNames[id - 1]) return static_cast<AggregationMethod>(id);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("Unrecognized aggregation method '", base::Excerpt(name),
                   "'; use average, sum, last, max, min, avg_zero, absmax or absmin"));
}

uint64_t Header::max_retention_seconds() const {
  uint64_t longest = 0;
  for (const Archive& archive : archives) longest = std::max(longest, archive.retention_seconds());
  return longest;
}

absl::StatusOr<Header> MakeHeader(std::vector<ArchiveSpec> archives, float x_files_factor,
                                  AggregationMethod method) {
  PLUMBAGO_RETURN_IF_ERROR(CheckNumbers(archives));
  std::stable_sort(archives.begin(), archives.end(), [](const auto& a, const auto& b) {
    return a.seconds_per_point < b.seconds_per_point;
  });
  for (size_t i = 0; i + 1 < archives.size(); ++i) {
    PLUMBAGO_RETURN_IF_ERROR(CheckPair(i, archives[i], archives[i + 1]));
  }
  if (!IsFactor(x_files_factor)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Invalid xFilesFactor ", x_files_factor, ", not between 0 and 1"));
  }
  Header header{.method = method,
                .x_files_factor = x_files_factor,
                .archives = {},
                .format = Format::kClassic};
  uint64_t offset = kMetadataBytes + kArchiveInfoBytes * archives.size();
  for (const ArchiveSpec& spec : archives) {
    header.archives.push_back({.offset = static_cast<uint32_t>(offset),
                               .seconds_per_point = spec.seconds_per_point,
                               .point_count = spec.point_count});
    offset += spec.point_count * kPointBytes;
  }
  return header;
}

std::string EncodeHeader(const Header& header) {
  PLUMBAGO_CHECK(header.format == Format::kClassic);
  std::string bytes(header.header_bytes(), '\0');
  char* at = bytes.data();
  StoreU32(at, static_cast<uint32_t>(header.method));
  StoreU32(at + 4, static_cast<uint32_t>(header.max_retention_seconds()));
  StoreFloat(at + 8, header.x_files_factor);
  StoreU32(at + 12, static_cast<uint32_t>(header.archives.size()));
  at += kMetadataBytes;
  for (const Archive& archive : header.archives) {
    StoreU32(at, archive.offset);
    StoreU32(at + 4, archive.seconds_per_point);
    StoreU32(at + 8, archive.point_count);
    at += kArchiveInfoBytes;
  }
  return bytes;
}

absl::StatusOr<uint64_t> HeaderBytes(absl::string_view metadata) {
  if (metadata.size() < kMetadataBytes) {
    return Damaged(absl::StrCat("it has ", metadata.size(), " bytes; 16 is the least"));
  }
  const uint32_t archive_count = LoadU32(metadata.data() + 12);
  if (archive_count == 0 || archive_count > kArchivesMax) {
    return Damaged(absl::StrCat("it states ", archive_count, " archives; 1 to ", kArchivesMax,
                                " are possible"));
  }
  return kMetadataBytes + kArchiveInfoBytes * archive_count;
}

absl::StatusOr<Header> ParseHeader(absl::string_view bytes) {
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t header_bytes, HeaderBytes(bytes));
  if (bytes.size() < header_bytes) {
    return Damaged(absl::StrCat("it has ", bytes.size(), " of ", header_bytes, " bytes"));
  }
  const uint32_t method = LoadU32(bytes.data());
  if (!IsKnownMethod(method)) {
    return Damaged(absl::StrCat("aggregation method ", method, " is unknown; 1 to 8 are known"));
  }
  Header header{.method = static_cast<AggregationMethod>(method),
                .x_files_factor = LoadFloat(bytes.data() + 8),
                .archives = {},
                .format = Format::kClassic};
  if (!IsFactor(header.x_files_factor)) {
    return Damaged(absl::StrCat("xFilesFactor ", header.x_files_factor, " is not in 0..1"));
  }
  uint64_t offset = header_bytes;
  uint32_t finer_seconds_per_point = 0;
  for (uint64_t at = kMetadataBytes; at < header_bytes; at += kArchiveInfoBytes) {
    const Archive archive{.offset = LoadU32(bytes.data() + at),
                          .seconds_per_point = LoadU32(bytes.data() + at + 4),
                          .point_count = LoadU32(bytes.data() + at + 8)};
    PLUMBAGO_RETURN_IF_ERROR(
        CheckArchive(header.archives.size(), archive, offset, finer_seconds_per_point));
    header.archives.push_back(archive);
    offset += archive.size_bytes();
    finer_seconds_per_point = archive.seconds_per_point;
  }
  const uint32_t max_retention = LoadU32(bytes.data() + 4);
  if (max_retention != header.max_retention_seconds()) {
    return Damaged(absl::StrCat("it states a retention of ", max_retention,
                                " s; its archives reach ", header.max_retention_seconds(), " s"));
  }
  return header;
}

}  // namespace plumbago::whisper
