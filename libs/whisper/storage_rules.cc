#include "whisper/storage_rules.h"

#include <re2/re2.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/check.h"
#include "base/config_file.h"
#include "base/status.h"
#include "whisper/retention.h"

namespace plumbago::whisper {
namespace {

constexpr ArchiveSpec kDefaultArchive{.seconds_per_point = 60, .point_count = 7 * 1440};

absl::Status CheckKeys(const base::ConfigSection& section,
                       absl::Span<const absl::string_view> known, absl::string_view file_name) {
  for (const base::ConfigEntry& entry : section.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    return base::ConfigError(
        absl::StrCat("unknown key '", base::Excerpt(entry.key), "' in [",
                     base::Excerpt(section.name), "]; known are ", absl::StrJoin(known, ", ")),
        file_name, entry.line);
  }
  return absl::OkStatus();
}

absl::StatusOr<const base::ConfigEntry*> Require(const base::ConfigSection& section,
                                                 absl::string_view key,
                                                 absl::string_view file_name) {
  const base::ConfigEntry* entry = section.Find(key);
  if (entry != nullptr) return entry;
  return base::ConfigError(absl::StrCat("[", base::Excerpt(section.name), "] has no '", key, "'"),
                           file_name, section.line);
}

absl::StatusOr<std::unique_ptr<re2::RE2>> ParsePattern(const base::ConfigSection& section,
                                                       absl::string_view file_name) {
  PLUMBAGO_ASSIGN_OR_RETURN(const base::ConfigEntry* entry, Require(section, "pattern", file_name));
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto pattern = std::make_unique<re2::RE2>(entry->value, options);
  if (pattern->ok()) return pattern;
  return base::ConfigError(absl::StrCat("pattern \"", base::Excerpt(entry->value),
                                        "\" is no regular expression: ", pattern->error()),
                           file_name, entry->line);
}

std::string Origin(const base::ConfigSection& section, absl::string_view file_name) {
  return absl::StrCat("[", section.name, "] of ", file_name, " line ", section.line);
}

bool Matches(absl::string_view metric, const re2::RE2& pattern) {
  return re2::RE2::PartialMatch(re2::StringPiece(metric.data(), metric.size()), pattern);
}

absl::StatusOr<std::vector<ArchiveSpec>> ParseArchives(const base::ConfigEntry& retentions,
                                                       absl::string_view file_name) {
  auto archives = ParseRetentions(retentions.value);
  if (!archives.ok()) {
    return base::ConfigError(archives.status().message(), file_name, retentions.line);
  }
  const auto header = MakeHeader(*archives, 0, AggregationMethod::kAverage);
  if (!header.ok()) return base::ConfigError(header.status().message(), file_name, retentions.line);
  return archives;
}

absl::StatusOr<float> ParseFactor(const base::ConfigEntry& entry, absl::string_view file_name) {
  float factor = 0;
  if (absl::SimpleAtof(entry.value, &factor) && factor >= 0 && factor <= 1) return factor;
  return base::ConfigError(
      absl::StrCat("xFilesFactor \"", base::Excerpt(entry.value), "\" is no number from 0 to 1"),
      file_name, entry.line);
}

}  // namespace

StorageRules::StorageRules() = default;
StorageRules::StorageRules(StorageRules&&) noexcept = default;
StorageRules& StorageRules::operator=(StorageRules&&) noexcept = default;
StorageRules::~StorageRules() = default;

absl::StatusOr<StorageRules> StorageRules::Parse(const Text& text) {
  StorageRules rules;
  PLUMBAGO_ASSIGN_OR_RETURN(rules.schemas_, ParseSchemas(text.schemas, text.schemas_file));
  PLUMBAGO_ASSIGN_OR_RETURN(rules.aggregations_,
                            ParseAggregations(text.aggregation, text.aggregation_file));
  return rules;
}

Header StorageRules::HeaderFor(absl::string_view metric) const { return Explain(metric).header; }

StorageRules::Explanation StorageRules::Explain(absl::string_view metric) const {
  const auto matches = [metric](const auto& rule) { return Matches(metric, *rule.pattern); };
  const auto schema = std::find_if(schemas_.begin(), schemas_.end(), matches);
  const auto aggregation = std::find_if(aggregations_.begin(), aggregations_.end(), matches);
  const bool has_aggregation = aggregation != aggregations_.end();
  auto header = MakeHeader(
      schema == schemas_.end() ? std::vector<ArchiveSpec>{kDefaultArchive} : schema->archives,
      has_aggregation ? aggregation->x_files_factor : Aggregation().x_files_factor,
      has_aggregation ? aggregation->method : Aggregation().method);
  PLUMBAGO_CHECK(header.ok());  // checked while parsing
  return {.header = *std::move(header),
          .schema_rule = schema == schemas_.end() ? "default" : schema->origin,
          .aggregation_rule = has_aggregation ? aggregation->origin : "default"};
}

absl::StatusOr<std::vector<StorageRules::Schema>> StorageRules::ParseSchemas(
    absl::string_view text, absl::string_view file_name) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto sections, base::ParseConfigFile(text, file_name));
  std::vector<Schema> schemas;
  for (const base::ConfigSection& section : sections) {
    PLUMBAGO_RETURN_IF_ERROR(CheckKeys(section, {"pattern", "retentions"}, file_name));
    Schema schema;
    schema.origin = Origin(section, file_name);
    PLUMBAGO_ASSIGN_OR_RETURN(schema.pattern, ParsePattern(section, file_name));
    PLUMBAGO_ASSIGN_OR_RETURN(const base::ConfigEntry* retentions,
                              Require(section, "retentions", file_name));
    PLUMBAGO_ASSIGN_OR_RETURN(schema.archives, ParseArchives(*retentions, file_name));
    schemas.push_back(std::move(schema));
  }
  return schemas;
}

absl::StatusOr<std::vector<StorageRules::Aggregation>> StorageRules::ParseAggregations(
    absl::string_view text, absl::string_view file_name) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto sections, base::ParseConfigFile(text, file_name));
  std::vector<Aggregation> aggregations;
  for (const base::ConfigSection& section : sections) {
    PLUMBAGO_RETURN_IF_ERROR(
        CheckKeys(section, {"pattern", "xfilesfactor", "aggregationmethod"}, file_name));
    Aggregation aggregation;
    aggregation.origin = Origin(section, file_name);
    PLUMBAGO_ASSIGN_OR_RETURN(aggregation.pattern, ParsePattern(section, file_name));
    if (const base::ConfigEntry* factor = section.Find("xfilesfactor")) {
      PLUMBAGO_ASSIGN_OR_RETURN(aggregation.x_files_factor, ParseFactor(*factor, file_name));
    }
    if (const base::ConfigEntry* method = section.Find("aggregationmethod")) {
      const auto parsed = ParseMethod(method->value);
      if (!parsed.ok())
        return base::ConfigError(parsed.status().message(), file_name, method->line);
      aggregation.method = *parsed;
    }
    aggregations.push_back(std::move(aggregation));
  }
  return aggregations;
}

}  // namespace plumbago::whisper
