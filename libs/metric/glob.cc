#include "metric/glob.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "metric/internal/brace_expansion.h"

namespace plumbago::metric {
namespace {

// The character of UTF-8 at `position`, which moves behind it. Bytes that are no UTF-8 are given as
// a value above all characters, each by itself.
uint32_t NextCharacter(absl::string_view text, size_t& position) {
  constexpr uint32_t kStrayByte = 0x110000;
  const auto first = static_cast<uint8_t>(text[position++]);
  if (first < 0x80) return first;
  const size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  if (first < 0xc2 || first > 0xf4 || text.size() - position < more) return kStrayByte + first;
  uint32_t value = first & (0x3fu >> more);
  for (size_t i = 0; i < more; ++i) {
    const auto byte = static_cast<uint8_t>(text[position + i]);
    if ((byte & 0xc0) != 0x80) return kStrayByte + first;
    value = value << 6 | (byte & 0x3f);
  }
  position += more;
  return value;
}

// Where the set that opens at `open` closes; npos where it does not. A bracket that comes first in
// the set belongs to it.
size_t EndOfSet(absl::string_view text, size_t open) {
  size_t first = open + 1;
  if (first < text.size() && text[first] == '!') ++first;
  return first < text.size() ? text.find(']', first + 1) : absl::string_view::npos;
}

}  // namespace

absl::StatusOr<Glob> Glob::Compile(absl::string_view pattern) {
  if (pattern.size() > kPatternBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("pattern of ", pattern.size(), " bytes is longer than ", kPatternBytesMax));
  }
  std::string text(pattern);
  text.erase(std::remove(text.begin(), text.end(), '\\'), text.end());
  PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<std::string> alternatives,
                            internal::ExpandBraces(text));
  Glob glob;
  glob.is_globstar_ = text == "**";
  for (const std::string& alternative : alternatives) glob.AddAlternative(alternative);
  return glob;
}

void Glob::AddAlternative(absl::string_view alternative) {
  Tokens tokens;
  bool has_wildcard = false;
  for (size_t position = 0; position < alternative.size();) {
    const char byte = alternative[position];
    if (byte == '*') {
      ++position;
      const bool is_repeated = !tokens.empty() && tokens.back().kind == Kind::kAnyString;
      if (!is_repeated) tokens.push_back({Kind::kAnyString});
    } else if (byte == '?') {
      ++position;
      tokens.push_back({Kind::kAnyCharacter});
    } else if (byte == '[' && EndOfSet(alternative, position) != absl::string_view::npos) {
      tokens.push_back(ReadSet(alternative, position));
    } else {
      tokens.push_back({Kind::kCharacter, NextCharacter(alternative, position)});
      continue;
    }
    has_wildcard = true;
  }
  if (has_wildcard) {
    std::string prefix = PrefixOf(tokens);
    const bool takes_the_rest =
        tokens.size() == prefix.size() + 1 && tokens.back().kind == Kind::kAnyString;
    wildcards_.push_back({std::move(prefix), takes_the_rest, std::move(tokens)});
  } else {
    exact_names_.emplace_back(alternative);
  }
}

std::string Glob::PrefixOf(const Tokens& tokens) {
  std::string prefix;
  for (const Token& token : tokens) {
    if (token.kind != Kind::kCharacter || token.value >= 0x80) break;
    prefix.push_back(static_cast<char>(token.value));
  }
  return prefix;
}

Glob::Token Glob::ReadSet(absl::string_view alternative, size_t& position) {
  const size_t end = EndOfSet(alternative, position);
  Set set;
  ++position;
  if (alternative[position] == '!') {
    set.is_negated = true;
    ++position;
  }
  const absl::string_view members = alternative.substr(0, end);
  while (position < end) {
    const uint32_t first = NextCharacter(members, position);
    uint32_t last = first;
    if (position + 1 < end && members[position] == '-') {
      ++position;
      last = NextCharacter(members, position);
    }
    set.ranges.push_back({first, last});  // a range that runs backwards has no members
  }
  position = end + 1;
  sets_.push_back(std::move(set));
  return {Kind::kSet, static_cast<uint32_t>(sets_.size() - 1)};
}

