#include "query/series_reader.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "query/gather.h"
#include "query/series_merge.h"

namespace plumbago::query {
namespace {

constexpr size_t kWarningsMax = 20;
// A step may reach beyond the end of the range; points behind it are cut off by index.
constexpr int64_t kHotSlackSeconds = 3600;

bool IsBefore(const FoundNode& a, const FoundNode& b) {
  return a.path != b.path ? a.path < b.path : a.is_leaf < b.is_leaf;
}

bool IsSame(const FoundNode& a, const FoundNode& b) {
  return a.path == b.path && a.is_leaf == b.is_leaf;
}

int64_t Clamp(int64_t seconds) {
  return std::clamp<int64_t>(seconds, 0, std::numeric_limits<uint32_t>::max());
}

}  // namespace

bool IsExactName(absl::string_view pattern) {
  return pattern.find_first_of("*?[{") == absl::string_view::npos;
}

struct SeriesReader::Part {
  size_t fetch_index = 0;
  uint16_t shard = 0;
  Metrics metrics;
  absl::StatusOr<std::vector<StoredSeries>> stored = std::vector<StoredSeries>();
  absl::StatusOr<std::vector<HotSeries>> hot = std::vector<HotSeries>();
};

SeriesReader::SeriesReader(const RequestContext& request, const Limits& limits,
                           ShardClients& clients, base::Clock& clock, ShardReport& report)
    : request_(request), limits_(limits), clients_(clients), clock_(clock), report_(report) {}

absl::Status SeriesReader::Read(const std::vector<functions::Fetch>& fetches, double x_files_factor,
                                functions::FetchedData& data) {
  PLUMBAGO_RETURN_IF_ERROR(CheckTopology());
  fetch_count_ += fetches.size();
  if (fetch_count_ > limits_.fetches_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the query needs ", fetch_count_, " different fetches, more than ",
                     limits_.fetches_max, " (--fetches-per-query-max); ask for fewer targets"));
  }
  PLUMBAGO_RETURN_IF_ERROR(Expand(fetches));
  PLUMBAGO_RETURN_IF_ERROR(CountSeries(fetches));
  std::vector<Part> parts = Split(fetches);
  PLUMBAGO_RETURN_IF_ERROR(ReadParts(fetches, parts));
  for (size_t i = 0; i < fetches.size(); ++i) {
    data.Add(fetches[i], Assemble(fetches[i], i, x_files_factor, parts));
  }
  return absl::OkStatus();
}

absl::Status SeriesReader::CheckTopology() const {
  if (request_.slot_map != nullptr && !request_.slot_map->shards().empty()) return absl::OkStatus();
  return absl::UnavailableError(
      "no shards are known yet: the tenant-controller has not been reached, or has no shard");
}

absl::Status SeriesReader::Expand(const std::vector<functions::Fetch>& fetches) {
  std::vector<std::string> patterns;
  for (const functions::Fetch& fetch : fetches) {
    if (names_.contains(fetch.pattern)) continue;
    Names& names = names_[fetch.pattern];
    if (!IsExactName(fetch.pattern)) {
      patterns.push_back(fetch.pattern);
      continue;
    }
    names.push_back({fetch.pattern, {}});
    AddReplicas(fetch.pattern, names.back());
    report_.NeedSlot(topology::SlotOf(request_.tenant, fetch.pattern));
  }
  return patterns.empty() ? absl::OkStatus() : ExpandPatterns(patterns);
}

absl::Status SeriesReader::ExpandPatterns(const std::vector<std::string>& patterns) {
  report_.NeedAllSlots();
  const std::vector<uint16_t> shards = ActiveShards();
  const ShardCall call = MakeCall();
  Gather<FoundNode> gather;
  for (const std::string& pattern : patterns) {
    for (const uint16_t shard : shards) {
      ClientOf(shard)->Find(call, pattern, limits_.find_matches_max, gather.Expect());
    }
  }
  auto results = gather.Wait(clock_, call.deadline);
  size_t next = 0;
  for (const std::string& pattern : patterns) {
    std::map<std::string, Name> found;
    for (const uint16_t shard : shards) {
      auto& result = results[next++];
      report_.Add(shard, "find", result.status());
      if (IsOfRequest(result.status())) return result.status();
      if (!result.ok()) continue;
      for (FoundNode& node : *result) {
        if (!node.is_leaf) continue;
        Name& name = found[node.path];
        name.metric = std::move(node.path);
        name.shards.push_back(shard);
      }
    }
    Names& names = names_[pattern];
    for (auto& [metric, name] : found) {
      AddReplicas(metric, name);
      names.push_back(std::move(name));
    }
  }
  return absl::OkStatus();
}

