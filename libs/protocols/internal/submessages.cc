#include "protocols/internal/submessages.h"

#include <google/protobuf/io/coded_stream.h>

namespace plumbago::protocols::internal {
namespace {

// The wire types of https://protobuf.dev/programming-guides/encoding/. Groups (3 and 4) are used by
// none of the formats read here.
enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

bool SkipScalar(google::protobuf::io::CodedInputStream& input, uint32_t wire_type) {
  uint64_t ignored = 0;
  switch (wire_type) {
    case kVarint:
      return input.ReadVarint64(&ignored);
    case kFixed64:
      return input.Skip(8);
    case kFixed32:
      return input.Skip(4);
    default:
      return false;
  }
}

}  // namespace

WalkResult ForEachSubmessage(absl::string_view message, uint32_t field_number,
                             absl::FunctionRef<bool(absl::string_view)> on_submessage) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(message.data()),
                                               static_cast<int>(message.size()));
  while (const uint32_t tag = input.ReadTag()) {
    if ((tag & 7) != kLengthDelimited) {
      if (!SkipScalar(input, tag & 7)) return WalkResult::kMalformed;
      continue;
    }
    uint32_t size = 0;
    if (!input.ReadVarint32(&size)) return WalkResult::kMalformed;
    const auto position = static_cast<size_t>(input.CurrentPosition());
    if (size > message.size() - position) return WalkResult::kMalformed;
    if (tag >> 3 == field_number) {
      if (size > kSubmessageBytesMax) return WalkResult::kTooLarge;
      if (!on_submessage(message.substr(position, size))) return WalkResult::kStopped;
    }
    if (!input.Skip(static_cast<int>(size))) return WalkResult::kMalformed;
  }
  // ReadTag also returns 0 for a broken tag.
  return static_cast<size_t>(input.CurrentPosition()) == message.size() ? WalkResult::kOk
                                                                        : WalkResult::kMalformed;
}

}  // namespace plumbago::protocols::internal
