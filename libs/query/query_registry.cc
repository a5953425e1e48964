#include "query/query_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::query {

const char* QueryStateName(QueryState state) {
  switch (state) {
    case QueryState::kWaiting:
      return "waiting";
    case QueryState::kRunning:
      return "running";
    case QueryState::kSharing:
      return "sharing";
    case QueryState::kSending:
      return "sending";
  }
  return "unknown";
}

std::unique_ptr<QueryRegistry::Entry> QueryRegistry::Add(
    QueryInfo info, std::shared_ptr<base::Cancellation> parent) {
  base::MutexLock lock(mutex_);
  info.id = ++last_id_;
  const uint64_t id = info.id;
  std::unique_ptr<Entry> entry(new Entry(*this, std::move(info), std::move(parent)));
  entries_.emplace(id, entry.get());
  return entry;
}

QueryRegistry::Entry::Entry(QueryRegistry& registry, QueryInfo info,
                            std::shared_ptr<base::Cancellation> parent)
    : registry_(registry), info_(std::move(info)), parent_(std::move(parent)) {
  if (parent_ == nullptr) return;
  parent_callback_ = parent_->Add([own = cancellation_] { own->Cancel(); });
}

QueryRegistry::Entry::~Entry() {
  if (parent_ != nullptr) parent_->Remove(parent_callback_);
  base::MutexLock lock(registry_.mutex_);
  registry_.entries_.erase(info_.id);
}

absl::Status QueryRegistry::Entry::CheckKilled() const {
  if (!is_killed_.load(std::memory_order_acquire)) return absl::OkStatus();
  return base::WithReason(absl::UnavailableError(absl::StrCat(
                              "an operator has ended this query (", info_.id,
                              ") with plumbagoctl query kill; ask for less before asking again")),
                          kKilled);
}

std::vector<QueryInfo> QueryRegistry::List() const {
  std::vector<QueryInfo> list;
  base::MutexLock lock(mutex_);
  for (const auto& [id, entry] : entries_) {
    list.push_back(entry->info_);
    list.back().state = entry->state_.load(std::memory_order_relaxed);
  }
  return list;
}

absl::Status QueryRegistry::Kill(uint64_t id) {
  std::shared_ptr<base::Cancellation> cancellation;
  {
    base::MutexLock lock(mutex_);
    const auto entry = entries_.find(id);
    if (entry == entries_.end()) {
      return absl::NotFoundError(
          absl::StrCat("there is no query ", id, " here; it may have ended by itself"));
    }
    entry->second->is_killed_.store(true, std::memory_order_release);
    cancellation = entry->second->cancellation_;
  }
  cancellation->Cancel();
  return absl::OkStatus();
}

}  // namespace plumbago::query
