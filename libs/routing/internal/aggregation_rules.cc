#include "routing/internal/aggregation_rules.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/config_file.h"
#include "base/status.h"

namespace plumbago::routing {
namespace {

constexpr absl::string_view kShape =
    "; write OUTPUT (SECONDS) = METHOD INPUT, such as all.cpu (60) = sum *.cpu";
constexpr uint32_t kIntervalSecondsMax = 86'400 * 366;

// AggregationRule.build_regex of carbon/aggregator/rules.py.
std::string RegexOfPart(absl::string_view part) {
  const auto field = [part](absl::string_view open, absl::string_view close,
                            absl::string_view any) -> std::string {
    const size_t begin = part.find(open);
    const size_t end = part.find(close);
    return absl::StrCat(part.substr(0, begin), "(?P<",
                        part.substr(begin + open.size(), end - begin - open.size()), ">", any, ")",
                        part.substr(end + close.size()));
  };
  const auto has_field = [part](absl::string_view open, absl::string_view close) {
    const size_t begin = part.find(open);
    const size_t end = part.find(close);
    return begin != absl::string_view::npos && end != absl::string_view::npos && end > begin;
  };
  if (has_field("<<", ">>")) return field("<<", ">>", ".+?");
  if (has_field("<", ">")) return field("<", ">", "[^.]+?");
  if (part == "*") return "[^.]+";
  return absl::StrReplaceAll(part, {{"*", "[^.]*"}});
}

// re.match(pattern + "$"): the start binds every alternative, the end only the last.
std::string RegexOfInput(absl::string_view input) {
  std::vector<std::string> parts;
  for (const absl::string_view part : absl::StrSplit(input, '.'))
    parts.push_back(RegexOfPart(part));
  return absl::StrCat("^(?:", absl::StrJoin(parts, "\\."), "$)");
}

absl::StatusOr<uint32_t> ParseFrequency(absl::string_view text) {
  absl::string_view digits = text;
  while (absl::ConsumePrefix(&digits, "(")) continue;
  while (absl::ConsumeSuffix(&digits, ")")) continue;
  uint32_t seconds = 0;
  if (absl::SimpleAtoi(digits, &seconds) && seconds > 0 && seconds <= kIntervalSecondsMax) {
    return seconds;
  }
  return absl::InvalidArgumentError(absl::StrCat("frequency \"", base::Excerpt(text),
                                                 "\" is no whole number of seconds from 1 to ",
                                                 kIntervalSecondsMax, kShape));
}

absl::StatusOr<AggregationRule> ParseLine(absl::string_view line) {
  const std::vector<absl::string_view> sides = absl::StrSplit(line, absl::MaxSplits('=', 1));
  if (sides.size() != 2) return absl::InvalidArgumentError(absl::StrCat("no '='", kShape));
  const std::vector<absl::string_view> left =
      absl::StrSplit(sides[0], absl::ByAnyChar(" \t"), absl::SkipEmpty());
  const std::vector<absl::string_view> right =
      absl::StrSplit(sides[1], absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (left.size() != 2 || right.size() != 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", base::Excerpt(line), "\" has not two words on each side of '='", kShape));
  }
  AggregationRule rule{.output = std::string(left[0]), .regex = RegexOfInput(right[1])};
  PLUMBAGO_ASSIGN_OR_RETURN(rule.spec.interval_seconds, ParseFrequency(left[1]));
  PLUMBAGO_RETURN_IF_ERROR(ParseCarbonMethod(right[0], &rule.spec));
  rule.spec.bucket_rule = BucketRule::kCarbon;
  rule.spec.identity =
      absl::StrCat(rule.output, " (", rule.spec.interval_seconds, ") = ", right[0], " ", right[1]);
  return rule;
}

}  // namespace

absl::StatusOr<std::vector<AggregationRule>> ParseAggregationRules(absl::string_view text,
                                                                   absl::string_view file_name) {
  std::vector<AggregationRule> rules;
  int number = 0;
  for (const absl::string_view raw : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::string_view line = absl::StripAsciiWhitespace(raw);
    if (line.empty() || line.front() == '#') continue;
    auto rule = ParseLine(line);
    if (!rule.ok()) return base::ConfigError(rule.status().message(), file_name, number);
    rule->line = number;
    rules.push_back(*std::move(rule));
  }
  return rules;
}

}  // namespace plumbago::routing
