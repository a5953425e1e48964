#include "relay/drop_reason.h"

#include <array>
#include <iterator>

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
  static constexpr size_t kOwnBegin = OfDecoders(RefusalReason::kReasonCount);
  static constexpr const char* kOwnWords[] = {
      "empty_name",
      "empty_node",
      "slash_in_name",
      "control_byte",
      "invalid_utf8",
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
  };
  static_assert(std::size(kOwnWords) == kDropReasonCount - kOwnBegin);
  const auto index = static_cast<size_t>(reason);
  if (index >= kOwnBegin) return kOwnWords[index - kOwnBegin];
  return protocols::RefusalReasonWord(static_cast<RefusalReason>(index + 1));
}

DropReason ReasonOf(metric::LineFault fault) { return ReasonOf(protocols::ReasonOf(fault)); }

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
  PLUMBAGO_CHECK(reason != RefusalReason::kNone);
  return static_cast<DropReason>(OfDecoders(reason));
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
