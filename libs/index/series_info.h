// What the index keeps of a series beside its name, and sums of it.
#pragma once

#include <cstdint>
#include <string>

namespace plumbago::index {

struct SeriesInfo {
  uint64_t file_bytes = 0;                // 0: not known yet
  uint32_t last_update_unix_seconds = 0;  // of the file, when it was last looked at; 0: not known

  bool operator==(const SeriesInfo& other) const {
    return file_bytes == other.file_bytes &&
           last_update_unix_seconds == other.last_update_unix_seconds;
  }
};

struct SeriesEntry {
  std::string metric;
  SeriesInfo info;
};

// Of all series below a branch.
struct Usage {
  uint64_t series_count = 0;
  uint64_t file_bytes = 0;
  uint32_t last_update_unix_seconds = 0;  // the latest; 0: none is known

  bool operator==(const Usage& other) const {
    return series_count == other.series_count && file_bytes == other.file_bytes &&
           last_update_unix_seconds == other.last_update_unix_seconds;
  }
};

// One line of an answer about disk usage.
struct BranchUsage {
  std::string path;  // empty: the whole tenant
  Usage usage;
  bool is_leaf = false;  // a series with nothing below it
};

// A tag, or a value of one, and how many series have it.
struct TagCount {
  std::string text;
  uint64_t series_count = 0;

  bool operator==(const TagCount& other) const {
    return text == other.text && series_count == other.series_count;
  }
};

}  // namespace plumbago::index
