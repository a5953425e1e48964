// Names built from what a pattern has matched: the replacements of rewrite rules and the output
// names of aggregation rules, in the three notations that carbon and carbon-c-relay have.
//
// Immutable and thread-safe.
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace plumbago::routing {

// A longer name than this is never built.
inline constexpr size_t kBuiltNameBytesMax = 4096;

class NameTemplate {
 public:
  static NameTemplate Literal(absl::string_view text);

  // Replacement of Python's re.sub: \1, \g<1>, \g<name>. InvalidArgument for a group that `regex`
  // does not have and for an escape that Python refuses.
  static absl::StatusOr<NameTemplate> ParsePython(absl::string_view text, const re2::RE2& regex);

  // Output of aggregation-rules.conf: <field> is a named group of `regex`. InvalidArgument for one
  // that it does not have, and for '%' and '<<', which break the line in carbon.
  static absl::StatusOr<NameTemplate> ParseFields(absl::string_view text, const re2::RE2& regex);

  // carbon-c-relay: \1, \g{1}; \_1 in lower and \^1 in upper case; \.1 with dots as underscores;
  // \_.1 and \^.1 both. As there, a group that does not exist is nothing, and a backslash before
  // anything else is dropped.
  static NameTemplate ParseCarbonCRelay(absl::string_view text, int group_count);

  // Appends the name. `groups` are those of the match, [0] all of it.
  void Append(absl::Span<const re2::StringPiece> groups, std::string* out) const;

  bool is_literal() const;

 private:
  enum class Case { kAsIs, kLower, kUpper };
  enum class Dots { kKeep, kToUnderscores };
  struct Part {
    std::string text = {};  // where group < 0
    int group = -1;
    Case letter_case = Case::kAsIs;
    Dots dots = Dots::kKeep;
  };
  class CarbonCRelayParser;

  void AddText(absl::string_view text);
  void AddGroup(int group) { parts_.push_back({.group = group}); }
  static absl::StatusOr<int> GroupOf(absl::string_view name, const re2::RE2& regex);

  std::vector<Part> parts_;
};

// Most groups of a match that are kept.
inline constexpr int kGroupsMax = 64;

// Replaces every match in `name`, as Python's re.sub does. Whether there was one.
bool ReplaceAll(const re2::RE2& regex, const NameTemplate& replacement, std::string* name);

// Replaces the first match in `name`, as carbon-c-relay does. Whether there was one.
bool ReplaceFirst(const re2::RE2& regex, const NameTemplate& replacement, std::string* name);

}  // namespace plumbago::routing
