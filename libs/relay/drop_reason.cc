#include "relay/drop_reason.h"

#include <array>

#include "base/check.h"
#include "relay/source.h"

namespace plumbago::relay {

using protocols::RefusalReason;

const char* ProtocolWord(Protocol protocol) {
  static constexpr std::array<const char*, kProtocolCount> kWords = {
      "plaintext", "pickle", "protobuf", "opentsdb", "statsd", "http", "remote_write", "internal"};
  return kWords[static_cast<size_t>(protocol)];
}

const char* DropReasonWord(DropReason reason) {
  static constexpr std::array<const char*, kDropReasonCount> kWords = {"field_count",
                                                                       "bad_value",
                                                                       "bad_timestamp",
                                                                       "time_out_of_range",
                                                                       "line_too_long",
                                                                       "empty_name",
                                                                       "name_too_long",
                                                                       "empty_node",
                                                                       "slash_in_name",
                                                                       "control_byte",
                                                                       "invalid_utf8",
                                                                       "invalid_tag",
                                                                       "tenant_refused",
                                                                       "no_active_shard",
                                                                       "spool_full",
                                                                       "spool_damaged",
                                                                       "unknown_key",
                                                                       "points_rate_limit",
                                                                       "new_series_rate_limit",
                                                                       "blacklist",
                                                                       "not_in_whitelist",
                                                                       "blackhole",
                                                                       "no_route",
                                                                       "rewritten_name_too_long",
                                                                       "invalid_data",
                                                                       "blank_in_name",
                                                                       "destination_full",
                                                                       "destination_removed",
                                                                       "aggregate_late",
                                                                       "aggregate_too_early",
                                                                       "aggregate_no_memory",
                                                                       "no_name",
                                                                       "bad_shape",
                                                                       "malformed",
                                                                       "too_deep",
                                                                       "too_large",
                                                                       "pickle_class",
                                                                       "label_conflict",
                                                                       "stale_marker",
                                                                       "native_histogram",
                                                                       "unknown_type",
                                                                       "bad_sample_rate",
                                                                       "too_many_keys",
                                                                       "too_many_timer_values",
                                                                       "too_many_set_members",
                                                                       "unknown_command"};
  return kWords[static_cast<size_t>(reason)];
}

DropReason ReasonOf(metric::LineFault fault) {
  switch (fault) {
    case metric::LineFault::kFieldCount:
      return DropReason::kFieldCount;
    case metric::LineFault::kBadValue:
      return DropReason::kBadValue;
    case metric::LineFault::kBadTimestamp:
      return DropReason::kBadTimestamp;
    case metric::LineFault::kTimeOutOfRange:
      return DropReason::kTimeOutOfRange;
    case metric::LineFault::kNone:
      break;
  }
  base::CheckFailed(__FILE__, __LINE__, "a fault has a reason");
}

DropReason ReasonOf(metric::NameFault fault) {
  switch (fault) {
    case metric::NameFault::kEmpty:
      return DropReason::kEmptyName;
    case metric::NameFault::kTooLong:
      return DropReason::kNameTooLong;
    case metric::NameFault::kEmptyNode:
      return DropReason::kEmptyNode;
    case metric::NameFault::kSlash:
      return DropReason::kSlashInName;
    case metric::NameFault::kControlByte:
      return DropReason::kControlByte;
    case metric::NameFault::kInvalidUtf8:
      return DropReason::kInvalidUtf8;
    case metric::NameFault::kInvalidTag:
      return DropReason::kInvalidTag;
    case metric::NameFault::kNone:
      break;
  }
  base::CheckFailed(__FILE__, __LINE__, "a fault has a reason");
}

DropReason ReasonOf(RefusalReason reason) {
  static constexpr DropReason kReasons[] = {
      DropReason::kReasonCount,       DropReason::kFieldCount,      DropReason::kBadValue,
      DropReason::kBadTimestamp,      DropReason::kTimeOutOfRange,  DropReason::kLineTooLong,
      DropReason::kNameTooLong,       DropReason::kNoName,          DropReason::kBadShape,
      DropReason::kMalformed,         DropReason::kTooDeep,         DropReason::kTooLarge,
      DropReason::kPickleClass,       DropReason::kInvalidTag,      DropReason::kLabelConflict,
      DropReason::kStaleMarker,       DropReason::kNativeHistogram, DropReason::kUnknownType,
      DropReason::kBadSampleRate,     DropReason::kTooManyKeys,     DropReason::kTooManyTimerValues,
      DropReason::kTooManySetMembers, DropReason::kUnknownCommand};
  static_assert(std::size(kReasons) == protocols::kRefusalReasonCount);
  const DropReason result = kReasons[static_cast<size_t>(reason)];
  if (result == DropReason::kReasonCount) {
    base::CheckFailed(__FILE__, __LINE__, "a refusal has a reason");
  }
  return result;
}

DropReason ReasonOf(routing::DropReason reason) {
  switch (reason) {
    case routing::DropReason::kBlacklist:
      return DropReason::kBlacklist;
    case routing::DropReason::kNotInWhitelist:
      return DropReason::kNotInWhitelist;
    case routing::DropReason::kBlackhole:
      return DropReason::kBlackhole;
    case routing::DropReason::kNoRoute:
      return DropReason::kNoRoute;
    case routing::DropReason::kNameTooLong:
      return DropReason::kRewrittenNameTooLong;
    case routing::DropReason::kNone:
      break;
  }
  base::CheckFailed(__FILE__, __LINE__, "a verdict has a reason");
}

bool IsOnPurpose(DropReason reason) {
  return reason == DropReason::kBlacklist || reason == DropReason::kNotInWhitelist ||
         reason == DropReason::kBlackhole;
}

}  // namespace plumbago::relay
