// Numbers and strings as Graphite's clients expect them in names, tags and answers.
//
// Pure functions; the Append* ones add to the end of `out` without temporary strings.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace plumbago::functions {

// Python's repr of a float: shortest digits that read back the same, "3.0", "1e+20", "1e-05",
// "inf", "-inf", "nan".
void AppendPythonFloat(double value, std::string& out);
std::string PythonFloat(double value);

void AppendInteger(int64_t value, std::string& out);

// A JSON string in quotes. Valid UTF-8 is kept, control characters are escaped and bytes that are
// not UTF-8 become U+FFFD.
void AppendJsonString(absl::string_view text, std::string& out);

// `text` with U+FFFD for each byte that is not part of valid UTF-8.
std::string ValidUtf8(absl::string_view text);

// Python's round(value, 6): the decimal with six places nearest to the exact value, ties to even.
double RoundToMicros(double value);

}  // namespace plumbago::functions
