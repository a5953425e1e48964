// create, update, set-aggregation and set-xff, with the output of whisper's own tools.
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "commands.h"
#include "python_text.h"
#include "whisper/retention.h"
#include "whisper/updater.h"

namespace plumbago::whisper_tool {
namespace {

constexpr const char* kMethods = "average, sum, last, max, min, avg_zero, absmax or absmin";
constexpr const char* kRetentionHelp =
    "Archives are precision:retention, in any order:\n"
    "  60:1440   60 seconds a point, 1440 points = 1 day\n"
    "  15m:8     15 minutes a point, 8 points = 2 hours\n"
    "  1h:7d     1 hour a point, 7 days\n"
    "  12h:2y    12 hours a point, 2 years";

absl::StatusOr<std::vector<whisper::ArchiveSpec>> ParseArchives(
    const std::vector<std::string>& definitions) {
  std::vector<whisper::ArchiveSpec> archives;
  for (const std::string& definition : definitions) {
    PLUMBAGO_ASSIGN_OR_RETURN(const whisper::ArchiveSpec archive,
                              whisper::ParseRetention(definition));
    archives.push_back(archive);
  }
  return archives;
}

// ---- create -------------------------------------------------------------------------------

struct CreateOptions {
  std::vector<std::string> arguments;  // path and archives; only archives with is_estimate
  double x_files_factor = 0.5;
  std::string method = "average";
  bool is_overwriting = false;
  bool is_estimate = false;
  bool is_sparse = false;
  bool is_reserved = false;
};

std::string ByteText(double bytes) {
  for (const char* unit : {"bytes", "KB", "MB"}) {
    if (bytes < 1024) return absl::StrFormat("%.3f%s", bytes, unit);
    bytes /= 1024;
  }
  return absl::StrFormat("%.3fGB", bytes);
}

absl::Status Estimate(std::vector<std::string> definitions) {
  if (definitions.size() == 1) definitions = absl::StrSplit(definitions[0], ',');
  PLUMBAGO_ASSIGN_OR_RETURN(const auto archives, ParseArchives(definitions));
  constexpr uint64_t kBlockBytes = 4096;
  uint64_t bytes = whisper::kMetadataBytes;
  for (size_t i = 0; i < archives.size(); ++i) {
    std::cout << "Archive " << i << ": " << archives[i].point_count << " points of "
              << archives[i].seconds_per_point << "s precision\n";
    bytes += whisper::kArchiveInfoBytes + archives[i].point_count * whisper::kPointBytes;
  }
  const uint64_t disk_bytes = (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  std::cout << "\nEstimated Whisper DB Size: " << ByteText(static_cast<double>(bytes)) << " ("
            << disk_bytes << " bytes on disk with 4k blocks)\n\n";
  for (const uint64_t thousands : {1, 5, 10, 50, 100, 500}) {
    std::cout << "Estimated storage requirement for " << thousands
              << "k metrics: " << ByteText(static_cast<double>(thousands * 1000 * disk_bytes))
              << "\n";
  }
  return absl::OkStatus();
}

absl::Status Create(Session& session, const CreateOptions& options) {
  if (options.is_estimate) return Estimate(options.arguments);
  if (options.arguments.size() < 2) {
    return absl::InvalidArgumentError("create needs a path and at least one archive, as 1m:7d");
  }
  const std::string& path = options.arguments[0];
  PLUMBAGO_ASSIGN_OR_RETURN(
      auto archives, ParseArchives({options.arguments.begin() + 1, options.arguments.end()}));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto method, whisper::ParseMethod(options.method));
  PLUMBAGO_ASSIGN_OR_RETURN(
      const whisper::Header header,
      whisper::MakeHeader(std::move(archives), static_cast<float>(options.x_files_factor), method));
  if (options.is_overwriting && session.file_system->Stat(path).ok()) {
    std::cout << "Overwriting existing file: " << path << "\n";
  }
  const bool is_sparse = options.is_sparse && !options.is_reserved;
  PLUMBAGO_RETURN_IF_ERROR(
      whisper::Create(
          *session.file_system, path, header,
          options.is_overwriting ? whisper::Existing::kReplace : whisper::Existing::kRefuse,
          is_sparse ? whisper::Allocation::kSparse : whisper::Allocation::kReserve)
          .status());
  std::cout << "Created: " << path << " (" << header.file_bytes() << " bytes)\n";
  return absl::OkStatus();
}

void AddCreate(CLI::App& app, Session& session) {
  auto options = std::make_shared<CreateOptions>();
  CLI::App* command = app.add_subcommand("create", "Makes a file without points");
  command->add_option("arguments", options->arguments, "path, then one or more archives")
      ->required();
  command
      ->add_option("--xFilesFactor", options->x_files_factor,
                   "share of known points, 0 to 1, that a point of a coarser archive needs")
      ->capture_default_str();
  command
      ->add_option("--aggregationMethod", options->method,
                   absl::StrCat("how points of a coarser archive are computed: ", kMethods))
      ->capture_default_str();
  command->add_flag("--overwrite", options->is_overwriting, "replaces a file of this path");
  command->add_flag("--estimate", options->is_estimate,
                    "no path: prints how much disk such files take, and makes none");
  command->add_flag("--sparse", options->is_sparse,
                    "takes no blocks for what is not written yet; a full disk can then refuse a "
                    "point later");
  command->add_flag("--fallocate", options->is_reserved,
                    "reserves all blocks now; the default here, and stronger than --sparse");
  command->footer(kRetentionHelp);
  command->callback([&session, options] {
    session.action = [&session, options] { return Create(session, *options); };
  });
}

// ---- update -------------------------------------------------------------------------------

struct UpdateOptions {
  std::string path;
  std::vector<std::string> points;
};

absl::StatusOr<whisper::Point> ParsePoint(const std::string& text, int64_t now) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  whisper::Point point;
  const bool is_now = parts[0] == "N";
  if (is_now) point.time = static_cast<uint32_t>(now);
  if (parts.size() != 2 || !(is_now || absl::SimpleAtoi(parts[0], &point.time)) ||
      !absl::SimpleAtod(parts[1], &point.value)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "point \"", base::Excerpt(text),
        "\" is not time:value; the time is a Unix time up to 4294967295, or N for now"));
  }
  return point;
}

