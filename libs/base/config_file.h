// The syntax of carbon's .conf files, that is of Python's ConfigParser: [sections], "key = value"
// or "key: value", comment lines of # or ;, indented continuation lines, "%%" for a percent sign.
//
// Pure. Stricter than carbon, which skips what it does not understand: errors are InvalidArgument
// and name file and line.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::base {

struct ConfigEntry {
  std::string key;  // lower case
  std::string value;
  int line = 0;  // from 1
};

struct ConfigSection {
  std::string name;
  int line = 0;
  std::vector<ConfigEntry> entries;  // keys are distinct

  // nullptr where the key is absent. `key` in lower case.
  const ConfigEntry* Find(absl::string_view key) const;
};

// Sections in the order of the file, names distinct. `file_name` is for messages.
absl::StatusOr<std::vector<ConfigSection>> ParseConfigFile(absl::string_view text,
                                                           absl::string_view file_name);

// InvalidArgument "problem (file line n)".
absl::Status ConfigError(absl::string_view problem, absl::string_view file_name, int line);

}  // namespace plumbago::base
