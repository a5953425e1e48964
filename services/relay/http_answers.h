// What HTTP senders of points are told. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "http/message.h"
#include "protocols/refusal_report.h"

namespace plumbago::relay {

// What became of the points of a request.
struct IngestOutcome {
  uint64_t accepted_count = 0;
  uint64_t refused_count = 0;
  uint64_t limited_count = 0;  // of the refused ones, by a rate limit: they may come again
  std::vector<protocols::RefusalReport::Entry> first_refused;
  absl::Status structure;  // not OK: the body is malformed as a whole

  bool is_limited() const { return limited_count > 0 && accepted_count == 0; }
};

// {"message": ...} with the status of the code. Asks to try again later where that is of use.
http::Response ErrorAnswer(const absl::Status& status);

// {"accepted":n,"refused":m}, and the first refused ones. 200; 400 where nothing was accepted or
// the body is malformed; 429 where a limit refused all.
http::Response PointsAnswer(const http::Request& request, const IngestOutcome& outcome);
// The same with 202 for success, as Hosted Graphite answers.
http::Response SinkAnswer(const http::Request& request, const IngestOutcome& outcome);
// 204; 400 for what must not be sent again, 429 for what should be.
http::Response RemoteWriteAnswer(const http::Request& request, const IngestOutcome& outcome);
// 204, or with ?summary or ?details counts and errors; 400 where any point was refused.
http::Response OpentsdbAnswer(const http::Request& request, const IngestOutcome& outcome);

}  // namespace plumbago::relay
