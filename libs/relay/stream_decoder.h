// What a connection feeds its bytes to: cuts and decodes them by its protocol, into a router.
//
// Memory of one: an unfinished line (metric::kLineBytesMax) or frame (1 MiB, carbon's protobuf 64
// MiB), and a decompressor's (protocols/decompressor.h). For one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "protocols/decompressor.h"
#include "protocols/statsd_aggregator.h"
#include "relay/point_router.h"

namespace plumbago::relay {

class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;

  // The router has been told the source. Not OK: the stream cannot be read any further and the
  // connection has to be closed. Cancelled: because the client asked for it.
  virtual absl::Status Feed(absl::string_view piece) = 0;
};

struct DecoderContext {
  PointRouter& router;  // these outlive the decoder
  base::Clock& clock;
  protocols::StatsdAggregator* statsd = nullptr;  // for kStatsd only
  // Answers the client, for kOpentsdb. May lose what the client does not read.
  std::function<void(absl::string_view)> reply;
};

std::unique_ptr<StreamDecoder> MakeStreamDecoder(Protocol protocol,
                                                 std::optional<protocols::Compression> compression,
                                                 DecoderContext context);

// Gives a line or a datagram to the aggregator, whose points are of one tenant: lines that begin
// with a key are refused as unknown_key, so that no key becomes a part of a name.
enum class StatsdInput { kLine, kDatagram };
void FeedStatsd(absl::string_view input, StatsdInput kind, protocols::StatsdAggregator& statsd,
                PointRouter& router);

}  // namespace plumbago::relay