bool Glob::Matches(absl::string_view node) const {
  if (!exact_names_.empty() && std::binary_search(exact_names_.begin(), exact_names_.end(), node)) {
    return true;
  }
  return std::any_of(wildcards_.begin(), wildcards_.end(), [&](const Wildcard& wildcard) {
    // Most names of a large branch end here.
    if (!absl::StartsWith(node, wildcard.prefix)) return false;
    return wildcard.takes_the_rest || MatchesTokens(wildcard.tokens, node);
  });
}

bool Glob::MatchesCharacter(const Token& token, uint32_t character) const {
  switch (token.kind) {
    case Kind::kCharacter:
      return token.value == character;
    case Kind::kAnyCharacter:
      return true;
    case Kind::kAnyString:
      return false;
    case Kind::kSet:
      break;
  }
  const Set& set = sets_[token.value];
  const bool is_member = std::any_of(set.ranges.begin(), set.ranges.end(), [&](const Range& range) {
    return range.first <= character && character <= range.last;
  });
  return is_member != set.is_negated;
}

// Only the last `*` is ever tried again: what an earlier one took can stay, as the later one can
// take over whatever follows. This is what keeps the time from exploding.
bool Glob::MatchesTokens(const Tokens& wildcard, absl::string_view node) const {
  constexpr size_t kNone = SIZE_MAX;
  size_t token = 0;
  size_t position = 0;
  size_t star = kNone;       // token of the last `*`
  size_t star_position = 0;  // where what it takes ends
  while (position < node.size()) {
    if (token < wildcard.size() && wildcard[token].kind == Kind::kAnyString) {
      star = token++;
      star_position = position;
      if (token == wildcard.size()) return true;
      continue;
    }
    size_t next = position;
    const uint32_t character = NextCharacter(node, next);
    if (token < wildcard.size() && MatchesCharacter(wildcard[token], character)) {
      ++token;
      position = next;
      continue;
    }
    if (star == kNone) return false;
    NextCharacter(node, star_position);
    position = star_position;
    token = star + 1;
  }
  while (token < wildcard.size() && wildcard[token].kind == Kind::kAnyString) ++token;
  return token == wildcard.size();
}

bool HasWildcards(absl::string_view pattern) {
  return pattern.find_first_of("*?[{") != absl::string_view::npos;
}

absl::StatusOr<std::vector<Glob>> CompilePath(absl::string_view pattern) {
  if (pattern.size() > kPatternBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("pattern of ", pattern.size(), " bytes is longer than ", kPatternBytesMax));
  }
  std::vector<Glob> globs;
  for (const absl::string_view node : absl::StrSplit(pattern, '.')) {
    if (node.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("pattern \"", base::Excerpt(pattern), "\" has an empty node at node ",
                       globs.size() + 1, "; use * where any name may stand"));
    }
    PLUMBAGO_ASSIGN_OR_RETURN(Glob glob, Glob::Compile(node));
    globs.push_back(std::move(glob));
  }
  return globs;
}

bool MatchesPath(absl::Span<const Glob> globs, absl::string_view name) {
  // As MatchesTokens: only the last `**` is ever tried again.
  constexpr size_t kNone = SIZE_MAX;
  const std::vector<absl::string_view> nodes = absl::StrSplit(name, '.');
  size_t glob = 0;
  size_t node = 0;
  size_t globstar = kNone;
  size_t globstar_end = 0;  // behind the nodes that it takes
  while (node < nodes.size()) {
    if (glob < globs.size() && globs[glob].is_globstar()) {
      globstar = glob++;
      globstar_end = node;
    } else if (glob < globs.size() && globs[glob].Matches(nodes[node])) {
      ++glob;
      ++node;
    } else if (globstar != kNone) {
      node = ++globstar_end;
      glob = globstar + 1;
    } else {
      return false;
    }
  }
  while (glob < globs.size() && globs[glob].is_globstar()) ++glob;
  return glob == globs.size();
}

}  // namespace plumbago::metric
