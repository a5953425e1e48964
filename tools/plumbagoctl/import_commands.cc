// plumbagoctl import ... and plumbagoctl fill ...: whisper files of this machine into the stores.
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "base/status.h"
#include "commands.h"
#include "local_tree.h"
#include "progress.h"
#include "rpc/series_sender.h"
#include "rpc/server.h"
#include "stores.h"

namespace plumbago::ctl {
namespace {

using Outcome = v1::PutSeriesResponse::Outcome;

// A stream to each store for each of them: a series waits for its answers.
constexpr size_t kWorkers = 4;
// After so many the stores sync, and what was sent is kept whatever happens.
constexpr size_t kSyncSeries = 5000;

struct ImportArguments {
  StoreFlags stores;
  std::string directory;
  std::string prefix;
  std::string tag_names_file;
};

struct Counts {
  std::map<Outcome, size_t> by_outcome;
  size_t failed = 0;
  size_t handled_files = 0;
  uint64_t handled_bytes = 0;
};

class Import {
 public:
  Import(base::FileSystem& file_system, const Stores& stores, const LocalTree& tree,
         const std::string& tenant, v1::SeriesOffer::Mode mode)
      : file_system_(file_system), stores_(stores), tree_(tree), tenant_(tenant), mode_(mode) {}

  // OK also where single files failed.
  absl::Status Run() {
    std::vector<std::thread> workers;
    for (size_t i = 0; i < std::min(kWorkers, tree_.series.size()); ++i) {
      workers.emplace_back([this] { Work(); });
    }
    for (std::thread& worker : workers) worker.join();
    line_.Finish();
    return broken_;
  }

  const Counts& counts() const { return counts_; }

 private:
  using Senders = std::map<const StoreTarget*, std::unique_ptr<rpc::SeriesSender>>;

  void Work() {
    Senders senders;
    absl::Status status;
    for (size_t sent = 1; status.ok() && !is_broken_; ++sent) {
      const size_t index = next_.fetch_add(1);
      if (index >= tree_.series.size()) break;
      status = SendOne(senders, tree_.series[index]);
      if (status.ok() && sent % kSyncSeries == 0) status = Sync(senders);
    }
    status.Update(Sync(senders));
    if (status.ok()) return;
    is_broken_ = true;
    std::lock_guard<std::mutex> lock(mutex_);
    broken_.Update(status);
  }

  // An error is one of the stream; what is wrong with the file is told and counted.
  absl::Status SendOne(Senders& senders, const LocalSeries& series) {
    const auto file = file_system_.OpenForRead(series.path);
    if (!file.ok()) {
      Count(series, file.status());
      return absl::OkStatus();
    }
    PLUMBAGO_ASSIGN_OR_RETURN(const auto holders, stores_.HoldersOf(tenant_, series.metric));
    for (const StoreTarget* target : holders) {
      auto& sender = senders[target];
      if (sender == nullptr) {
        sender = std::make_unique<rpc::SeriesSender>(rpc::MakeChannel(target->address),
                                                     absl::StrCat("store ", target->address));
      }
      const auto outcome = sender->Put(tenant_, series.metric, **file, mode_);
      const bool is_refused = absl::IsFailedPrecondition(outcome.status());
      if (!outcome.ok() && !is_refused) return outcome.status();
      if (target == holders.back() || is_refused) {
        Count(series, outcome);
        return absl::OkStatus();
      }
    }
    return absl::OkStatus();
  }

  static absl::Status Sync(Senders& senders) {
    absl::Status status;
    for (auto& [target, sender] : senders) status.Update(sender->Sync());
    return status;
  }

  void Count(const LocalSeries& series, const absl::StatusOr<Outcome>& outcome) {
    std::lock_guard<std::mutex> lock(mutex_);
    ++counts_.handled_files;
    counts_.handled_bytes += series.file_bytes;
    if (outcome.ok()) {
      ++counts_.by_outcome[*outcome];
    } else {
      ++counts_.failed;
      line_.Finish();
      std::cerr << base::Excerpt(series.path) << ": " << std::string(outcome.status().message())
                << "\n";
    }
    if (line_.IsDue()) line_.Show(Progress());
  }

  std::string Progress() const {
    const double seconds = absl::ToDoubleSeconds(clock_.Monotonic() - start_);
    const double rate = static_cast<double>(counts_.handled_bytes) / std::max(seconds, 0.001);
    const auto left = static_cast<double>(tree_.byte_count - counts_.handled_bytes);
    constexpr size_t kBarWidth = 20;
    const size_t filled =
        tree_.byte_count == 0 ? kBarWidth : kBarWidth * counts_.handled_bytes / tree_.byte_count;
    return absl::StrFormat(
        "[%s%s] %d of %d files, %s of %s, %s/s, %d s left", std::string(filled, '#'),
        std::string(kBarWidth - std::min(kBarWidth, filled), '.'), counts_.handled_files,
        tree_.series.size(), FormatBytes(counts_.handled_bytes), FormatBytes(tree_.byte_count),
        FormatBytes(static_cast<uint64_t>(rate)), static_cast<int64_t>(left / std::max(rate, 1.0)));
  }

