#include "routing/pattern_set.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status.h"

namespace plumbago::routing {
namespace {

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isascii(static_cast<unsigned char>(c)); });
}

re2::RE2::Options OptionsOf(Dialect dialect) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(dialect != Dialect::kPythonIgnoreCase);
  options.set_longest_match(dialect == Dialect::kPosix);
  if (dialect == Dialect::kPosix) options.set_encoding(re2::RE2::Options::EncodingLatin1);
  return options;
}

// What RE2 takes, but not for what the dialect means by it.
absl::Status CheckEscape(char escaped, bool is_in_brackets, Dialect dialect) {
  if (dialect != Dialect::kPosix) return absl::OkStatus();
  if (is_in_brackets && escaped == ']') {
    return absl::InvalidArgumentError(
        "'\\]' does not escape in a bracket expression of POSIX; put the ']' first: []...]");
  }
  if (!is_in_brackets && absl::StrContains("<>`'", absl::string_view(&escaped, 1))) {
    return absl::InvalidArgumentError(
        absl::StrCat("'\\", absl::string_view(&escaped, 1),
                     "' of GNU is not supported; write \\b for the edge of a word, ^ and $ for the "
                     "ends"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> TranslatePattern(absl::string_view pattern, Dialect dialect) {
  std::string result;
  bool is_in_brackets = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      PLUMBAGO_RETURN_IF_ERROR(CheckEscape(pattern[i + 1], is_in_brackets, dialect));
      absl::StrAppend(&result, pattern.substr(i++, 2));
      continue;
    }
    if (is_in_brackets) {
      if (dialect != Dialect::kPosix && absl::StartsWith(pattern.substr(i), "[:")) {
        return absl::InvalidArgumentError(
            "Python has no [[:class:]]; it would be a set of its letters. Write \\w, \\d or a-z");
      }
      const size_t class_end = pattern.find(":]", i);
      if (absl::StartsWith(pattern.substr(i), "[:") && class_end != absl::string_view::npos) {
        absl::StrAppend(&result, pattern.substr(i, class_end + 2 - i));
        i = class_end + 1;
        continue;
      }
      is_in_brackets = c != ']';
    } else if (c == '[') {
      is_in_brackets = true;
      result.push_back(c);
      // A ']' that comes first is one of the set.
      if (i + 1 < pattern.size() && pattern[i + 1] == '^') result.push_back(pattern[++i]);
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') result.push_back(pattern[++i]);
      continue;
    } else if (absl::StartsWith(pattern.substr(i), "{,")) {
      result.append("{0");  // {,n} is {0,n} there and four characters to RE2
      continue;
    }
    result.push_back(c);
  }
  return result;
}

PatternSet::PatternSet() : filter_(kLiteralBytesMin) {}

absl::StatusOr<uint32_t> PatternSet::Add(absl::string_view pattern, Dialect dialect) {
  if (pattern.size() > kPatternBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the pattern has ", pattern.size(), " bytes; at most ", kPatternBytesMax));
  }
  const auto explain = [pattern](absl::string_view problem) {
    return absl::InvalidArgumentError(
        absl::StrCat("pattern \"", base::Excerpt(pattern), "\": ", problem));
  };
  const auto translated = TranslatePattern(pattern, dialect);
  if (!translated.ok()) return explain(translated.status().message());
  // FilteredRE2 tells only that it did not compile.
  const re2::RE2 regex(*translated, OptionsOf(dialect));
  if (!regex.ok()) {
    return explain(absl::StrCat(regex.error(),
                                "; patterns are RE2's, which has no look-around and no "
                                "back-references"));
  }
  if (regex.NamedCapturingGroups().size() < regex.CapturingGroupNames().size()) {
    return explain("two groups have one name");
  }
  int id = 0;
  PLUMBAGO_CHECK(filter_.Add(*translated, OptionsOf(dialect), &id) == re2::RE2::NoError);
  PLUMBAGO_CHECK(static_cast<size_t>(id) == size_);
  ++size_;
  return static_cast<uint32_t>(id);
}

void PatternSet::Compile() {
  std::vector<std::string> literals;
  if (size_ > 0) {
    filter_.Compile(&literals);
    std::vector<int> always;
    filter_.AllPotentials({}, &always);
    unfiltered_.assign(always.begin(), always.end());
    std::sort(unfiltered_.begin(), unfiltered_.end());
  }
  BuildAutomaton(literals);
}

void PatternSet::Candidates(absl::string_view text, std::vector<uint32_t>* ids) const {
  // Literals are compared in ASCII's lower case; other letters have other foldings (the Kelvin sign
  // is a k): a name with them is tried against everything.
  if (!IsAscii(text)) {
    ids->resize(size_);
    std::iota(ids->begin(), ids->end(), 0U);
    return;
  }
  std::vector<int> found;
  uint32_t state = 0;
  for (const char c : text) {
    state = Next(state, symbol_of_byte_[static_cast<unsigned char>(c)]);
    for (uint32_t hit = state; hit != 0; hit = states_[hit].next_hit) {
      if (states_[hit].literal >= 0) found.push_back(states_[hit].literal);
    }
  }
  if (found.empty() && non_ascii_literals_.empty()) {
    *ids = unfiltered_;
    return;
  }
  found.insert(found.end(), non_ascii_literals_.begin(), non_ascii_literals_.end());
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  std::vector<int> potential;
  filter_.AllPotentials(found, &potential);
  ids->assign(potential.begin(), potential.end());
  std::sort(ids->begin(), ids->end());
}

bool PatternSet::Matches(uint32_t id, absl::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex(id));
}

void PatternSet::BuildAutomaton(const std::vector<std::string>& literals) {
  for (const std::string& literal : literals) {
    if (!IsAscii(literal)) continue;
    for (const char c : literal) {
      uint8_t& symbol = symbol_of_byte_[static_cast<unsigned char>(absl::ascii_tolower(c))];
      if (symbol == 0) symbol = static_cast<uint8_t>(symbol_count_++);
    }
  }
  for (char c = 'A'; c <= 'Z'; ++c) {
    symbol_of_byte_[static_cast<unsigned char>(c)] =
        symbol_of_byte_[static_cast<unsigned char>(absl::ascii_tolower(c))];
  }
  states_.emplace_back();
  next_.resize(symbol_count_, 0);
  for (size_t i = 0; i < literals.size(); ++i) AddLiteral(literals[i], static_cast<int>(i));
  LinkFailures();
}

void PatternSet::AddLiteral(absl::string_view literal, int id) {
  if (!IsAscii(literal)) {
    non_ascii_literals_.push_back(id);
    return;
  }
  uint32_t state = 0;
  for (const char c : literal) {
    const uint8_t symbol = symbol_of_byte_[static_cast<unsigned char>(absl::ascii_tolower(c))];
    if (Next(state, symbol) == 0) {
      Next(state, symbol) = static_cast<uint32_t>(states_.size());
      states_.emplace_back();
      next_.resize(next_.size() + symbol_count_, 0);
    }
    state = Next(state, symbol);
  }
  states_[state].literal = id;
}

// Breadth first: the failure of a state is shorter, so it is complete when it is needed.
void PatternSet::LinkFailures() {
  std::vector<uint32_t> failure(states_.size(), 0);
  std::vector<uint32_t> order = {0};
  for (size_t i = 0; i < order.size(); ++i) {
    const uint32_t state = order[i];
    for (uint32_t symbol = 1; symbol < symbol_count_; ++symbol) {
      uint32_t& next = Next(state, static_cast<uint8_t>(symbol));
      const uint32_t fallback = state == 0 ? 0 : Next(failure[state], static_cast<uint8_t>(symbol));
      if (next == 0) {
        next = fallback;
        continue;
      }
      failure[next] = fallback;
      states_[next].next_hit =
          states_[fallback].literal >= 0 ? fallback : states_[fallback].next_hit;
      order.push_back(next);
    }
  }
}

}  // namespace plumbago::routing
