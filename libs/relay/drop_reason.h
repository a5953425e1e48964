// Why a point was not taken. The words are label values of metrics and parts of answers: never
// change one. docs/errors.md explains each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "metric/line_parser.h"
#include "metric/metric_name.h"
#include "protocols/point_sink.h"
#include "routing/route_table.h"

namespace plumbago::relay {

enum class DropReason : uint8_t {
  kFieldCount,
  kBadValue,
  kBadTimestamp,
  kTimeOutOfRange,
  kLineTooLong,
  kEmptyName,
  kNameTooLong,
  kEmptyNode,
  kSlashInName,
  kControlByte,
  kInvalidUtf8,
  kInvalidTag,
  kTenantRefused,       // suspended, deleting or unknown
  kNoActiveShard,       // every shard of the slot is excluded
  kSpoolFull,           // the shard is down, memory and spool are full, and the sender cannot wait
  kSpoolDamaged,        // its name was in a damaged part of a spool
  kUnknownKey,          // the name begins with a key that is not valid for writing
  kPointsRateLimit,     // the tenant's points per second
  kNewSeriesRateLimit,  // the tenant's new series per second
  // Of the rules (routing/route_table.h).
  kBlacklist,
  kNotInWhitelist,
  kBlackhole,  // a rule sends it nowhere, on purpose
  kNoRoute,    // no rule sends or aggregates it
  kRewrittenNameTooLong,
  kInvalidData,         // a check of value and timestamp was not passed
  kBlankInName,         // the protocol of the destination has no way to write the name
  kDestinationFull,     // a foreign destination: neither memory nor spool have room
  kDestinationRemoved,  // it left the rules, and had no spool
  kAggregateLate,       // its bucket is gone
  kAggregateTooEarly,   // further in the future than buckets are kept
  kAggregateNoMemory,
  // Of decoders only (protocols/point_sink.h).
  kNoName,
  kBadShape,
  kMalformed,
  kTooDeep,
  kTooLarge,
  kPickleClass,
  kLabelConflict,
  kStaleMarker,
  kNativeHistogram,
  kUnknownType,
  kBadSampleRate,
  kTooManyKeys,
  kTooManyTimerValues,
  kTooManySetMembers,
  kUnknownCommand,
  kReasonCount
};
inline constexpr size_t kDropReasonCount = static_cast<size_t>(DropReason::kReasonCount);

const char* DropReasonWord(DropReason reason);
DropReason ReasonOf(metric::LineFault fault);          // not kNone
DropReason ReasonOf(metric::NameFault fault);          // not kNone
DropReason ReasonOf(protocols::RefusalReason reason);  // not kNone
DropReason ReasonOf(routing::DropReason reason);       // not kNone

// Whether the operator wants such points to be dropped: not a fault of who sends them.
bool IsOnPurpose(DropReason reason);

}  // namespace plumbago::relay