  base::FileSystem& file_system_;
  const Stores& stores_;
  const LocalTree& tree_;
  const std::string& tenant_;
  const v1::SeriesOffer::Mode mode_;
  mutable base::SystemClock clock_;
  const absl::Duration start_ = clock_.Monotonic();
  std::atomic<size_t> next_{0};
  std::atomic<bool> is_broken_{false};

  std::mutex mutex_;
  Counts counts_;
  absl::Status broken_;
  ProgressLine line_;
};

absl::Status PrintCounts(Session& session, const Counts& counts, size_t passed_over) {
  const auto of = [&](Outcome outcome) -> size_t {
    const auto found = counts.by_outcome.find(outcome);
    return found == counts.by_outcome.end() ? 0 : found->second;
  };
  const std::vector<std::pair<std::string, uint64_t>> rows = {
      {"installed", of(v1::PutSeriesResponse::INSTALLED)},
      {"filled", of(v1::PutSeriesResponse::FILLED)},
      {"equal", of(v1::PutSeriesResponse::EQUAL)},
      {"absent", of(v1::PutSeriesResponse::ABSENT)},
      {"failed", counts.failed},
      {"passed_over", passed_over},
      {"bytes", counts.handled_bytes}};
  session.PrintNumbers(rows);
  const size_t bad = counts.failed + passed_over;
  if (bad == 0) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat(bad, " files were not taken over; the lines above say why"));
}

absl::Status Run(Session& session, const ImportArguments& arguments, v1::SeriesOffer::Mode mode) {
  const auto file_system = base::MakePosixFileSystem();
  PLUMBAGO_ASSIGN_OR_RETURN(const Stores stores, Stores::Open(session, arguments.stores));
  std::string directory = arguments.directory;
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  PLUMBAGO_ASSIGN_OR_RETURN(
      const LocalTree tree,
      ReadLocalTree(*file_system, directory, arguments.prefix, arguments.tag_names_file));
  for (const std::string& line : tree.passed_over) std::cerr << "passed over: " << line << "\n";
  Import import(*file_system, stores, tree, arguments.stores.tenant, mode);
  const absl::Status status = import.Run();
  if (!status.ok()) {
    return absl::Status(
        status.code(),
        absl::StrCat(std::string(status.message()), "; after ", import.counts().handled_files,
                     " of ", tree.series.size(), " files. Run the same command again to go on"));
  }
  return PrintCounts(session, import.counts(), tree.passed_over.size());
}

void AddOne(CLI::App& app, Session& session, const std::string& name, const std::string& help,
            const std::string& footer, v1::SeriesOffer::Mode mode) {
  auto arguments = std::make_shared<ImportArguments>();  // shared by the options and the action
  CLI::App& command = *app.add_subcommand(name, help);
  command.footer(footer);
  command.add_option("directory", arguments->directory, "Whisper tree on this machine")
      ->required()
      ->check(CLI::ExistingDirectory);
  command.add_option("--prefix", arguments->prefix, "Put before each name that has no tags");
  command.add_option("--tag-names", arguments->tag_names_file,
                     "Names of tagged series, one a line, for the files below _tagged; without it "
                     "DIRECTORY/_tagged/names");
  AddStoreFlags(command, arguments->stores);
  command.callback([&session, arguments, mode] {
    session.action = [&session, arguments, mode] { return Run(session, *arguments, mode); };
  });
}

}  // namespace

void AddImportCommands(CLI::App& app, Session& session) {
  AddOne(app, session, "import", "Take over a whisper tree of another Graphite",
         "Examples:\n"
         "  plumbagoctl import /var/lib/graphite/whisper\n"
         "  plumbagoctl import /mnt/old/whisper --tenant acme --prefix old\n"
         "  plumbagoctl import /mnt/old/whisper --tag-names names.txt\n"
         "Series that exist have their gaps filled; nothing that is there is overwritten. The\n"
         "source is not changed. To go on after an interruption, run it again: equal files are\n"
         "not sent. Compressed files of go-carbon become classic ones.",
         v1::SeriesOffer::CREATE_OR_FILL);
  AddOne(app, session, "fill", "Fill gaps of stored series from whisper files of another copy",
         "Examples:\n"
         "  plumbagoctl fill /mnt/replica/whisper\n"
         "  plumbagoctl fill /mnt/backup/whisper --tenant acme\n"
         "As import, but makes no series: files of series that are not stored are left out.",
         v1::SeriesOffer::FILL_ONLY);
}

}  // namespace plumbago::ctl
