// Shards in memory, answering at once, with an error, or never.
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/mutex.h"
#include "functions/series.h"
#include "query/shard_client.h"
#include "query/testing/fake_series.h"
#include "topology/slot_map.h"

namespace plumbago::query {

class FakeShard final : public ShardClient {
 public:
  using Stored = FakeSeries;

  std::map<std::string, Stored> stored;
  std::map<std::string, std::vector<std::pair<uint32_t, double>>> hot;
  absl::Status store_status;
  absl::Status cache_status;
  absl::Status reduce_status;
  std::shared_ptr<base::Cancellation> fetch_cancellation;  // of the last fetch, shared with it
  bool is_silent = false;
  bool is_silent_to_reductions = false;
  bool is_usable = true;
  absl::Duration usual_time = absl::InfiniteDuration();
  size_t deferred_max = 0;         // not 0: answers wait for AnswerDeferred()
  std::vector<std::string> calls;  // "find web.*", "fetch a,b", "hot a,b"

  // Waits until as many answers as are deferred at most are there, and gives them.
  void AnswerDeferred() {
    base::MutexLock lock(mutex_);
    while (deferred_.size() < deferred_max) changed_.Wait(lock);
    for (const auto& answer : deferred_) answer();
    deferred_.clear();
  }

  bool IsUsable() override { return is_usable; }
  absl::Duration UsualTime(CallKind) override { return usual_time; }

  void Probe(Service service, absl::Time, std::function<void(absl::Status)> done) override {
    calls.push_back(service == Service::kStore ? "probe store" : "probe cache");
    done(service == Service::kStore ? store_status : cache_status);
  }

  // The pattern is the whole name, or ends in '*' and matches by what is before it.
  void Find(const ShardCall& call, const std::string& pattern, size_t,
            Done<FoundNode> done) override {
    calls.push_back(absl::StrCat("find ", call.tenant, " ", pattern));
    std::vector<FoundNode> nodes;
    for (const auto& [name, series] : stored) {
      if (name.starts_with(pattern.substr(0, pattern.find('*')))) nodes.push_back({name, true});
    }
    Answer(store_status, std::move(nodes), done);
  }

  // Expressions are tag=value, or tag!= for any value; a series has them all.
  void FindTagged(const ShardCall&, const std::vector<std::string>& expressions, size_t,
                  Done<std::string> done) override {
    calls.push_back("tagged " + Joined(expressions));
    std::vector<std::string> names;
    for (const auto& [name, series] : stored) {
      bool matches = true;
      for (const std::string& expression : expressions) {
        const bool is_any = expression.ends_with("!=");
        const std::string part =
            is_any ? expression.substr(0, expression.size() - 2) + "=" : expression + ";";
        matches &= absl::StrContains(name + ";", ";" + part);
      }
      if (matches) names.push_back(name);
    }
    Answer(store_status, std::move(names), done);
  }

  // By expressions as FindTagged, of names with sorted tags.
  void CompleteTags(const ShardCall&, const TagQuestion& question, Done<TagEntry> done) override {
    calls.push_back(absl::StrCat("complete ", question.tag, "=", question.prefix, " of ",
                                 Joined(question.expressions), " max ", question.count_max));
    std::map<std::string, uint64_t> counts;
    for (const auto& [name, series] : stored) {
      if (!absl::StrContains(name, ';')) continue;
      for (const auto& [tag, value] : TagsOf(name)) {
        const bool is_asked = question.tag.empty() || question.tag == tag;
        const std::string& text = question.tag.empty() ? tag : value;
        if (is_asked && text.starts_with(question.prefix)) ++counts[text];
      }
    }
    std::vector<TagEntry> entries;
    for (const auto& [text, count] : counts) {
      if (entries.size() < question.count_max) entries.push_back({text, count});
    }
    Answer(store_status, std::move(entries), done);
  }

  void CreateSeries(const ShardCall&, Metrics metrics, Done<std::string> done) override {
    calls.push_back("create " + Joined(*metrics));
    for (const std::string& metric : *metrics) stored[metric];
    Answer(store_status, std::vector<std::string>(), done);
  }

  void DeleteSeries(const ShardCall&, Metrics metrics, Done<std::string> done) override {
    calls.push_back("delete " + Joined(*metrics));
    for (const std::string& metric : *metrics) stored.erase(metric);
    Answer(store_status, std::vector<std::string>(), done);
  }

