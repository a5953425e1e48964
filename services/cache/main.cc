// plumbago-cache: holds the newest points of a shard, answers for them, and flushes them to the
// shard's store.

#include "cache_flags.h"
#include "run_cache.h"
#include "service/runtime.h"

int main(int argc, char** argv) {
  plumbago::service::CommandLine line(
      "plumbago-cache", "Holds the newest points of a shard and flushes them to its store.");
  plumbago::cache::CacheFlags flags;
  plumbago::cache::AddFlags(line, flags);
  if (const auto code = line.Parse(argc, argv)) return *code;
  return plumbago::service::Run(line.name(), flags.common, [&](auto& runtime) {
    return plumbago::cache::RunCache(flags, runtime);
  });
}
