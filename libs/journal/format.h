// The bytes of a journal: segments of records (docs/formats/journal.md). What reader and writer
// share. Pure functions; integers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace plumbago::journal {

constexpr size_t kSegmentHeaderBytes = 32;
constexpr size_t kRecordHeaderBytes = 24;
// Bounds what a damaged length can ask for; more than the largest batch of a relay.
constexpr size_t kRecordBytesMax = size_t{64} << 20;

struct SegmentHeader {
  uint64_t segment = 0;  // its number, as in the file's name
  // Where the records of the segment before it end: what follows there is the torn tail of a crash.
  // 0: there is none before it.
  uint64_t previous_end_bytes = 0;
};

struct RecordHeader {
  uint32_t payload_bytes = 0;
  uint32_t type = 0;
  // So much of this segment was known to be on the disk when the record was written.
  uint64_t synced_bytes = 0;
};

// Header, payload and padding: records begin at multiples of 8.
constexpr uint64_t RecordBytes(uint64_t payload_bytes) {
  return kRecordHeaderBytes + (payload_bytes + 7) / 8 * 8;
}

std::string EncodeSegmentHeader(const SegmentHeader& header);
// Nothing where the bytes are no header of a version that we read.
std::optional<SegmentHeader> DecodeSegmentHeader(absl::string_view bytes);

// `record` begins with kRecordHeaderBytes of any content, then the payload; both are completed to a
// record in place.
void SealRecord(uint32_t type, uint64_t synced_bytes, std::string& record);
// From kRecordHeaderBytes; what it says is not verified. Nothing where it cannot be a header.
std::optional<RecordHeader> DecodeRecordHeader(absl::string_view bytes);
// Whether header and payload (without padding) are as they were sealed.
bool IsRecordIntact(absl::string_view header_and_payload);

// "0000000000000001.journal", and back.
std::string SegmentFileName(uint64_t segment);
std::optional<uint64_t> ParseSegmentFileName(absl::string_view name);

}  // namespace plumbago::journal