std::vector<uint16_t> SeriesReader::ActiveShards() const {
  std::vector<uint16_t> active;
  const std::vector<topology::ShardInfo>& shards = request_.slot_map->shards();
  for (size_t i = 0; i < shards.size(); ++i) {
    if (shards[i].state == topology::ShardState::kActive)
      active.push_back(static_cast<uint16_t>(i));
  }
  return active;
}

// Shards that found a name may hold it without owning its slot: files of another tool, or a slot
// that moved. The owners are asked in any case, for their hot points.
void SeriesReader::AddReplicas(const std::string& metric, Name& name) const {
  const uint32_t slot = topology::SlotOf(request_.tenant, metric);
  for (const uint16_t shard : request_.slot_map->ReplicasOf(slot)) {
    if (request_.slot_map->shards()[shard].state == topology::ShardState::kActive) {
      name.shards.push_back(shard);
    }
  }
  std::sort(name.shards.begin(), name.shards.end());
  name.shards.erase(std::unique(name.shards.begin(), name.shards.end()), name.shards.end());
}

absl::Status SeriesReader::CountSeries(const std::vector<functions::Fetch>& fetches) {
  for (const functions::Fetch& fetch : fetches) series_count_ += names_[fetch.pattern].size();
  if (series_count_ <= limits_.series_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the query reads ", series_count_, " series, more than ", limits_.series_max,
                   " (--series-per-query-max); use narrower patterns"));
}

std::vector<SeriesReader::Part> SeriesReader::Split(
    const std::vector<functions::Fetch>& fetches) const {
  std::vector<Part> parts;
  for (size_t i = 0; i < fetches.size(); ++i) {
    std::map<uint16_t, std::vector<std::string>> by_shard;
    for (const Name& name : names_.at(fetches[i].pattern)) {
      for (const uint16_t shard : name.shards) by_shard[shard].push_back(name.metric);
    }
    for (auto& [shard, metrics] : by_shard) {
      Part& part = parts.emplace_back();
      part.fetch_index = i;
      part.shard = shard;
      part.metrics = std::make_shared<const std::vector<std::string>>(std::move(metrics));
    }
  }
  return parts;
}

absl::Status SeriesReader::ReadParts(const std::vector<functions::Fetch>& fetches,
                                     std::vector<Part>& parts) {
  const ShardCall call = MakeCall();
  const int64_t points_left = limits_.points_max - point_count_;
  Gather<StoredSeries> stored;
  Gather<HotSeries> hot;
  for (const Part& part : parts) {
    const functions::TimeRange& range = fetches[part.fetch_index].range;
    const std::shared_ptr<ShardClient> client = ClientOf(part.shard);
    client->Fetch(call, part.metrics, {Clamp(range.from), Clamp(range.until), request_.now},
                  points_left, stored.Expect());
    client->ReadHot(call, part.metrics,
                    {Clamp(range.from), Clamp(range.until + kHotSlackSeconds), request_.now},
                    hot.Expect());
  }
  auto stored_results = stored.Wait(clock_, call.deadline);
  auto hot_results = hot.Wait(clock_, call.deadline);
  for (size_t i = 0; i < parts.size(); ++i) {
    Part& part = parts[i];
    part.stored = std::move(stored_results[i]);
    part.hot = std::move(hot_results[i]);
    report_.Add(part.shard, "fetch", part.stored.status());
    report_.Add(part.shard, "cache read", part.hot.status());
    if (IsOfRequest(part.stored.status())) return part.stored.status();
    PLUMBAGO_RETURN_IF_ERROR(CountPoints(part));
  }
  if (clock_.Now() >= request_.deadline) {
    return absl::DeadlineExceededError("the query took longer than --request-timeout");
  }
  return absl::OkStatus();
}

absl::Status SeriesReader::CountPoints(const Part& part) {
  if (!part.stored.ok()) return absl::OkStatus();
  for (const StoredSeries& series : *part.stored) {
    point_count_ += static_cast<int64_t>(series.values.size());
  }
  if (point_count_ <= limits_.points_max) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the query reads more than ", limits_.points_max,
                   " points (--points-per-query-max); ask for a shorter range or fewer series"));
}

