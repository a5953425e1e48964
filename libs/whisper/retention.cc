#include "whisper/retention.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace plumbago::whisper {
namespace {

struct Unit {
  absl::string_view name;
  uint64_t seconds;
};

constexpr uint64_t kDaySeconds = 86400;
constexpr std::array<Unit, 6> kUnits = {{{"seconds", 1},
                                         {"minutes", 60},
                                         {"hours", 3600},
                                         {"days", kDaySeconds},
                                         {"weeks", 7 * kDaySeconds},
                                         {"years", 365 * kDaySeconds}}};

// One side of the colon: a number, and the seconds of its unit where it has one.
struct Quantity {
  uint64_t number = 0;
  std::optional<uint64_t> unit_seconds;
};

absl::Status Invalid(absl::string_view definition, absl::string_view problem) {
  return absl::InvalidArgumentError(
      absl::StrCat("retention \"", base::Excerpt(definition), "\" ", problem));
}

absl::StatusOr<Quantity> ParseQuantity(absl::string_view definition, size_t offset,
                                       absl::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[digits]))) {
    ++digits;
  }
  uint32_t number = 0;
  if (digits == 0 || !absl::SimpleAtoi(text.substr(0, digits), &number) || number == 0) {
    return Invalid(definition, absl::StrCat("has no number from 1 to 4294967295 at offset ", offset,
                                            "; write it as 10s:6h or 10:2160"));
  }
  const absl::string_view unit = text.substr(digits);
  if (unit.empty()) return Quantity{.number = number, .unit_seconds = std::nullopt};
  for (const Unit& known : kUnits) {
    if (absl::StartsWith(known.name, unit)) {
      return Quantity{.number = number, .unit_seconds = known.seconds};
    }
  }
  return Invalid(definition, absl::StrCat("has unknown unit '", base::Excerpt(unit), "' at offset ",
                                          offset + digits, "; use s, m, h, d, w or y"));
}

// As "90s", "7d": the first letter of a unit is enough.
std::string FormatDuration(uint64_t seconds) {
  const auto unit = std::find_if(kUnits.rbegin(), kUnits.rend(),
                                 [&](const Unit& u) { return seconds % u.seconds == 0; });
  return absl::StrCat(seconds / unit->seconds, unit->name.substr(0, 1));
}

}  // namespace

absl::StatusOr<ArchiveSpec> ParseRetention(absl::string_view text) {
  const absl::string_view definition = absl::StripAsciiWhitespace(text);
  const size_t colon = definition.find(':');
  if (colon == absl::string_view::npos) {
    return Invalid(definition, "has no colon; write precision:retention, as 10s:6h");
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const Quantity precision,
                            ParseQuantity(definition, 0, definition.substr(0, colon)));
  PLUMBAGO_ASSIGN_OR_RETURN(const Quantity extent,
                            ParseQuantity(definition, colon + 1, definition.substr(colon + 1)));
  const uint64_t seconds_per_point = precision.number * precision.unit_seconds.value_or(1);
  const uint64_t point_count = extent.unit_seconds.has_value()
                                   ? extent.number * *extent.unit_seconds / seconds_per_point
                                   : extent.number;
  constexpr uint64_t kMax = std::numeric_limits<uint32_t>::max();
  if (seconds_per_point > kMax || point_count > kMax) {
    return Invalid(definition, "goes beyond 4294967295 seconds, the limit of the format");
  }
  if (point_count == 0) return Invalid(definition, "is shorter than one point");
  return ArchiveSpec{.seconds_per_point = static_cast<uint32_t>(seconds_per_point),
                     .point_count = static_cast<uint32_t>(point_count)};
}

absl::StatusOr<std::vector<ArchiveSpec>> ParseRetentions(absl::string_view text) {
  std::vector<ArchiveSpec> archives;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    PLUMBAGO_ASSIGN_OR_RETURN(const ArchiveSpec archive, ParseRetention(part));
    archives.push_back(archive);
  }
  return archives;
}

std::string FormatRetentions(absl::Span<const ArchiveSpec> archives) {
  return absl::StrJoin(archives, ",", [](std::string* out, const ArchiveSpec& archive) {
    absl::StrAppend(out, FormatDuration(archive.seconds_per_point), ":",
                    FormatDuration(uint64_t{archive.seconds_per_point} * archive.point_count));
  });
}

}  // namespace plumbago::whisper
