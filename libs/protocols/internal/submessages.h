// Walks over the repeated submessages of a protobuf message without parsing it as a whole.
//
// A parsed message can be tens of times as large as its bytes, so a message of megabytes is parsed
// one submessage at a time, into an arena that is emptied each time.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace plumbago::protocols::internal {

// One submessage, so that the memory of a parsed one is bounded too.
inline constexpr size_t kSubmessageBytesMax = size_t{1} << 20;

enum class WalkResult { kOk, kMalformed, kTooLarge, kStopped };

// Calls `on_submessage` with the bytes of each field `field_number` of `message`, in order, until
// it returns false (kStopped). Other fields are skipped. kTooLarge for one over
// kSubmessageBytesMax.
WalkResult ForEachSubmessage(absl::string_view message, uint32_t field_number,
                             absl::FunctionRef<bool(absl::string_view)> on_submessage);

}  // namespace plumbago::protocols::internal