functions::SeriesList SeriesReader::Assemble(const functions::Fetch& fetch, size_t fetch_index,
                                             double x_files_factor, std::vector<Part>& parts) {
  std::map<std::string, StoredSeries> merged;
  for (Part& part : parts) {
    if (part.fetch_index != fetch_index || !part.stored.ok()) continue;
    for (StoredSeries& series : *part.stored) {
      if (series.metric_index >= part.metrics->size() || series.step < 1) continue;
      const std::string& metric = (*part.metrics)[series.metric_index];
      if (!series.error.empty()) {
        Warn(metric, series.error);
        continue;
      }
      const auto [entry, is_new] = merged.try_emplace(metric);
      if (is_new) {
        entry->second = std::move(series);
      } else {
        MergeStored(std::move(series), entry->second);
      }
    }
  }
  for (const Part& part : parts) {
    if (part.fetch_index != fetch_index || !part.hot.ok()) continue;
    for (const HotSeries& hot : *part.hot) {
      if (hot.metric_index >= part.metrics->size()) continue;
      // Without a file the step is not known yet; the cache flushes new series first.
      const auto entry = merged.find((*part.metrics)[hot.metric_index]);
      if (entry != merged.end()) MergeHot(hot, entry->second);
    }
  }
  functions::SeriesList list;
  list.reserve(merged.size());
  for (auto& [metric, stored] : merged) {
    const int64_t end = stored.start + static_cast<int64_t>(stored.values.size()) * stored.step;
    functions::Series series =
        functions::MakeSeries(metric, stored.start, end, stored.step, std::move(stored.values));
    series.path_expression = fetch.pattern;
    series.x_files_factor = x_files_factor;
    list.push_back(std::move(series));
  }
  return list;
}

void SeriesReader::Warn(absl::string_view metric, absl::string_view error) {
  if (warnings_.size() > kWarningsMax) return;
  warnings_.push_back(warnings_.size() == kWarningsMax
                          ? std::string("further series could not be read")
                          : absl::StrCat(base::Excerpt(metric), ": ", base::Excerpt(error)));
}

absl::StatusOr<std::vector<FoundNode>> SeriesReader::Find(const std::string& pattern) {
  PLUMBAGO_RETURN_IF_ERROR(CheckTopology());
  report_.NeedAllSlots();
  const ShardCall call = MakeCall();
  const std::vector<uint16_t> shards = ActiveShards();
  Gather<FoundNode> gather;
  for (const uint16_t shard : shards) {
    ClientOf(shard)->Find(call, pattern, limits_.find_matches_max, gather.Expect());
  }
  auto results = gather.Wait(clock_, call.deadline);
  std::vector<FoundNode> nodes;
  for (size_t i = 0; i < shards.size(); ++i) {
    report_.Add(shards[i], "find", results[i].status());
    if (IsOfRequest(results[i].status())) return results[i].status();
    if (!results[i].ok()) continue;
    nodes.insert(nodes.end(), std::make_move_iterator(results[i]->begin()),
                 std::make_move_iterator(results[i]->end()));
  }
  std::sort(nodes.begin(), nodes.end(), IsBefore);
  nodes.erase(std::unique(nodes.begin(), nodes.end(), IsSame), nodes.end());
  return nodes;
}

absl::StatusOr<std::vector<std::string>> SeriesReader::List() {
  PLUMBAGO_RETURN_IF_ERROR(CheckTopology());
  report_.NeedAllSlots();
  const ShardCall call = MakeCall();
  const std::vector<uint16_t> shards = ActiveShards();
  Gather<std::string> gather;
  for (const uint16_t shard : shards) {
    ClientOf(shard)->List(call, limits_.find_matches_max, gather.Expect());
  }
  auto results = gather.Wait(clock_, call.deadline);
  std::vector<std::string> names;
  for (size_t i = 0; i < shards.size(); ++i) {
    report_.Add(shards[i], "list", results[i].status());
    if (IsOfRequest(results[i].status())) return results[i].status();
    if (!results[i].ok()) continue;
    names.insert(names.end(), std::make_move_iterator(results[i]->begin()),
                 std::make_move_iterator(results[i]->end()));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

ShardCall SeriesReader::MakeCall() const {
  return {request_.tenant, request_.slot_map->epoch(),
          std::min(request_.deadline, clock_.Now() + limits_.shard_timeout)};
}

std::shared_ptr<ShardClient> SeriesReader::ClientOf(uint16_t shard) const {
  return clients_.Of(request_.slot_map->shards()[shard]);
}

bool SeriesReader::IsOfRequest(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsResourceExhausted(status);
}

}  // namespace plumbago::query
