#include "store/storage_policies.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status.h"
#include "store/series_name.h"

namespace plumbago::store {
namespace {

constexpr uint64_t kFileBytesMax = 16 << 20;

std::shared_ptr<const StoragePolicy> MakePolicy(PolicySource source, whisper::StorageRules rules) {
  return std::make_shared<StoragePolicy>(
      StoragePolicy{.source = source, .rules = std::move(rules)});
}

std::string ContentOf(const whisper::StorageRules::Text& text) {
  return absl::StrCat(text.schemas, absl::string_view("\0", 1), text.aggregation);
}

// Empty where there is no file.
absl::StatusOr<std::string> ReadIfThere(base::FileSystem& file_system, const std::string& path) {
  auto content = base::ReadWholeFile(file_system, path, kFileBytesMax);
  if (absl::IsNotFound(content.status())) return std::string();
  return content;
}

}  // namespace

absl::string_view PolicySourceName(PolicySource source) {
  switch (source) {
    case PolicySource::kController:
      return "controller";
    case PolicySource::kTenantFiles:
      return "tenant files";
    case PolicySource::kStoreFiles:
      return "store files";
    case PolicySource::kBuiltIn:
      return "built in";
  }
  PLUMBAGO_CHECK(false);
}

const StoragePolicy& PolicySet::Of(absl::string_view tenant) const {
  const auto found = by_tenant_.find(tenant);
  return found == by_tenant_.end() ? *default_ : *found->second;
}

StoragePolicies::StoragePolicies(base::FileSystem& file_system, base::Metrics& metrics,
                                 Options options)
    : file_system_(file_system),
      options_(std::move(options)),
      failures_(metrics.AddCounter("plumbago_store_policy_reload_failures_total",
                                   "Storage policies that were refused; the one before stays in "
                                   "force and the log says what is wrong")),
      generation_gauge_(metrics.AddGauge("plumbago_store_policy_generation",
                                         "Grows with each change of the storage policies")) {
  base::MutexLock change_lock(change_mutex_);
  default_.policy =
      MakePolicy(PolicySource::kBuiltIn, whisper::StorageRules::Parse(options_.built_in).value());
  is_changed_ = true;
  Publish();
}

StoragePolicies::~StoragePolicies() { Stop(); }

absl::Status StoragePolicies::Load() {
  base::MutexLock change_lock(change_mutex_);
  const std::vector<absl::Status> problems = ReadFiles(Problems::kAll);
  if (!problems.empty()) return problems.front();
  Publish();
  return absl::OkStatus();
}

void StoragePolicies::Reload(Problems report) {
  base::MutexLock change_lock(change_mutex_);
  Report(ReadFiles(report));
  Publish();
}

void StoragePolicies::Apply(const topology::Snapshot& snapshot) {
  base::MutexLock change_lock(change_mutex_);
  Origins pushed;
  std::vector<absl::Status> problems;
  for (const v1::Tenant& tenant : snapshot.proto().tenant()) {
    if (!tenant.has_storage_policy()) continue;
    const auto known = pushed_.find(tenant.id());
    Origin& origin = pushed[tenant.id()];
    if (known != pushed_.end()) origin = std::move(known->second);
    const auto name = [&](absl::string_view file) {
      return absl::StrCat(file, " of tenant ", tenant.id(), " from the controller");
    };
    const Text text{.schemas = tenant.storage_policy().storage_schemas(),
                    .schemas_file = name("storage-schemas.conf"),
                    .aggregation = tenant.storage_policy().storage_aggregation(),
                    .aggregation_file = name("storage-aggregation.conf")};
    Renew(PolicySource::kController, text, Problems::kNew, &origin, &problems);
  }
  is_changed_ = is_changed_ || pushed.size() != pushed_.size();
  for (const auto& [tenant, origin] : pushed_)
    is_changed_ = is_changed_ || !pushed.contains(tenant);
  pushed_ = std::move(pushed);
  Report(problems);
  Publish();
}

std::vector<absl::Status> StoragePolicies::ReadFiles(Problems report) {
  std::vector<absl::Status> problems;
  if (!options_.schemas_path.empty() || !options_.aggregation_path.empty()) {
    Renew(PolicySource::kStoreFiles, ReadDefaultText(), report, &default_, &problems);
  }
  if (!options_.tenants_directory.empty()) ReadTenants(report, &problems);
  return problems;
}

absl::StatusOr<StoragePolicies::Text> StoragePolicies::ReadDefaultText() const {
  Text text;
  if (!options_.schemas_path.empty()) {
    PLUMBAGO_ASSIGN_OR_RETURN(
        text.schemas, base::ReadWholeFile(file_system_, options_.schemas_path, kFileBytesMax));
    text.schemas_file = options_.schemas_path;
  }
  if (!options_.aggregation_path.empty()) {
    PLUMBAGO_ASSIGN_OR_RETURN(
        text.aggregation,
        base::ReadWholeFile(file_system_, options_.aggregation_path, kFileBytesMax));
    text.aggregation_file = options_.aggregation_path;
  }
  return text;
}

void StoragePolicies::ReadTenants(Problems report, std::vector<absl::Status>* problems) {
  const auto entries = file_system_.ListDirectory(options_.tenants_directory);
  if (!entries.ok()) {
    if (report == Problems::kAll || entries.status() != directory_.problem) {
      problems->push_back(entries.status());
    }
    directory_.problem = entries.status();
    return;
  }
  directory_.problem = absl::OkStatus();
  absl::flat_hash_set<std::string> present;
  for (const base::DirectoryEntry& entry : *entries) {
    // Links are followed: Kubernetes mounts its ConfigMaps as such.
    if (entry.is_regular || !CheckTenant(entry.name).ok()) continue;
    const auto text = ReadTenantText(entry.name);
    if (text.ok() && text->schemas.empty() && text->aggregation.empty()) continue;
    present.insert(entry.name);
    Renew(PolicySource::kTenantFiles, text, report, &tenant_files_[entry.name], problems);
  }
  for (auto origin = tenant_files_.begin(); origin != tenant_files_.end();) {
    const bool is_gone = !present.contains(origin->first);
    is_changed_ = is_changed_ || is_gone;
    origin = is_gone ? tenant_files_.erase(origin) : std::next(origin);
  }
}

absl::StatusOr<StoragePolicies::Text> StoragePolicies::ReadTenantText(
    const std::string& tenant) const {
  const std::string directory = absl::StrCat(options_.tenants_directory, "/", tenant);
  Text text{.schemas = "",
            .schemas_file = absl::StrCat(directory, "/storage-schemas.conf"),
            .aggregation = "",
            .aggregation_file = absl::StrCat(directory, "/storage-aggregation.conf")};
  PLUMBAGO_ASSIGN_OR_RETURN(text.schemas, ReadIfThere(file_system_, text.schemas_file));
  PLUMBAGO_ASSIGN_OR_RETURN(text.aggregation, ReadIfThere(file_system_, text.aggregation_file));
  return text;
}

void StoragePolicies::Renew(PolicySource source, const absl::StatusOr<Text>& text, Problems report,
                            Origin* origin, std::vector<absl::Status>* problems) {
  const absl::Status problem_before = origin->problem;
  if (!text.ok()) {
    origin->problem = text.status();
    origin->is_read = false;  // what comes next is news, even where it is what was before
  } else if (std::string content = ContentOf(*text);
             !origin->is_read || content != origin->content) {
    origin->is_read = true;
    origin->content = std::move(content);
    auto rules = whisper::StorageRules::Parse(*text);
    origin->problem = rules.status();
    if (rules.ok()) {
      origin->policy = MakePolicy(source, *std::move(rules));
      is_changed_ = true;
    }
  }
  if (origin->problem.ok()) return;
  if (report == Problems::kAll || origin->problem != problem_before) {
    problems->push_back(origin->problem);
  }
}

void StoragePolicies::Publish() {
  if (!std::exchange(is_changed_, false)) return;
  auto next = std::make_shared<PolicySet>();
  next->default_ = default_.policy;
  for (const Origins* origins : {&tenant_files_, &pushed_}) {  // the later one decides
    for (const auto& [tenant, origin] : *origins) {
      if (origin.policy != nullptr) next->by_tenant_[tenant] = origin.policy;
    }
  }
  base::MutexLock lock(mutex_);
  next->generation_ = current_ == nullptr ? 1 : current_->generation() + 1;
  generation_gauge_.Set(static_cast<double>(next->generation()));
  current_ = std::move(next);
}

void StoragePolicies::Report(const std::vector<absl::Status>& problems) {
  for (const absl::Status& problem : problems) {
    failures_.Increment();
    base::LogError(absl::StrCat("storage policy refused, the one before it stays in force: ",
                                problem.message()));
  }
}

std::shared_ptr<const PolicySet> StoragePolicies::Current() const {
  base::MutexLock lock(mutex_);
  return current_;
}

void StoragePolicies::Start(base::Clock& clock, absl::Duration interval) {
  poll_thread_ = std::thread([this, &clock, interval] { RunPolling(clock, interval); });
}

void StoragePolicies::Stop() {
  {
    base::MutexLock lock(stop_mutex_);
    is_stopping_ = true;
  }
  stop_begins_.NotifyAll();
  if (poll_thread_.joinable()) poll_thread_.join();
}

void StoragePolicies::RunPolling(base::Clock& clock, absl::Duration interval) {
  absl::Duration next = clock.Monotonic() + interval;
  for (;;) {
    {
      base::MutexLock lock(stop_mutex_);
      while (!is_stopping_ && clock.Monotonic() < next) {
        stop_begins_.WaitFor(lock, absl::ToInt64Nanoseconds(next - clock.Monotonic()));
      }
      if (is_stopping_) return;
    }
    Reload(Problems::kNew);
    next = clock.Monotonic() + interval;
  }
}

}  // namespace plumbago::store