absl::StatusOr<std::vector<whisper::Point>> ParsePoints(const UpdateOptions& options, int64_t now) {
  std::vector<whisper::Point> points;
  for (const std::string& text : options.points) {
    PLUMBAGO_ASSIGN_OR_RETURN(const whisper::Point point, ParsePoint(text, now));
    points.push_back(point);
  }
  if (!options.points.empty()) return points;
  std::string word;
  while (std::cin >> word) {
    PLUMBAGO_ASSIGN_OR_RETURN(const whisper::Point point, ParsePoint(word, now));
    points.push_back(point);
  }
  return points;
}

absl::Status Update(Session& session, const UpdateOptions& options) {
  const int64_t now = session.Now();
  PLUMBAGO_ASSIGN_OR_RETURN(const auto points, ParsePoints(options, now));
  PLUMBAGO_ASSIGN_OR_RETURN(OpenedFile opened, session.Open(options.path, Access::kUpdate));
  whisper::Updater updater;
  if (points.size() == 1) return updater.UpdateOne(opened.open(), points[0], now);
  PLUMBAGO_ASSIGN_OR_RETURN(
      const whisper::UpdateResult result,
      updater.UpdateMany(opened.open(), points, now, whisper::Duplicates::kFirstWins));
  if (result.uncovered_count != 0) {
    std::cerr << "plumbago-whisper: " << result.uncovered_count
              << " points are older than every archive and were left out\n";
  }
  return absl::OkStatus();
}

