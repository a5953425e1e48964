#include "tenancy/event_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace plumbago::tenancy {
namespace {

constexpr absl::string_view kFormatKey = "format";
constexpr absl::string_view kFormat = "1";
constexpr absl::string_view kEventPrefix = "event/";
constexpr absl::string_view kLastIdPrefix = "last_id/";
constexpr size_t kTagsMax = 100;
// Of one write to the database.
constexpr size_t kRemovalsMax = 1000;
constexpr int64_t kTimeMax = int64_t{253'402'300'799} * 1'000'000;  // the end of 9999

std::string EventsOf(absl::string_view tenant) { return absl::StrCat(kEventPrefix, tenant, "/"); }

// In the order of time; times are not negative.
std::string KeyOf(absl::string_view tenant, const v1::Event& event) {
  return absl::StrCat(EventsOf(tenant), absl::Hex(event.when_unix_us(), absl::kZeroPad16), "/",
                      absl::Hex(event.id(), absl::kZeroPad16));
}

absl::Status Malformed(absl::string_view key) {
  return absl::DataLossError(absl::StrCat("event record \"", base::Excerpt(key),
                                          "\" is malformed; restore the events from a backup, or "
                                          "remove their directory to begin without events"));
}

absl::Status CheckEvent(const v1::Event& event, size_t bytes_max) {
  size_t bytes = event.what().size() + event.data().size();
  for (const std::string& tag : event.tag()) {
    bytes += tag.size() + 1;
    if (tag.empty() || tag.find_first_of(" \t\r\n") != std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("the tag \"", base::Excerpt(tag), "\" is empty or has blanks"));
    }
  }
  if (static_cast<size_t>(event.tag_size()) > kTagsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the event has ", event.tag_size(), " tags, more than ", kTagsMax));
  }
  if (bytes > bytes_max) {
    return absl::InvalidArgumentError(absl::StrCat("the event has ", bytes, " bytes, more than ",
                                                   bytes_max,
                                                   " (--event-bytes-max); shorten its data"));
  }
  if (event.when_unix_us() < 0 || event.when_unix_us() > kTimeMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the event's time is ", event.when_unix_us() / 1'000'000,
                     "; use seconds since 1970, up to the year 9999"));
  }
  return absl::OkStatus();
}

// Which events the tags of a request choose, as graphite-web's events/models.py does.
class TagFilter {
 public:
  explicit TagFilter(const v1::FindEventsRequest& request)
      : match_(request.match()),
        is_on_(request.has_tags()),
        wanted_(request.tag().begin(), request.tag().end()) {}

  // Whether the filter must see all events before it can decide.
  bool NeedsKnownTags() const { return is_on_ && match_ == v1::FindEventsRequest::ALL_KNOWN; }
  void LearnTags(const v1::Event& event) {
    for (const std::string& tag : event.tag()) {
      if (wanted_.count(tag) > 0) known_.insert(tag);
    }
  }

  bool Takes(const v1::Event& event) const {
    if (!is_on_) return true;
    const std::set<std::string> tags(event.tag().begin(), event.tag().end());
    const auto has = [&](const std::string& tag) { return tags.count(tag) > 0; };
    if (match_ == v1::FindEventsRequest::ANY) {
      return std::any_of(wanted_.begin(), wanted_.end(), has);
    }
    const auto& needed = match_ == v1::FindEventsRequest::ALL ? wanted_ : known_;
    return !needed.empty() && std::all_of(needed.begin(), needed.end(), has);
  }

 private:
  const v1::FindEventsRequest::Match match_;
  const bool is_on_;
  const std::set<std::string> wanted_;
  std::set<std::string> known_;
};

}  // namespace

EventStore::EventStore(base::KeyValue& kv, base::Clock& clock, base::Metrics& metrics,
                       const EventLimits& limits)
    : kv_(kv),
      clock_(clock),
      limits_(limits),
      added_count_(metrics.AddCounter("plumbago_events_added_total", "Events that were added")),
      refused_count_(metrics.AddCounter("plumbago_events_refused_total",
                                        "Events that were not added: a bad field, or earlier than "
                                        "all in a share that is full")),
      expired_count_(metrics.AddCounter("plumbago_events_removed_total", "Events that were removed",
                                        {{"reason", "retention"}})),
      pushed_out_count_(metrics.AddCounter("plumbago_events_removed_total",
                                           "Events that were removed", {{"reason", "share_full"}})),
      tenant_deleted_count_(metrics.AddCounter("plumbago_events_removed_total",
                                               "Events that were removed",
                                               {{"reason", "tenant_deleted"}})),
      event_count_(metrics.AddGauge("plumbago_events", "Events of all tenants")),
      bytes_(metrics.AddGauge("plumbago_events_bytes", "Size of the events of all tenants")) {}

