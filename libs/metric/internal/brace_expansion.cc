#include "metric/internal/brace_expansion.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "metric/glob.h"

namespace plumbago::metric::internal {
namespace {

constexpr size_t kNoPartner = SIZE_MAX;

class Expander {
 public:
  explicit Expander(absl::string_view pattern)
      : pattern_(pattern), partner_(pattern.size(), kNoPartner) {
    std::vector<size_t> open;
    for (size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == '{') open.push_back(i);
      if (pattern[i] != '}' || open.empty()) continue;
      partner_[open.back()] = i;
      open.pop_back();
    }
  }

  absl::StatusOr<std::vector<std::string>> Run() {
    std::vector<std::string> result;
    PLUMBAGO_RETURN_IF_ERROR(Sequence(0, pattern_.size(), 0, result));
    std::sort(result.begin(), result.end());
    result.erase(std::unique(result.begin(), result.end()), result.end());
    return result;
  }

 private:
  // Appends the alternatives of pattern_[begin, end) to `out`.
  absl::Status Sequence(size_t begin, size_t end, size_t depth, std::vector<std::string>& out) {
    std::vector<std::string> prefixes(1);
    size_t position = begin;
    while (position < end) {
      if (partner_[position] == kNoPartner) {
        const size_t literal_end = EndOfLiteral(position, end);
        PLUMBAGO_RETURN_IF_ERROR(
            Append({std::string(pattern_.substr(position, literal_end - position))}, prefixes));
        position = literal_end;
        continue;
      }
      std::vector<std::string> choices;
      PLUMBAGO_RETURN_IF_ERROR(Choices(position + 1, partner_[position], depth + 1, choices));
      PLUMBAGO_RETURN_IF_ERROR(Append(choices, prefixes));
      position = partner_[position] + 1;
    }
    std::move(prefixes.begin(), prefixes.end(), std::back_inserter(out));
    return CheckLimits(out.size(), 0);
  }

  size_t EndOfLiteral(size_t position, size_t end) const {
    while (position < end && partner_[position] == kNoPartner) ++position;
    return position;
  }

  // The alternatives between a pair of braces, pattern_[begin, end): split at its own commas.
  absl::Status Choices(size_t begin, size_t end, size_t depth, std::vector<std::string>& out) {
    if (depth > kGlobNestingMax) {
      return absl::InvalidArgumentError(absl::StrCat("pattern \"", base::Excerpt(pattern_),
                                                     "\" nests braces deeper than ",
                                                     kGlobNestingMax, " levels"));
    }
    size_t start = begin;
    for (size_t i = begin; i <= end; ++i) {
      if (i < end && partner_[i] != kNoPartner) {
        i = partner_[i];
        continue;
      }
      if (i < end && pattern_[i] != ',') continue;
      PLUMBAGO_RETURN_IF_ERROR(Sequence(start, i, depth, out));
      start = i + 1;
    }
    return absl::OkStatus();
  }

  // Each of `prefixes` with each of `choices` behind it.
  absl::Status Append(const std::vector<std::string>& choices, std::vector<std::string>& prefixes) {
    size_t prefix_bytes = 0;
    size_t choice_bytes = 0;
    for (const std::string& prefix : prefixes) prefix_bytes += prefix.size();
    for (const std::string& choice : choices) choice_bytes += choice.size();
    PLUMBAGO_RETURN_IF_ERROR(
        CheckLimits(prefixes.size() * choices.size(),
                    prefix_bytes * choices.size() + choice_bytes * prefixes.size()));
    std::vector<std::string> product;
    product.reserve(prefixes.size() * choices.size());
    for (const std::string& prefix : prefixes) {
      for (const std::string& choice : choices) product.push_back(prefix + choice);
    }
    prefixes = std::move(product);
    return absl::OkStatus();
  }

  absl::Status CheckLimits(size_t alternatives, size_t bytes) const {
    if (alternatives <= kGlobAlternativesMax && bytes <= kGlobExpandedBytesMax) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "pattern \"", base::Excerpt(pattern_), "\" expands to more than ", kGlobAlternativesMax,
        " alternatives or ", kGlobExpandedBytesMax, " bytes; use * or fewer braces"));
  }

  const absl::string_view pattern_;
  std::vector<size_t> partner_;  // of each opening brace that has one: its closing one
};

}  // namespace

absl::StatusOr<std::vector<std::string>> ExpandBraces(absl::string_view pattern) {
  return Expander(pattern).Run();
}

}  // namespace plumbago::metric::internal
