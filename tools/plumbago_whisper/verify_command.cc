// verify: damaged files of a tree.
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "commands.h"
#include "whisper/verify.h"

namespace plumbago::whisper_tool {
namespace {

struct VerifyOptions {
  std::vector<std::string> paths;
  bool is_verbose = false;
};

class Verifier {
 public:
  Verifier(base::FileSystem& file_system, const VerifyOptions& options)
      : file_system_(file_system), options_(options) {}

  absl::Status Run() {
    for (const std::string& path : options_.paths) Visit(path);
    std::cout << file_count_ << " files, " << bad_count_ << " of them damaged or unreadable\n";
    if (bad_count_ == 0) return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat(bad_count_, " of ", file_count_, " files are damaged or unreadable"));
  }

 private:
  // A file, or all .wsp files below a directory. Symbolic links below it are not followed.
  void Visit(const std::string& path) {
    const auto info = file_system_.Stat(path);
    if (!info.ok() || !info->is_directory) return VerifyFile(path);
    std::vector<std::string> pending = {path};
    while (!pending.empty()) {
      const std::string directory = std::move(pending.back());
      pending.pop_back();
      const auto entries = file_system_.ListDirectory(directory);
      if (!entries.ok()) {
        Report(directory, entries.status().message());
        continue;
      }
      for (const base::DirectoryEntry& entry : *entries) {
        const std::string below = absl::StrCat(directory, "/", entry.name);
        if (entry.is_directory) pending.push_back(below);
        if (entry.is_regular && absl::EndsWith(entry.name, ".wsp")) VerifyFile(below);
      }
    }
  }

  void VerifyFile(const std::string& path) {
    ++file_count_;
    const absl::Status status = Examine(path);
    if (!status.ok()) {
      Report(path, status.message());
    } else if (options_.is_verbose) {
      std::cout << path << ": sound\n";
    }
  }

  absl::Status Examine(const std::string& path) {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto file, file_system_.OpenForRead(path));
    PLUMBAGO_ASSIGN_OR_RETURN(const whisper::FileReport report, whisper::Verify(*file));
    if (report.surplus_bytes != 0) {
      std::cout << path << ": " << report.surplus_bytes
                << " bytes after the last archive; they do no harm\n";
    }
    for (size_t i = 0; i < report.archives.size(); ++i) {
      const uint64_t count = report.archives[i].misplaced_count;
      if (count == 0) continue;
      return absl::DataLossError(absl::StrCat("archive ", i, " has ", count,
                                              " slots whose time belongs elsewhere; they read as "
                                              "missing, and the next points overwrite them"));
    }
    return absl::OkStatus();
  }

  void Report(const std::string& path, absl::string_view problem) {
    ++bad_count_;
    std::cout << path << ": " << std::string(problem) << "\n";
  }

  base::FileSystem& file_system_;
  const VerifyOptions& options_;
  size_t file_count_ = 0;
  size_t bad_count_ = 0;
};

}  // namespace

void AddVerifyCommand(CLI::App& app, Session& session) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = app.add_subcommand(
      "verify",
      "Looks for damage: headers that contradict themselves, truncated and empty files, "
      "slots with times that cannot be theirs. Changes nothing; exit code 1 where there "
      "is damage");
  command->add_option("paths", options->paths, "whisper files, or directories of them")->required();
  command->add_flag("--verbose", options->is_verbose, "names the sound files too");
  command->callback([&session, options] {
    session.action = [&session, options] { return Verifier(*session.file_system, *options).Run(); };
  });
}

}  // namespace plumbago::whisper_tool