absl::StatusOr<std::unique_ptr<EventStore>> EventStore::Open(base::KeyValue& kv, base::Clock& clock,
                                                             base::Metrics& metrics,
                                                             const EventLimits& limits) {
  std::unique_ptr<EventStore> store(new EventStore(kv, clock, metrics, limits));
  PLUMBAGO_RETURN_IF_ERROR(store->Load());
  return store;
}

absl::Status EventStore::Load() {
  const auto format = kv_.Get(kFormatKey);
  if (absl::IsNotFound(format.status())) {
    PLUMBAGO_RETURN_IF_ERROR(
        kv_.Apply({{.key = std::string(kFormatKey), .value = std::string(kFormat)}},
                  base::KeyValueSync::kDisk));
  } else if (!format.ok()) {
    return format.status();
  } else if (*format != kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("the events have the format \"", base::Excerpt(*format), "\", not ", kFormat,
                     ": a newer release wrote them; run that one"));
  }
  std::map<std::string, Share> shares;
  absl::Status problem;
  const auto load = [&](absl::string_view key, absl::string_view value) {
    problem = LoadRecord(key, value, shares);
    return problem.ok();
  };
  PLUMBAGO_RETURN_IF_ERROR(kv_.Scan("", load));
  base::MutexLock lock(mutex_);
  shares_ = std::move(shares);
  Show();
  return problem;
}

absl::Status EventStore::LoadRecord(absl::string_view key, absl::string_view value,
                                    std::map<std::string, Share>& shares) {
  if (key == kFormatKey) return absl::OkStatus();
  absl::string_view rest = key;
  if (absl::ConsumePrefix(&rest, kLastIdPrefix)) {
    const bool is_number = absl::SimpleAtoi(value, &shares[std::string(rest)].last_id);
    return is_number ? absl::OkStatus() : Malformed(key);
  }
  v1::Event event;
  if (!absl::ConsumePrefix(&rest, kEventPrefix) ||
      !event.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return Malformed(key);
  }
  const std::string tenant(rest.substr(0, rest.find('/')));
  if (key != KeyOf(tenant, event)) return Malformed(key);
  Share& share = shares[tenant];
  ++share.event_count;
  share.bytes += key.size() + value.size();
  return absl::OkStatus();
}

absl::StatusOr<v1::Event> EventStore::Add(const v1::AddEventRequest& request) {
  const std::string& tenant = request.tenant();
  if (const auto status = CheckEvent(request.event(), limits_.event_bytes_max); !status.ok()) {
    refused_count_.Increment();
    return status;
  }
  base::MutexLock lock(mutex_);
  const auto known = shares_.find(tenant);
  Share share = known == shares_.end() ? Share() : known->second;
  v1::Event event = request.event();
  event.set_id(++share.last_id);
  const std::string key = KeyOf(tenant, event);
  std::string record = event.SerializeAsString();
  const uint64_t bytes = key.size() + record.size();
  auto removal = MakeRoom(tenant, share, key, bytes);
  if (!removal.ok()) {
    refused_count_.Increment();
    return removal.status();
  }
  removal->changes.push_back({.key = key, .value = std::move(record)});
  removal->changes.push_back(
      {.key = absl::StrCat(kLastIdPrefix, tenant), .value = absl::StrCat(share.last_id)});
  PLUMBAGO_RETURN_IF_ERROR(kv_.Apply(removal->changes, base::KeyValueSync::kDisk));
  share.event_count += 1 - (removal->expired_count + removal->pushed_out_count);
  share.bytes += bytes - removal->bytes;
  shares_[tenant] = share;
  added_count_.Increment();
  expired_count_.Increment(static_cast<double>(removal->expired_count));
  pushed_out_count_.Increment(static_cast<double>(removal->pushed_out_count));
  Show();
  return event;
}

absl::StatusOr<EventStore::Removal> EventStore::MakeRoom(const std::string& tenant,
                                                         const Share& share, const std::string& key,
                                                         uint64_t bytes) {
  Removal removal;
  const std::string first_kept =
      absl::StrCat(EventsOf(tenant), absl::Hex(FirstKeptTime(), absl::kZeroPad16));
  bool is_refused = false;
  const auto visit = [&](absl::string_view old_key, absl::string_view value) {
    const uint64_t gone = removal.changes.size();
    const bool fits = share.event_count - gone < limits_.tenant_events_max &&
                      share.bytes - removal.bytes + bytes <= limits_.tenant_bytes_max;
    const bool is_expired = old_key < first_kept;
    if (fits && !is_expired) return false;
    is_refused = !is_expired && key < old_key;
    if (is_refused) return false;
    ++(is_expired ? removal.expired_count : removal.pushed_out_count);
    removal.bytes += old_key.size() + value.size();
    removal.changes.push_back({.key = std::string(old_key), .value = {}, .is_removal = true});
    return true;
  };
  PLUMBAGO_RETURN_IF_ERROR(kv_.Scan(EventsOf(tenant), visit));
  if (!is_refused) return removal;
  return absl::ResourceExhaustedError(absl::StrCat(
      "the tenant has as many events as it may, ", limits_.tenant_events_max, " (--events-max) or ",
      limits_.tenant_bytes_max, " bytes (--events-bytes-max), and this one is earlier than all"));
}

