// Many regular expressions against one name, most of which do not match: an Aho-Corasick automaton
// finds which of their required literals the name has, and only the expressions that have all they
// need are then tried.
//
// The expressions are RE2's: linear time whatever the name, no look-around, no back-references. A
// construct that RE2 lacks, or reads otherwise than the program a configuration was written for, is
// InvalidArgument with the reason. Not thread-safe while patterns are added; immutable and
// thread-safe after Compile.
#pragma once

#include <re2/filtered_re2.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::routing {

enum class Dialect {
  kPython,            // carbon's files
  kPythonIgnoreCase,  // relay-rules.conf
  kPosix,             // carbon-c-relay: POSIX extended, bytes, the longest match
};

inline constexpr size_t kPatternBytesMax = 8192;

class PatternSet {
 public:
  PatternSet();

  // Returns the id: 0, 1, 2, ...
  absl::StatusOr<uint32_t> Add(absl::string_view pattern, Dialect dialect);

  // After the last Add.
  void Compile();

  // Replaces `ids` by those that may match `text`, ascending. All others do not.
  void Candidates(absl::string_view text, std::vector<uint32_t>* ids) const;

  // Searches anywhere in `text`.
  bool Matches(uint32_t id, absl::string_view text) const;

  const re2::RE2& regex(uint32_t id) const { return filter_.GetRE2(static_cast<int>(id)); }
  size_t size() const { return size_; }
  // Of those that have no literal to look for, and are tried on every name.
  size_t unfiltered_count() const { return unfiltered_.size(); }

 private:
  // Literals shorter than this are in most names: looking for them costs more than it saves.
  static constexpr int kLiteralBytesMin = 3;

  void BuildAutomaton(const std::vector<std::string>& literals);
  void AddLiteral(absl::string_view literal, int id);
  void LinkFailures();
  uint32_t& Next(uint32_t state, uint8_t symbol) { return next_[state * symbol_count_ + symbol]; }
  uint32_t Next(uint32_t state, uint8_t symbol) const {
    return next_[state * symbol_count_ + symbol];
  }

  re2::FilteredRE2 filter_;
  size_t size_ = 0;
  std::vector<uint32_t> unfiltered_;

  // Aho and Corasick, 1975: complete transitions over the bytes that occur in literals, in lower
  // case; symbol 0 is every other byte and leads to the root.
  std::array<uint8_t, 256> symbol_of_byte_{};
  uint32_t symbol_count_ = 1;
  std::vector<uint32_t> next_;
  struct State {
    int literal = -1;       // that ends here
    uint32_t next_hit = 0;  // the next state on the failure path where one ends; 0: none
  };
  std::vector<State> states_;
  std::vector<int> non_ascii_literals_;  // taken as found in every name
};

// `pattern` of `dialect` as RE2 takes it.
absl::StatusOr<std::string> TranslatePattern(absl::string_view pattern, Dialect dialect);

}  // namespace plumbago::routing
