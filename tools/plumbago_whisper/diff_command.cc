// diff: text and JSON as whisper-diff prints them.
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "commands.h"
#include "python_text.h"
#include "whisper/merge.h"

namespace plumbago::whisper_tool {
namespace {

using whisper::ArchiveDifference;
using whisper::PointDifference;

struct DiffOptions {
  std::string first;
  std::string second;
  std::optional<int64_t> until;
  bool is_summary = false;
  bool ignores_empty = false;
  bool has_columns = false;
  bool has_no_headers = false;
  bool is_json = false;
};

void PrintSummary(const std::vector<ArchiveDifference>& differences, const DiffOptions& options) {
  const auto print = [&](const std::string& archive, const std::string& total,
                         const std::string& differing) {
    std::cout << (options.has_columns
                      ? absl::StrCat(archive, " ", total, " ", differing, "\n")
                      : absl::StrFormat("%7s %9s %9s\n", archive, total, differing));
  };
  if (!options.has_no_headers) print("archive", "total", "differing");
  for (const ArchiveDifference& archive : differences) {
    print(absl::StrCat(archive.archive_index), absl::StrCat(archive.compared_count),
          absl::StrCat(archive.points.size()));
  }
}

void PrintPoints(const std::vector<ArchiveDifference>& differences, const DiffOptions& options) {
  const auto print = [&](const std::string& archive, const std::string& time,
                         const std::string& first, const std::string& second) {
    std::cout << (options.has_columns
                      ? absl::StrCat(archive, " ", time, " ", first, " ", second, "\n")
                      : absl::StrFormat("%7s %11s %13s %13s\n", archive, time, first, second));
  };
  if (!options.has_no_headers) print("archive", "timestamp", "value_a", "value_b");
  for (const ArchiveDifference& archive : differences) {
    if (!options.has_columns) {
      std::cout << "Archive " << archive.archive_index << " (" << archive.points.size() << " of "
                << archive.compared_count << " datapoints differ)\n";
      print("", "timestamp", "value_a", "value_b");
    }
    for (const PointDifference& point : archive.points) {
      print(options.has_columns ? absl::StrCat(archive.archive_index) : "",
            absl::StrCat(point.time), PythonFloat(point.first), PythonFloat(point.second));
    }
  }
}

std::string PointAsJson(const PointDifference& point) {
  return absl::StrCat("        {\n          \"timestamp\" : ", point.time,
                      ",\n          \"value_a\" : ", JsonFloat(point.first),
                      ",\n          \"value_b\" : ", JsonFloat(point.second), "\n        }");
}

std::string ArchiveAsJson(const ArchiveDifference& archive, bool has_points) {
  std::string json = absl::StrCat("    {\n      \"archive\" : ", archive.archive_index, ",\n");
  if (has_points) {
    const std::string points = absl::StrJoin(
        archive.points, ",\n",
        [](std::string* out, const PointDifference& point) { out->append(PointAsJson(point)); });
    absl::StrAppend(&json, "      \"datapoint\" : [",
                    points.empty() ? "" : absl::StrCat("\n", points, "\n      "), "],\n");
  }
  absl::StrAppend(&json, "      \"points\" : ", archive.points.size(),
                  ",\n      \"total\" : ", archive.compared_count, "\n    }");
  return json;
}

void PrintJson(const std::vector<ArchiveDifference>& differences, const DiffOptions& options) {
  std::cout << "{\n  \"archives\" : [\n"
            << absl::StrJoin(differences, ",\n",
                             [&](std::string* out, const ArchiveDifference& archive) {
                               out->append(ArchiveAsJson(archive, !options.is_summary));
                             })
            << "\n  ],\n  \"path_a\" : " << JsonString(options.first)
            << ",\n  \"path_b\" : " << JsonString(options.second) << "\n}\n";
}

absl::Status Diff(Session& session, const DiffOptions& options) {
  PLUMBAGO_ASSIGN_OR_RETURN(OpenedFile first, session.Open(options.first, Access::kRead));
  PLUMBAGO_ASSIGN_OR_RETURN(OpenedFile second, session.Open(options.second, Access::kRead));
  const int64_t now = session.Now();
  const auto differences = whisper::Diff(
      first.open(), second.open(), options.until.value_or(now), now,
      options.ignores_empty ? whisper::EmptySlots::kIgnore : whisper::EmptySlots::kDiffer);
  if (!differences.ok()) {
    return base::Annotate(differences.status(),
                          absl::StrCat(options.first, " and ", options.second));
  }
  if (options.is_json) {
    PrintJson(*differences, options);
  } else if (options.is_summary) {
    PrintSummary(*differences, options);
  } else {
    PrintPoints(*differences, options);
  }
  return absl::OkStatus();
}

}  // namespace

void AddDiffCommand(CLI::App& app, Session& session) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command = app.add_subcommand(
      "diff",
      "Prints the points in which two files of the same archives differ. Each time is "
      "compared in the finest archive that reaches it");
  command->add_option("path_a", options->first, "whisper file")->required();
  command->add_option("path_b", options->second, "whisper file")->required();
  command->add_flag("--summary", options->is_summary, "only how many points differ");
  command->add_flag("--ignore-empty", options->ignores_empty,
                    "compares only where both files have a point");
  command->add_flag("--columns", options->has_columns, "columns without padding");
  command->add_flag("--no-headers", options->has_no_headers, "no line of column names");
  command->add_option("--until", options->until,
                      "Unix time where the comparison ends; default: now");
  command->add_flag("--json", options->is_json, "JSON instead of text");
  command->callback([&session, options] {
    session.action = [&session, options] { return Diff(session, *options); };
  });
}

}  // namespace plumbago::whisper_tool
