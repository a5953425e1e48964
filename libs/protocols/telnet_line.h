// The lines of OpenTSDB's and KairosDB's telnet protocol.
//
// Source: http://opentsdb.net/docs/build/html/api_telnet/put.html. Thread-safe, pure.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "protocols/point_sink.h"

namespace plumbago::protocols {

// What an OpenTSDB or KairosDB telnet client wants to hear.
enum class TelnetRequest {
  kPut,      // a point was handed on
  kEmpty,    // a line of blanks
  kVersion,  // answer with a version line: collectors ask it to see whether the connection lives
  kExit,     // close the connection
  kRefused   // the sink has been told; OpenTSDB answers with a line that begins with "put:"
};

// One line without its newline: `put metric timestamp value [tag=value ...]`, or KairosDB's `putm`,
// whose timestamps are in milliseconds; those of `put` are in seconds or milliseconds
// (timestamp.h). Tags become Graphite tags (tagged_name.h). `position` goes into the point or
// refusal.
TelnetRequest DecodeTelnetLine(absl::string_view line, uint32_t now_seconds, uint64_t position,
                               PointSink& sink);

}  // namespace plumbago::protocols
