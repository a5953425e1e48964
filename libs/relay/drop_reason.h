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

// Decoders' reasons come first and are theirs, one for one: of both, one table has the words.
constexpr uint8_t OfDecoders(protocols::RefusalReason reason) {
  return static_cast<uint8_t>(static_cast<uint8_t>(reason) - 1);  // without kNone
}

enum class DropReason : uint8_t {
  kFieldCount = OfDecoders(protocols::RefusalReason::kFieldCount),
  kBadValue = OfDecoders(protocols::RefusalReason::kBadValue),
  kBadTimestamp = OfDecoders(protocols::RefusalReason::kBadTimestamp),
  kTimeOutOfRange = OfDecoders(protocols::RefusalReason::kTimeOutOfRange),
  kLineTooLong = OfDecoders(protocols::RefusalReason::kLineTooLong),
  kNameTooLong = OfDecoders(protocols::RefusalReason::kNameTooLong),
  kNoName = OfDecoders(protocols::RefusalReason::kNoName),
  kBadShape = OfDecoders(protocols::RefusalReason::kBadShape),
  kMalformed = OfDecoders(protocols::RefusalReason::kMalformed),
  kTooDeep = OfDecoders(protocols::RefusalReason::kTooDeep),
  kTooLarge = OfDecoders(protocols::RefusalReason::kTooLarge),
  kPickleClass = OfDecoders(protocols::RefusalReason::kPickleClass),
  kInvalidTag = OfDecoders(protocols::RefusalReason::kInvalidTag),
  kLabelConflict = OfDecoders(protocols::RefusalReason::kLabelConflict),
  kStaleMarker = OfDecoders(protocols::RefusalReason::kStaleMarker),
  kNativeHistogram = OfDecoders(protocols::RefusalReason::kNativeHistogram),
  kUnknownType = OfDecoders(protocols::RefusalReason::kUnknownType),
  kBadSampleRate = OfDecoders(protocols::RefusalReason::kBadSampleRate),
  kTooManyKeys = OfDecoders(protocols::RefusalReason::kTooManyKeys),
  kTooManyTimerValues = OfDecoders(protocols::RefusalReason::kTooManyTimerValues),
  kTooManySetMembers = OfDecoders(protocols::RefusalReason::kTooManySetMembers),
  kUnknownCommand = OfDecoders(protocols::RefusalReason::kUnknownCommand),
  // Of names (metric/metric_name.h).
  kEmptyName = OfDecoders(protocols::RefusalReason::kReasonCount),
  kEmptyNode,
  kSlashInName,
  kControlByte,
  kInvalidUtf8,
  // Of the relay.
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
