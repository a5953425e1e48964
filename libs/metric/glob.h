// Graphite's glob patterns, as the standard finder of graphite-web matches them: `*`, `?`, `[abc]`,
// `[a-z]`, `[!x]` and `{a,b}` (nested, empty alternatives allowed) within one node; never across a
// dot; case-sensitive. As there: an opening bracket or brace without its closing one is an ordinary
// character, and backslashes are removed. Characters are those of UTF-8; a byte that is none is a
// character by itself.
//
// Compiled globs are immutable and thread-safe. Matching takes time proportional to name times
// pattern at most; expansion of braces is bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace plumbago::metric {

inline constexpr size_t kPatternBytesMax = 16 << 10;
inline constexpr size_t kGlobAlternativesMax = 10'000;  // after expansion of braces, per node
inline constexpr size_t kGlobExpandedBytesMax = 1 << 20;
inline constexpr size_t kGlobNestingMax = 32;  // braces in braces

// The pattern of one node.
class Glob {
 public:
  // InvalidArgument where a limit above is passed. A dot is an ordinary character here.
  static absl::StatusOr<Glob> Compile(absl::string_view pattern);

  bool Matches(absl::string_view node) const;

  // True where the pattern is `**`: any number of nodes, none included. Matches() is then true for
  // every node; whoever walks a tree decides how many it takes.
  bool is_globstar() const { return is_globstar_; }

  // True where exact_names() are all names that match: look them up instead of scanning.
  bool is_exact() const { return !is_globstar_ && wildcards_.empty(); }
  // Alternatives without wildcards, ordered, distinct.
  const std::vector<std::string>& exact_names() const { return exact_names_; }

 private:
  enum class Kind : uint8_t { kCharacter, kAnyCharacter, kAnyString, kSet };
  struct Token {
    Kind kind;
    uint32_t value = 0;  // the character, or the set's index in sets_
  };
  struct Range {
    uint32_t first;
    uint32_t last;
  };
  struct Set {
    bool is_negated = false;
    std::vector<Range> ranges;
  };
  using Tokens = std::vector<Token>;
  struct Wildcard {
    std::string prefix;   // ASCII that names begin with; its tokens are there too
    bool takes_the_rest;  // behind the prefix there is only a `*`
    Tokens tokens;
  };

  static std::string PrefixOf(const Tokens& tokens);
  void AddAlternative(absl::string_view alternative);
  Token ReadSet(absl::string_view alternative, size_t& position);
  bool MatchesCharacter(const Token& token, uint32_t character) const;
  bool MatchesTokens(const Tokens& tokens, absl::string_view node) const;

  bool is_globstar_ = false;
  std::vector<std::string> exact_names_;
  std::vector<Wildcard> wildcards_;
  std::vector<Set> sets_;
};

// True where `pattern` has a character that is special to a glob.
bool HasWildcards(absl::string_view pattern);

// The globs of the nodes of a dotted pattern. InvalidArgument, quoting the pattern, where it is
// empty, longer than kPatternBytesMax, has an empty node, or a node passes a limit.
absl::StatusOr<std::vector<Glob>> CompilePath(absl::string_view pattern);

// Whether the nodes of a dotted name match `globs`, one by one, `**` any number of them. Takes time
// proportional to the number of nodes times that of globs at most.
bool MatchesPath(absl::Span<const Glob> globs, absl::string_view name);

}  // namespace plumbago::metric
