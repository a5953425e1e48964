#include "whisper/compressed_header.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status.h"
#include "whisper/internal/encoding.h"

namespace plumbago::whisper {
namespace {

using internal::LoadFloat;
using internal::LoadU32;

constexpr absl::string_view kMagic = "whisper_compressed";
constexpr uint8_t kVersion = 1;
constexpr uint64_t kMetadataEnd = 63;  // magic, version, 7 numbers, 16 reserved bytes
constexpr uint64_t kCrcOffset = 43;
constexpr uint64_t kArchiveBytes = 128;
constexpr uint64_t kMixBytes = 5;  // method and percentile, in the middle of an archive's numbers
constexpr uint64_t kBlockRangeBytes = 16;
constexpr uint32_t kBuffersPerArchive = 2;
// go-whisper writes headers of some KiB and blocks of up to 105 KB; these bound what a file can ask
// for.
constexpr uint64_t kHeaderBytesMax = 16 << 20;
constexpr uint32_t kBlockBytesMax = 4 << 20;
constexpr uint32_t kBlockBytesMin = kPointBytes + 5;  // a point and the end mark

constexpr std::array<const char*, 8> kMethodNames = {"average", "sum",   "last", "max",
                                                     "min",     "first", "mix",  "percentile"};

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("damaged compressed whisper file: ", what));
}

absl::StatusOr<std::string> ReadExactly(base::File& file, uint64_t size) {
  std::string bytes(size, '\0');
  PLUMBAGO_ASSIGN_OR_RETURN(const size_t count, file.ReadAt(0, bytes.data(), size));
  if (count == size) return bytes;
  return Damaged(absl::StrCat("it has ", count, " of the ", size, " bytes of its header"));
}

uint32_t Crc(absl::string_view header) {
  const auto update = [](uLong crc, absl::string_view bytes) {
    return crc32(crc, reinterpret_cast<const Bytef*>(bytes.data()),
                 static_cast<uInt>(bytes.size()));
  };
  // The checksum itself counts as zeroes.
  uLong crc = update(0, header.substr(0, kCrcOffset));
  crc = update(crc, absl::string_view("\0\0\0\0", 4));
  return static_cast<uint32_t>(update(crc, header.substr(kCrcOffset + 4)));
}

class Parser {
 public:
  Parser(base::File& file, uint64_t file_bytes) : file_(file), file_bytes_(file_bytes) {}

  absl::StatusOr<CompressedHeader> Run() {
    PLUMBAGO_RETURN_IF_ERROR(ReadMetadata());
    PLUMBAGO_RETURN_IF_ERROR(ReadNumbersOfArchives());
    PLUMBAGO_RETURN_IF_ERROR(ReadRest());
    for (size_t i = 0; i < header_.archives.size(); ++i) {
      PLUMBAGO_RETURN_IF_ERROR(ParseArchive(i));
    }
    ParseBlocksAndBuffers();
    return std::move(header_);
  }

 private:
  absl::Status ReadMetadata() {
    PLUMBAGO_ASSIGN_OR_RETURN(bytes_, ReadExactly(file_, kMetadataEnd));
    const auto version = static_cast<uint8_t>(bytes_[kMagic.size()]);
    if (version != kVersion) {
      return Damaged(absl::StrCat("version ", version, " is unknown; 1 can be read"));
    }
    const uint32_t method = LoadU32(bytes_.data() + 19);
    if (method < 1 || method > static_cast<uint32_t>(CompressedMethod::kMix)) {
      return Damaged(absl::StrCat("aggregation method ", method, " is unknown; 1 to 7 are known"));
    }
    header_.method = static_cast<CompressedMethod>(method);
    header_.x_files_factor = LoadFloat(bytes_.data() + 27);
    if (!(header_.x_files_factor >= 0 && header_.x_files_factor <= 1)) {
      return Damaged("the xFilesFactor is not in 0..1");
    }
    const uint32_t count = LoadU32(bytes_.data() + 35);
    if (count == 0 || count > kArchivesMax) {
      return Damaged(
          absl::StrCat("it states ", count, " archives; 1 to ", kArchivesMax, " are possible"));
    }
    header_.archives.resize(count);
    return absl::OkStatus();
  }

  // What says how long the header is.
  absl::Status ReadNumbersOfArchives() {
    PLUMBAGO_ASSIGN_OR_RETURN(
        bytes_, ReadExactly(file_, kMetadataEnd + kArchiveBytes * header_.archives.size()));
    header_bytes_ = bytes_.size();
    for (size_t i = 0; i < header_.archives.size(); ++i) {
      CompressedArchive& archive = header_.archives[i];
      const char* at = ArchiveAt(i);
      archive.archive = {.offset = LoadU32(at),
                         .seconds_per_point = LoadU32(at + 4),
                         .point_count = LoadU32(at + 8)};
      archive.block_bytes = LoadU32(at + 12);
      const uint32_t block_count = LoadU32(at + 16);
      PLUMBAGO_RETURN_IF_ERROR(CheckNumbers(i, block_count));
      archive.blocks.resize(block_count);
      header_bytes_ += kBlockRangeBytes * block_count;
      if (i > 0) PLUMBAGO_RETURN_IF_ERROR(SizeBuffer(i - 1));
    }
    return absl::OkStatus();
  }

