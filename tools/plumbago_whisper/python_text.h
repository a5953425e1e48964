// Numbers, strings and times as Python prints them, so that scripts which read the output of
// whisper's own tools can read ours. Pure functions, apart from the time zone of the process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace plumbago::whisper_tool {

// repr(): the shortest digits that give the number back; "1.0", "1e-05", "1e+16", "nan", "-inf".
std::string PythonFloat(double value);
// "%f".
std::string PythonFixed(double value);
// repr(), and "None".
std::string PythonFloat(const std::optional<double>& value);

// As json.dumps does: NaN, Infinity and null are possible.
std::string JsonFloat(const std::optional<double>& value);
std::string JsonString(absl::string_view text);

// time.ctime() of the local time, or time.strftime(format) where there is a format.
std::string PythonTime(int64_t unix_seconds, const std::string& format);

}  // namespace plumbago::whisper_tool