  void List(const ShardCall&, size_t, Done<std::string> done) override {
    std::vector<std::string> names;
    for (const auto& [name, series] : stored) names.push_back(name);
    Answer(store_status, std::move(names), done);
  }

  void Fetch(const ShardCall& call, Metrics metrics, const FetchRange& range, int64_t,
             Done<StoredSeries> done) override {
    calls.push_back("fetch " + Joined(*metrics));
    fetch_cancellation = call.cancellation;
    std::vector<StoredSeries> answer;
    for (size_t i = 0; i < metrics->size(); ++i) {
      const auto entry = stored.find((*metrics)[i]);
      if (entry != stored.end()) answer.push_back(ReadFake(i, entry->second, range));
    }
    Answer(store_status, std::move(answer), done);
  }

  void Reduce(const ShardCall&, std::shared_ptr<const ReduceQuestion> question,
              const FetchRange& range, int64_t, Done<ReducedGroup> done) override {
    calls.push_back(absl::StrCat("reduce ", question->groups.size()));
    std::vector<ReducedGroup> answer;
    for (size_t i = 0; i < question->groups.size(); ++i) {
      answer.push_back(ReduceFakes(stored, question->groups[i], question->tail_from, range));
      answer.back().group_index = i;
    }
    if (is_silent_to_reductions) return;
    Answer(reduce_status.ok() ? store_status : reduce_status, std::move(answer), done);
  }

  void Describe(const ShardCall&, Metrics metrics, Done<SeriesLayout> done) override {
    calls.push_back("describe " + Joined(*metrics));
    std::vector<SeriesLayout> answer;
    for (size_t i = 0; i < metrics->size(); ++i) {
      const auto entry = stored.find((*metrics)[i]);
      if (entry == stored.end()) continue;
      const auto step = static_cast<uint32_t>(entry->second.step);
      answer.push_back({i, {{step, 60}, {step * 10, 100}}, entry->second.method, 0.5});
    }
    Answer(store_status, std::move(answer), done);
  }

  void ReadHot(const ShardCall&, Metrics metrics, const FetchRange&,
               Done<HotSeries> done) override {
    calls.push_back("hot " + Joined(*metrics));
    std::vector<HotSeries> answer;
    for (size_t i = 0; i < metrics->size(); ++i) {
      const auto entry = hot.find((*metrics)[i]);
      if (entry == hot.end()) continue;
      HotSeries& series = answer.emplace_back();
      series.metric_index = i;
      for (const auto& [time, value] : entry->second) {
        series.times.push_back(time);
        series.values.push_back(value);
      }
    }
    Answer(cache_status, std::move(answer), done);
  }

 private:
  template <typename T>
  void Answer(const absl::Status& status, std::vector<T> answer, const Done<T>& done) {
    if (is_silent) return;
    absl::StatusOr<std::vector<T>> result = std::move(answer);
    if (!status.ok()) result = status;
    if (deferred_max == 0) return done(result);
    base::MutexLock lock(mutex_);
    deferred_.push_back([done, result] { done(result); });
    changed_.NotifyAll();
  }

  static std::map<std::string, std::string> TagsOf(const std::string& name) {
    std::map<std::string, std::string> tags;
    const std::vector<std::string> parts = absl::StrSplit(name, ';');
    tags["name"] = parts[0];
    for (size_t i = 1; i < parts.size(); ++i) {
      const std::pair<std::string, std::string> tag =
          absl::StrSplit(parts[i], absl::MaxSplits('=', 1));
      tags[tag.first] = tag.second;
    }
    return tags;
  }

  static std::string Joined(const std::vector<std::string>& metrics) {
    std::string text;
    for (const std::string& metric : metrics) text += (text.empty() ? "" : ",") + metric;
    return text;
  }

  base::Mutex mutex_;
  base::CondVar changed_;
  std::vector<std::function<void()>> deferred_ ABSL_GUARDED_BY(mutex_);
};

class FakeShards final : public ShardClients {
 public:
  std::shared_ptr<ShardClient> Of(const topology::ShardInfo& shard) override {
    return shards.at(shard.id);
  }
  bool TakeHedge() override { return hedges > 0 && hedges-- > 0; }

  int hedges = 0;

  std::map<std::string, std::shared_ptr<FakeShard>> shards;
};

}  // namespace plumbago::query