  absl::Status CheckNumbers(size_t i, uint32_t block_count) {
    const CompressedArchive& archive = header_.archives[i];
    const bool is_possible =
        archive.archive.seconds_per_point > 0 && archive.archive.point_count > 0 &&
        block_count > 0 && archive.block_bytes >= kBlockBytesMin &&
        archive.block_bytes <= kBlockBytesMax &&
        archive.archive.offset + uint64_t{archive.block_bytes} * block_count <= file_bytes_ &&
        header_bytes_ + kBlockRangeBytes * block_count <= kHeaderBytesMax;
    if (is_possible) return absl::OkStatus();
    return Damaged(absl::StrCat("archive ", i, " has ", archive.archive.point_count, " points of ",
                                archive.archive.seconds_per_point, " s in ", block_count,
                                " blocks of ", archive.block_bytes, " bytes from byte ",
                                archive.archive.offset, " on; the file has ", file_bytes_));
  }

  // Archive `i` knows now which one follows.
  absl::Status SizeBuffer(size_t i) {
    const uint32_t step = header_.archives[i].archive.seconds_per_point;
    const uint32_t next_step = header_.archives[i + 1].archive.seconds_per_point;
    const bool is_mix = header_.method == CompressedMethod::kMix;
    if (next_step % step != 0 || (next_step == step && !is_mix)) {
      return Damaged(
          absl::StrCat("archive ", i + 1, " of ", next_step, " s follows one of ", step, " s"));
    }
    if (is_mix) return absl::OkStatus();
    const uint64_t slot_count = uint64_t{next_step / step} * kBuffersPerArchive;
    header_bytes_ += slot_count * kPointBytes;
    if (header_bytes_ > kHeaderBytesMax) return Damaged("its buffers are too large");
    header_.archives[i].buffer.resize(slot_count);
    return absl::OkStatus();
  }

  absl::Status ReadRest() {
    PLUMBAGO_ASSIGN_OR_RETURN(bytes_, ReadExactly(file_, header_bytes_));
    const uint32_t stated = LoadU32(bytes_.data() + kCrcOffset);
    const uint32_t actual = Crc(bytes_);
    if (stated == actual) return absl::OkStatus();
    return Damaged(absl::StrCat("the checksum of the header is ", absl::Hex(actual), ", it states ",
                                absl::Hex(stated)));
  }

  absl::Status ParseArchive(size_t i) {
    CompressedArchive& archive = header_.archives[i];
    const char* at = ArchiveAt(i) + 24;
    archive.method = header_.method;
    if (header_.method == CompressedMethod::kMix && i > 0) {
      archive.method = static_cast<CompressedMethod>(static_cast<uint8_t>(*at));
      archive.percentile = LoadFloat(at + 1);
      at += kMixBytes;
      if (archive.method < CompressedMethod::kAverage ||
          archive.method > CompressedMethod::kPercentile ||
          archive.method == CompressedMethod::kMix) {
        return Damaged(absl::StrCat("archive ", i, " has an unknown aggregation method"));
      }
    }
    archive.current_block = LoadU32(at);
    at += 4 + 3 * kPointBytes;  // its first and last two points
    archive.last_byte = static_cast<uint8_t>(LoadU32(at));
    archive.bit_position = LoadU32(at + 8);
    return ParsePosition(i, LoadU32(at + 4));
  }

  absl::Status ParsePosition(size_t i, uint64_t last_byte_offset) {
    CompressedArchive& archive = header_.archives[i];
    const uint64_t block_start =
        archive.archive.offset + uint64_t{archive.current_block} * archive.block_bytes;
    if (last_byte_offset == 0) last_byte_offset = block_start;  // nothing was written yet
    if (archive.current_block >= archive.blocks.size() || archive.bit_position > 7 ||
        last_byte_offset < block_start || last_byte_offset >= block_start + archive.block_bytes) {
      return Damaged(absl::StrCat("archive ", i, " is written outside of its blocks"));
    }
    archive.whole_bytes = static_cast<uint32_t>(last_byte_offset - block_start);
    return absl::OkStatus();
  }

  void ParseBlocksAndBuffers() {
    const char* at = ArchiveAt(header_.archives.size());
    for (CompressedArchive& archive : header_.archives) {
      for (CompressedBlock& block : archive.blocks) {
        block = {.start = LoadU32(at), .end = LoadU32(at + 4), .crc32 = LoadU32(at + 12)};
        at += kBlockRangeBytes;
      }
      for (Point& slot : archive.buffer) {
        slot = {.time = LoadU32(at), .value = internal::LoadDouble(at + 4)};
        at += kPointBytes;
      }
    }
    PLUMBAGO_CHECK(at == bytes_.data() + bytes_.size());
  }

  const char* ArchiveAt(size_t i) const { return bytes_.data() + kMetadataEnd + i * kArchiveBytes; }

  base::File& file_;
  const uint64_t file_bytes_;
  std::string bytes_;
  uint64_t header_bytes_ = 0;
  CompressedHeader header_;
};

}  // namespace

absl::string_view MethodName(CompressedMethod method) {
  const auto id = static_cast<uint32_t>(method);
  PLUMBAGO_CHECK(id >= 1 && id <= kMethodNames.size());
  return kMethodNames[id - 1];
}

bool IsCompressed(absl::string_view bytes) { return absl::StartsWith(bytes, kMagic); }

absl::StatusOr<CompressedHeader> ReadCompressedHeader(base::File& file) {
  PLUMBAGO_ASSIGN_OR_RETURN(const uint64_t file_bytes, file.Size());
  return Parser(file, file_bytes).Run();
}

Header ToHeader(const CompressedHeader& compressed) {
  Header header{.method = AggregationMethod::kAverage,
                .x_files_factor = compressed.x_files_factor,
                .archives = {},
                .format = Format::kCompressed};
  if (compressed.method <= CompressedMethod::kMin) {
    header.method = static_cast<AggregationMethod>(compressed.method);
  }
  for (const CompressedArchive& archive : compressed.archives) {
    header.archives.push_back(archive.archive);
  }
  return header;
}

}  // namespace plumbago::whisper
