// The flags of plumbago-cache.
#pragma once

#include "cache/flusher.h"
#include "cache/point_cache.h"
#include "cache/point_journal.h"
#include "carbonlink_server.h"
#include "service/command_line.h"
#include "service/runtime.h"

namespace plumbago::cache {

struct CacheFlags {
  service::CommonOptions common{.grpc_listen = "127.0.0.1:7600",
                                .admin_listen = "127.0.0.1:7601",
                                .data_dir = "/var/lib/plumbago/cache"};
  std::string controller = "127.0.0.1:7400";
  std::string store = "127.0.0.1:7800";
  CacheOptions cache;           // without memory_bytes_max and flush_strategy
  size_t memory_max_bytes = 0;  // 0: half of what the process may have
  std::string flush_strategy = "oldest-first";
  JournalOptions journal;  // without the directory
  std::string journal_sync = "interval:1s";
  bool is_salvage = false;
  FlusherOptions flusher;
  CarbonlinkOptions carbonlink;
};

void AddFlags(service::CommandLine& line, CacheFlags& flags);

// "batch", "interval:<duration>" or "never" into `options`. InvalidArgument for anything else.
absl::Status ParseJournalSync(absl::string_view text, journal::WriterOptions* options);

// What --memory-max and --flush-strategy say into flags.cache. InvalidArgument for a strategy that
// there is not.
absl::Status CompleteCacheOptions(base::FileSystem& file_system, CacheFlags& flags);

}  // namespace plumbago::cache
