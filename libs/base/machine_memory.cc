#include "base/machine_memory.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace plumbago::base {
namespace {

constexpr size_t kFileBytesMax = 64 << 10;

// The kernel does not tell the size of these files. Empty where there is none.
std::string Read(FileSystem& file_system, const std::string& path) {
  const auto file = file_system.OpenForRead(path);
  if (!file.ok()) return "";
  std::string text(kFileBytesMax, '\0');
  text.resize((*file)->ReadAt(0, text.data(), text.size()).value_or(0));
  return text;
}

// UINT64_MAX where the file is missing or says "max".
uint64_t ReadLimit(FileSystem& file_system, const std::string& path) {
  uint64_t bytes = 0;
  return absl::SimpleAtoi(absl::StripAsciiWhitespace(Read(file_system, path)), &bytes) ? bytes
                                                                                       : UINT64_MAX;
}

// The limits of a group and of all groups above it hold. Within a container the path may be that of
// the host, and only the top is there.
uint64_t GroupLimit(FileSystem& file_system, const std::string& top, absl::string_view group,
                    absl::string_view file) {
  uint64_t least = UINT64_MAX;
  for (;;) {
    absl::ConsumeSuffix(&group, "/");
    least = std::min(least, ReadLimit(file_system, absl::StrCat(top, group, "/", file)));
    if (group.empty()) return least;
    group = group.substr(0, group.rfind('/'));
  }
}

uint64_t TotalBytes(FileSystem& file_system, const std::string& root) {
  const std::string info = Read(file_system, root + "proc/meminfo");
  for (absl::string_view line : absl::StrSplit(info, '\n')) {
    uint64_t kib = 0;
    if (absl::ConsumePrefix(&line, "MemTotal:") && absl::ConsumeSuffix(&line, "kB") &&
        absl::SimpleAtoi(line, &kib)) {
      return kib << 10;
    }
  }
  return UINT64_MAX;
}

}  // namespace

uint64_t MemoryLimitBytes(FileSystem& file_system, const std::string& root) {
  uint64_t least = TotalBytes(file_system, root);
  const std::string groups = Read(file_system, root + "proc/self/cgroup");
  for (absl::string_view line : absl::StrSplit(groups, '\n')) {
    // hierarchy:controllers:path
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    if (parts[1].empty()) {
      least =
          std::min(least, GroupLimit(file_system, root + "sys/fs/cgroup", parts[2], "memory.max"));
    }
    const std::vector<absl::string_view> controllers = absl::StrSplit(parts[1], ',');
    if (std::find(controllers.begin(), controllers.end(), "memory") == controllers.end()) continue;
    least = std::min(least, GroupLimit(file_system, root + "sys/fs/cgroup/memory", parts[2],
                                       "memory.limit_in_bytes"));
  }
  return least == UINT64_MAX ? 0 : least;
}

}  // namespace plumbago::base