void AddUpdate(CLI::App& app, Session& session) {
  auto options = std::make_shared<UpdateOptions>();
  CLI::App* command = app.add_subcommand(
      "update",
      "Writes points. A single one is refused if it is in the future or too old; of "
      "several, those that are too old are left out, and of two with one time the first "
      "is kept");
  command->add_option("path", options->path, "whisper file")->required();
  command->add_option("points", options->points,
                      "time:value, with N for now; without any, they are read from standard input");
  command->callback([&session, options] {
    session.action = [&session, options] { return Update(session, *options); };
  });
}

// ---- set-aggregation, set-xff -------------------------------------------------------------

struct SetOptions {
  std::string path;
  std::string method;
  std::optional<double> x_files_factor;
};

// Changes the header by `options`; returns the old one.
absl::StatusOr<whisper::Header> SetMetadata(Session& session, const SetOptions& options) {
  PLUMBAGO_ASSIGN_OR_RETURN(OpenedFile opened, session.Open(options.path, Access::kUpdate));
  whisper::Header header = opened.header;
  if (!options.method.empty()) {
    PLUMBAGO_ASSIGN_OR_RETURN(header.method, whisper::ParseMethod(options.method));
  }
  if (options.x_files_factor.has_value()) {
    const double factor = *options.x_files_factor;
    if (!(factor >= 0 && factor <= 1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("Invalid xFilesFactor ", PythonFloat(factor), ", not between 0 and 1"));
    }
    header.x_files_factor = static_cast<float>(factor);
  }
  PLUMBAGO_RETURN_IF_ERROR(whisper::WriteMetadata(*opened.file, header));
  return opened.header;
}

absl::Status SetAggregation(Session& session, const SetOptions& options) {
  PLUMBAGO_ASSIGN_OR_RETURN(const whisper::Header old, SetMetadata(session, options));
  std::cout << "Updated aggregation method: " << options.path << " ("
            << std::string(whisper::MethodName(old.method)) << " -> " << options.method << ")\n";
  return absl::OkStatus();
}

absl::Status SetFactor(Session& session, const SetOptions& options) {
  PLUMBAGO_ASSIGN_OR_RETURN(const whisper::Header old, SetMetadata(session, options));
  std::cout << "Updated xFilesFactor: " << options.path << " ("
            << PythonFloat(double{old.x_files_factor}) << " -> "
            << PythonFloat(*options.x_files_factor) << ")\n";
  return absl::OkStatus();
}

constexpr const char* kFactorHelp =
    "share of known points, 0 to 1, that a point of a coarser archive needs";

void AddSetAggregation(CLI::App& app, Session& session) {
  auto options = std::make_shared<SetOptions>();
  CLI::App* command = app.add_subcommand(
      "set-aggregation", "Changes the aggregation method; what was aggregated before stays");
  command->add_option("path", options->path, "whisper file")->required();
  command->add_option("method", options->method, kMethods)->required();
  command->add_option("xFilesFactor", options->x_files_factor, kFactorHelp);
  command->callback([&session, options] {
    session.action = [&session, options] { return SetAggregation(session, *options); };
  });
}

void AddSetFactor(CLI::App& app, Session& session) {
  auto options = std::make_shared<SetOptions>();
  CLI::App* command =
      app.add_subcommand("set-xff", "Changes the xFilesFactor; what was aggregated before stays");
  command->add_option("path", options->path, "whisper file")->required();
  command->add_option("xFilesFactor", options->x_files_factor, kFactorHelp)->required();
  command->callback([&session, options] {
    session.action = [&session, options] { return SetFactor(session, *options); };
  });
}

}  // namespace

void AddWriteCommands(CLI::App& app, Session& session) {
  AddCreate(app, session);
  AddUpdate(app, session);
  AddSetAggregation(app, session);
  AddSetFactor(app, session);
}

}  // namespace plumbago::whisper_tool
