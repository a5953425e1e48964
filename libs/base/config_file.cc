#include "base/config_file.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace plumbago::base {
namespace {

// "%%" is a percent sign; ConfigParser's %(name)s is not supported, and a lone one an error there.
absl::StatusOr<std::string> Unescape(absl::string_view value, absl::string_view file_name,
                                     int line) {
  std::string result;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '%') {
      if (++i == value.size() || value[i] != '%') {
        return ConfigError("a lone '%'; write '%%' for a percent sign", file_name, line);
      }
    }
    result.push_back(value[i]);
  }
  return result;
}

class Parser {
 public:
  explicit Parser(absl::string_view file_name) : file_name_(file_name) {}

  absl::StatusOr<std::vector<ConfigSection>> Parse(absl::string_view text) {
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      ++line_;
      PLUMBAGO_RETURN_IF_ERROR(ParseLine(absl::StripTrailingAsciiWhitespace(line)));
    }
    for (ConfigSection& section : sections_) {
      for (ConfigEntry& entry : section.entries) {
        PLUMBAGO_ASSIGN_OR_RETURN(entry.value, Unescape(entry.value, file_name_, entry.line));
      }
    }
    return std::move(sections_);
  }

 private:
  absl::Status ParseLine(absl::string_view line) {
    const absl::string_view stripped = absl::StripLeadingAsciiWhitespace(line);
    if (stripped.empty() || stripped.front() == '#' || stripped.front() == ';') {
      return absl::OkStatus();
    }
    const bool is_indented = stripped.size() != line.size();
    if (is_indented && !sections_.empty() && !sections_.back().entries.empty()) {
      absl::StrAppend(&sections_.back().entries.back().value, "\n", stripped);
      return absl::OkStatus();
    }
    return stripped.front() == '[' ? ParseSection(stripped) : ParseEntry(stripped);
  }

  absl::Status ParseSection(absl::string_view line) {
    const size_t end = line.find(']');
    if (end == absl::string_view::npos || end == 1) {
      return Error(absl::StrCat("\"", Excerpt(line), "\" is no [section]"));
    }
    const absl::string_view name = line.substr(1, end - 1);
    for (const ConfigSection& section : sections_) {
      if (section.name == name) {
        return Error(
            absl::StrCat("section [", Excerpt(name), "] is there already, in line ", section.line));
      }
    }
    sections_.push_back({.name = std::string(name), .line = line_, .entries = {}});
    return absl::OkStatus();
  }

  absl::Status ParseEntry(absl::string_view line) {
    const size_t separator = line.find_first_of("=:");
    if (separator == absl::string_view::npos || separator == 0) {
      return Error(absl::StrCat("\"", Excerpt(line), "\" is no \"key = value\""));
    }
    if (sections_.empty()) return Error("a key before the first [section]");
    std::string key = absl::AsciiStrToLower(absl::StripAsciiWhitespace(line.substr(0, separator)));
    if (sections_.back().Find(key) != nullptr) {
      return Error(absl::StrCat("key '", Excerpt(key), "' is there already in [",
                                Excerpt(sections_.back().name), "]"));
    }
    const absl::string_view value = absl::StripAsciiWhitespace(line.substr(separator + 1));
    sections_.back().entries.push_back(
        {.key = std::move(key), .value = std::string(value), .line = line_});
    return absl::OkStatus();
  }

  absl::Status Error(absl::string_view problem) const {
    return ConfigError(problem, file_name_, line_);
  }

  const absl::string_view file_name_;
  int line_ = 0;
  std::vector<ConfigSection> sections_;
};

}  // namespace

const ConfigEntry* ConfigSection::Find(absl::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [key](const ConfigEntry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

absl::StatusOr<std::vector<ConfigSection>> ParseConfigFile(absl::string_view text,
                                                           absl::string_view file_name) {
  return Parser(file_name).Parse(text);
}

absl::Status ConfigError(absl::string_view problem, absl::string_view file_name, int line) {
  return absl::InvalidArgumentError(absl::StrCat(problem, " (", file_name, " line ", line, ")"));
}

}  // namespace plumbago::base
