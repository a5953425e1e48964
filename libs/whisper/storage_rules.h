// storage-schemas.conf and storage-aggregation.conf: which archives, xFilesFactor and aggregation
// method the file of a new series gets.
//
// Matching is carbon's: patterns are searched anywhere in the name, case-sensitive, the first
// section that matches decides; what no section matches gets 60s:7d, 0.5 and average. Patterns are
// RE2 (Python's look-around is not available). Unlike carbon, which skips a section it does not
// understand, everything wrong is refused with file and line: a series in the wrong archives is
// noticed months too late.
//
// Immutable and thread-safe once parsed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "whisper/header.h"

namespace re2 {
class RE2;
}

namespace plumbago::whisper {

class StorageRules {
 public:
  struct Text {
    std::string schemas;                                // of storage-schemas.conf; empty is valid
    std::string schemas_file = "storage-schemas.conf";  // for messages
    std::string aggregation = "";                       // of storage-aggregation.conf
    std::string aggregation_file = "storage-aggregation.conf";
  };

  // InvalidArgument, naming file and line.
  static absl::StatusOr<StorageRules> Parse(const Text& text);

  StorageRules(StorageRules&&) noexcept;
  StorageRules& operator=(StorageRules&&) noexcept;
  ~StorageRules();

  // The header of a new file for the series `metric`. Costs a search per section.
  Header HeaderFor(absl::string_view metric) const;

  struct Explanation {
    Header header;
    // "[carbon] of storage-schemas.conf line 3", or "default" where no section matches.
    std::string schema_rule;
    std::string aggregation_rule;
  };
  Explanation Explain(absl::string_view metric) const;

 private:
  struct Schema {
    std::string origin;  // section, file and line
    std::unique_ptr<re2::RE2> pattern;
    std::vector<ArchiveSpec> archives;  // a valid list
  };
  struct Aggregation {
    std::string origin;
    std::unique_ptr<re2::RE2> pattern;
    float x_files_factor = 0.5F;
    AggregationMethod method = AggregationMethod::kAverage;
  };

  StorageRules();
  static absl::StatusOr<std::vector<Schema>> ParseSchemas(absl::string_view text,
                                                          absl::string_view file_name);
  static absl::StatusOr<std::vector<Aggregation>> ParseAggregations(absl::string_view text,
                                                                    absl::string_view file_name);

  std::vector<Schema> schemas_;
  std::vector<Aggregation> aggregations_;
};

}  // namespace plumbago::whisper
