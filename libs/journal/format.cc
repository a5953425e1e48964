#include "journal/format.h"

#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace plumbago::journal {
namespace {

constexpr absl::string_view kMagic = "PLBJRNL1";  // the last byte is the version
constexpr absl::string_view kExtension = ".journal";
constexpr size_t kChecksumBytes = 8;

void PutU64(uint64_t value, std::string& bytes) {
  for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(value >> shift));
}

template <typename T>
T Get(absl::string_view bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

template <typename T>
void Set(T value, size_t offset, std::string& bytes) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they are");

}  // namespace

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string bytes(kMagic);
  PutU64(header.segment, bytes);
  PutU64(header.previous_end_bytes, bytes);
  PutU64(base::Hash64(bytes), bytes);
  return bytes;
}

std::optional<SegmentHeader> DecodeSegmentHeader(absl::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes || !absl::StartsWith(bytes, kMagic)) return std::nullopt;
  const size_t checked_bytes = kSegmentHeaderBytes - kChecksumBytes;
  if (Get<uint64_t>(bytes, checked_bytes) != base::Hash64(bytes.substr(0, checked_bytes))) {
    return std::nullopt;
  }
  return SegmentHeader{.segment = Get<uint64_t>(bytes, 8),
                       .previous_end_bytes = Get<uint64_t>(bytes, 16)};
}

void SealRecord(uint32_t type, uint64_t synced_bytes, std::string& record) {
  const size_t payload_bytes = record.size() - kRecordHeaderBytes;
  Set(static_cast<uint32_t>(payload_bytes), 8, record);
  Set(type, 12, record);
  Set(synced_bytes, 16, record);
  Set(base::Hash64(absl::string_view(record).substr(kChecksumBytes)), 0, record);
  record.resize(RecordBytes(payload_bytes));
}

std::optional<RecordHeader> DecodeRecordHeader(absl::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  const RecordHeader header{.payload_bytes = Get<uint32_t>(bytes, 8),
                            .type = Get<uint32_t>(bytes, 12),
                            .synced_bytes = Get<uint64_t>(bytes, 16)};
  if (header.type == 0 || header.payload_bytes > kRecordBytesMax) return std::nullopt;
  return header;
}

bool IsRecordIntact(absl::string_view header_and_payload) {
  return Get<uint64_t>(header_and_payload, 0) ==
         base::Hash64(header_and_payload.substr(kChecksumBytes));
}

std::string SegmentFileName(uint64_t segment) {
  return absl::StrCat(absl::Hex(segment, absl::kZeroPad16), kExtension);
}

std::optional<uint64_t> ParseSegmentFileName(absl::string_view name) {
  uint64_t segment = 0;
  if (name.size() != 16 + kExtension.size() || !absl::EndsWith(name, kExtension) ||
      !absl::SimpleHexAtoi(name.substr(0, 16), &segment)) {
    return std::nullopt;
  }
  return segment;
}

}  // namespace plumbago::journal
