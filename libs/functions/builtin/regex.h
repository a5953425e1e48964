// Regular expressions of users: RE2, so that no pattern can take more than linear time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace re2 {
class RE2;
}

namespace plumbago::functions {

// InvalidArgument: not RE2's syntax (no look-around, no back-references), or over 4096 bytes.
absl::StatusOr<std::shared_ptr<const re2::RE2>> CompileRegex(absl::string_view pattern);

// Whether the pattern occurs anywhere in `text`.
bool Occurs(const re2::RE2& regex, absl::string_view text);

// Python's re.sub: every match replaced, with \1 .. \99, \g<1> and \g<name> in the replacement.
class Replacer {
 public:
  // InvalidArgument: a wrong pattern, or a replacement that names a group the pattern does not
  // have.
  static absl::StatusOr<Replacer> Make(absl::string_view pattern, absl::string_view replacement);

  // InvalidArgument where the result has more than 64 KiB: replacements inside each other double.
  absl::StatusOr<std::string> Replace(const std::string& text) const;

 private:
  struct Piece {
    std::string literal;
    int group = -1;  // appended after the literal; -1: none
  };

  Replacer() = default;
  absl::Status ParseReplacement(absl::string_view replacement);
  absl::StatusOr<int> GroupReference(absl::string_view name) const;

  std::shared_ptr<const re2::RE2> regex_;  // shared by copies
  std::vector<Piece> pieces_;
  int group_max_ = 0;
  bool matches_whole_ = false;  // "(^.*$)": no engine needed
};

}  // namespace plumbago::functions
