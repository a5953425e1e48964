// Why a point was not taken. The words are label values of metrics and parts of answers: never
// change one. docs/errors.md explains each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "metric/line_parser.h"
#include "metric/metric_name.h"
#include "protocols/point_sink.h"

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

}  // namespace plumbago::relay