absl::Status EventStore::RemoveTenant(const std::string& tenant) {
  base::MutexLock lock(mutex_);
  const auto share = shares_.find(tenant);
  if (share == shares_.end()) return absl::OkStatus();
  for (;;) {
    std::vector<base::KeyValueChange> changes;
    uint64_t bytes = 0;
    const auto visit = [&](absl::string_view key, absl::string_view value) {
      bytes += key.size() + value.size();
      changes.push_back({.key = std::string(key), .value = {}, .is_removal = true});
      return changes.size() < kRemovalsMax;
    };
    PLUMBAGO_RETURN_IF_ERROR(kv_.Scan(EventsOf(tenant), visit));
    if (changes.empty()) break;
    PLUMBAGO_RETURN_IF_ERROR(kv_.Apply(changes, base::KeyValueSync::kDisk));
    share->second.event_count -= changes.size();
    share->second.bytes -= bytes;
    tenant_deleted_count_.Increment(static_cast<double>(changes.size()));
    Show();
  }
  // Last, so that a start after a crash in between knows the tenant still.
  PLUMBAGO_RETURN_IF_ERROR(
      kv_.Apply({{.key = absl::StrCat(kLastIdPrefix, tenant), .value = {}, .is_removal = true}},
                base::KeyValueSync::kDisk));
  shares_.erase(share);
  return absl::OkStatus();
}

int64_t EventStore::FirstKeptTime() const {
  if (limits_.retention == absl::InfiniteDuration()) return 0;
  return std::max<int64_t>(0, absl::ToUnixMicros(clock_.Now() - limits_.retention));
}

absl::StatusOr<v1::Event> EventStore::Get(const std::string& tenant, uint64_t id) {
  v1::Event found;
  const int64_t first_kept = FirstKeptTime();
  const std::string end = absl::StrCat("/", absl::Hex(id, absl::kZeroPad16));
  const auto visit = [&](absl::string_view key, absl::string_view value) {
    if (!absl::EndsWith(key, end)) return true;
    return !found.ParseFromArray(value.data(), static_cast<int>(value.size()));
  };
  PLUMBAGO_RETURN_IF_ERROR(kv_.Scan(EventsOf(tenant), visit));
  if (found.id() == id && id > 0 && found.when_unix_us() >= first_kept) return found;
  return absl::NotFoundError(absl::StrCat("there is no event ", id));
}

absl::Status EventStore::Find(const v1::FindEventsRequest& request, const Visitor& visit) {
  TagFilter filter(request);
  const int64_t from = std::max(request.from_unix_us(), FirstKeptTime());
  absl::Status problem;
  const auto parse = [&](absl::string_view key, absl::string_view value, v1::Event& event) {
    const bool is_good = event.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (!is_good) problem = Malformed(key);
    return is_good;
  };
  const std::string prefix = EventsOf(request.tenant());
  if (filter.NeedsKnownTags()) {
    const auto learn = [&](absl::string_view key, absl::string_view value) {
      v1::Event event;
      if (!parse(key, value, event)) return false;
      filter.LearnTags(event);
      return true;
    };
    PLUMBAGO_RETURN_IF_ERROR(kv_.Scan(prefix, learn));
  }
  const auto choose = [&](absl::string_view key, absl::string_view value) {
    v1::Event event;
    if (!parse(key, value, event) || event.when_unix_us() > request.until_unix_us()) return false;
    if (event.when_unix_us() < from || !filter.Takes(event)) return true;
    return visit(std::move(event));
  };
  PLUMBAGO_RETURN_IF_ERROR(problem);
  PLUMBAGO_RETURN_IF_ERROR(kv_.Scan(prefix, choose));
  return problem;
}

void EventStore::Show() {
  uint64_t event_count = 0;
  uint64_t bytes = 0;
  for (const auto& [tenant, share] : shares_) {
    event_count += share.event_count;
    bytes += share.bytes;
  }
  event_count_.Set(static_cast<double>(event_count));
  bytes_.Set(static_cast<double>(bytes));
}

}  // namespace plumbago::tenancy
