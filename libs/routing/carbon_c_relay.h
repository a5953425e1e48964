// The configuration language of carbon-c-relay (version 3.7): clusters, match, rewrite, aggregate,
// statistics, listen and include, as one RouteTable.
//
// Patterns are POSIX extended ones on RE2 (the longest match, bytes), searched in the name without
// its tags. What is not supported is InvalidArgument with file and line, never skipped: the cluster
// host options `type syslog` and `transport lz4`, and `rewrite *`. One cluster is not of its own:
// "shards" is ours.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/file_system.h"
#include "routing/route_table.h"

namespace plumbago::routing {

struct CRelayListener {
  enum class Kind { kTcp, kUdp, kUnix };
  Kind kind = Kind::kTcp;
  std::string address;  // "10.0.0.1:2003", ":2003" for every address, or a path
  Compression compression = Compression::kNone;
  Encryption encryption = Encryption::kNone;
  std::string certificate_file;  // with kTls
  std::string source;            // file and line
};

struct CRelayStatistics {
  absl::Duration interval = absl::Seconds(60);
  std::string prefix;  // as written; \1 is the host name; empty: the default
  enum class Counters { kCumulative, kResetAfterInterval };
  Counters counters = Counters::kCumulative;
  std::vector<uint32_t> groups;  // empty: through the rules
};

struct CRelayConfig {
  std::shared_ptr<const RouteTable> table;
  std::vector<CRelayListener> listeners;
  CRelayStatistics statistics;
};

struct CRelayOptions {
  // The addresses of a host name, in order, for `useall`. Without it `useall` is refused for hosts
  // that are no addresses. May block.
  std::function<absl::StatusOr<std::vector<std::string>>(const std::string& host)> resolve;
};

// Reads the file and what it includes: at most 8 files deep, 1000 in all, 16 MiB each. Relative
// paths are relative to the working directory, as there. InvalidArgument, or an error of the file
// system.
absl::StatusOr<CRelayConfig> ReadCarbonCRelayConfig(base::FileSystem& file_system,
                                                    const std::string& path,
                                                    const CRelayOptions& options);

// The same for a text that includes nothing. `file_name` is for messages.
absl::StatusOr<CRelayConfig> ParseCarbonCRelayConfig(absl::string_view text,
                                                     absl::string_view file_name,
                                                     const CRelayOptions& options);

}  // namespace plumbago::routing
