// resize, fill and merge: points from one layout or file into another.
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "commands.h"
#include "whisper/fill.h"
#include "whisper/merge.h"
#include "whisper/resize.h"
#include "whisper/retention.h"

namespace plumbago::whisper_tool {
namespace {

// ---- resize -------------------------------------------------------------------------------

struct ResizeFlags {
  std::string path;
  std::vector<std::string> archives;
  std::optional<double> x_files_factor;
  std::string method;
  std::string new_path;
  bool has_no_backup = false;
  bool is_aggregating = false;
  bool is_forced = false;  // whisper-resize takes it and does nothing with it
};

absl::StatusOr<whisper::ResizeOptions> ResizeOptionsOf(const ResizeFlags& flags, int64_t now) {
  whisper::ResizeOptions options;
  for (const std::string& definition : flags.archives) {
    PLUMBAGO_ASSIGN_OR_RETURN(const whisper::ArchiveSpec archive,
                              whisper::ParseRetention(definition));
    options.archives.push_back(archive);
  }
  if (flags.x_files_factor.has_value()) {
    options.x_files_factor = static_cast<float>(*flags.x_files_factor);
  }
  if (!flags.method.empty()) {
    PLUMBAGO_ASSIGN_OR_RETURN(options.method, whisper::ParseMethod(flags.method));
  }
  options.migration =
      flags.is_aggregating ? whisper::Migration::kAggregate : whisper::Migration::kCopy;
  options.now = now;
  return options;
}

absl::Status Resize(Session& session, const ResizeFlags& flags) {
  PLUMBAGO_ASSIGN_OR_RETURN(const whisper::ResizeOptions options,
                            ResizeOptionsOf(flags, session.Now()));
  if (!flags.new_path.empty()) {
    PLUMBAGO_ASSIGN_OR_RETURN(
        const whisper::Header header,
        whisper::ResizeInto(*session.file_system, flags.path, flags.new_path, options));
    std::cout << "Created: " << flags.new_path << " (" << header.file_bytes() << " bytes)\n";
    return absl::OkStatus();
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const base::FileInfo old, session.file_system->Stat(flags.path));
  PLUMBAGO_ASSIGN_OR_RETURN(const whisper::Header header,
                            whisper::ResizeInPlace(*session.file_system, flags.path, options,
                                                   flags.has_no_backup ? whisper::Backup::kRemove
                                                                       : whisper::Backup::kKeep));
  std::cout << "Resized: " << flags.path << " (" << old.size_bytes << " -> " << header.file_bytes()
            << " bytes)\n";
  if (!flags.has_no_backup) std::cout << "Backup: " << flags.path << ".bak\n";
  return absl::OkStatus();
}

void AddResize(CLI::App& app, Session& session) {
  auto flags = std::make_shared<ResizeFlags>();
  CLI::App* command = app.add_subcommand(
      "resize",
      "Gives a file other archives and keeps every point that they can hold. Nothing "
      "else may write to the file meanwhile");
  command->add_option("path", flags->path, "whisper file")->required();
  command->add_option("archives", flags->archives, "new archives, as 10s:6h 1m:7d")->required();
  command->add_option("--xFilesFactor", flags->x_files_factor, "default: that of the old file");
  command->add_option("--aggregationMethod", flags->method, "default: that of the old file");
  command->add_flag("--aggregate", flags->is_aggregating,
                    "aggregates fine points into the steps of the new archives; without it, the "
                    "last point of a step is taken");
  command->add_option("--newfile", flags->new_path,
                      "writes the result here and keeps the old file");
  command->add_flag("--nobackup", flags->has_no_backup, "keeps no PATH.bak of the old file");
  command->add_flag("--force", flags->is_forced, "without effect, as in whisper-resize");
  command->callback([&session, flags] {
    session.action = [&session, flags] { return Resize(session, *flags); };
  });
}

// ---- fill, merge --------------------------------------------------------------------------

struct CopyOptions {
  std::string source;
  std::string target;
  int64_t from = 0;
  std::optional<int64_t> until;
};

absl::Status Fill(Session& session, const CopyOptions& options) {
  PLUMBAGO_ASSIGN_OR_RETURN(OpenedFile source, session.Open(options.source, Access::kRead));
  PLUMBAGO_ASSIGN_OR_RETURN(OpenedFile target, session.Open(options.target, Access::kUpdate));
  return whisper::FillGaps(source.open(), target.open(), session.Now(),
                           whisper::GapRule::kWhisperFill);
}

absl::Status Merge(Session& session, const CopyOptions& options) {
  PLUMBAGO_ASSIGN_OR_RETURN(OpenedFile source, session.Open(options.source, Access::kRead));
  PLUMBAGO_ASSIGN_OR_RETURN(OpenedFile target, session.Open(options.target, Access::kUpdate));
  const int64_t now = session.Now();
  const absl::Status merged =
      whisper::Merge(source.open(), target.open(),
                     {.from = options.from, .until = options.until.value_or(now), .now = now});
  return base::Annotate(merged, absl::StrCat(options.source, " and ", options.target));
}

void AddFill(CLI::App& app, Session& session) {
  auto options = std::make_shared<CopyOptions>();
  CLI::App* command = app.add_subcommand(
      "fill",
      "Closes gaps of TARGET with points of SOURCE; overwrites nothing but zeroes. The "
      "archives may differ");
  command->add_option("source", options->source, "whisper file to read")->required();
  command->add_option("target", options->target, "whisper file to fill")->required();
  command->callback([&session, options] {
    session.action = [&session, options] { return Fill(session, *options); };
  });
}

void AddMerge(CLI::App& app, Session& session) {
  auto options = std::make_shared<CopyOptions>();
  CLI::App* command = app.add_subcommand(
      "merge",
      "Copies the points of SOURCE over those of TARGET, which must have the same "
      "archives. To fill gaps only, use fill");
  command->add_option("source", options->source, "whisper file to read")->required();
  command->add_option("target", options->target, "whisper file to write")->required();
  command->add_option("--from", options->from, "Unix time, exclusive; default: the beginning");
  command->add_option("--until", options->until, "Unix time, inclusive; default: now");
  command->callback([&session, options] {
    session.action = [&session, options] { return Merge(session, *options); };
  });
}

}  // namespace

void AddCopyCommands(CLI::App& app, Session& session) {
  AddResize(app, session);
  AddFill(app, session);
  AddMerge(app, session);
}

}  // namespace plumbago::whisper_tool
