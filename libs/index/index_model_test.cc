// Proves the index by comparing it with a map from names to infos, on random changes: every answer
// after each few changes, and again after it is opened anew. Times are few, so that the latest of a
// branch often has company and often goes.
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "index/series_index.h"

namespace plumbago::index {
namespace {

using Names = std::vector<std::string>;

class Model {
 public:
  explicit Model(unsigned seed) : random_(seed) {}

  void Change() {
    std::vector<SeriesEntry> entries;
    Names names;
    for (size_t count = 1 + random_() % 20; count > 0; --count) {
      names.push_back(RandomName());
      entries.push_back({names.back(), RandomInfo()});
    }
    switch (random_() % 4) {
      case 0:
        REQUIRE(index_->AddMany("t", entries).ok());
        for (const SeriesEntry& entry : entries) series_.emplace(entry.metric, entry.info);
        break;
      case 1:
        REQUIRE(index_->RemoveMany("t", names).ok());
        for (const std::string& name : names) series_.erase(name);
        break;
      default:
        REQUIRE(index_->UpdateMany("t", entries).ok());
        std::set<std::string> seen;
        for (const SeriesEntry& entry : entries) {
          const auto found = series_.find(entry.metric);
          if (found == series_.end() || found->second == entry.info) continue;
          if (seen.insert(entry.metric).second) found->second = entry.info;
        }
    }
  }

  void CheckSeries() const {
    CHECK(index_->series_count() == series_.size());
    for (const auto& [name, info] : series_) {
      INFO(name);
      REQUIRE(index_->Get("t", name).has_value());
      CHECK(*index_->Get("t", name) == info);
    }
    Names listed;
    REQUIRE(index_
                ->ListSeries("t",
                             [&](absl::string_view name) {
                               listed.emplace_back(name);
                               return true;
                             })
                .ok());
    Names expected;
    for (const auto& [name, info] : series_) expected.push_back(name);
    CHECK(listed == expected);
  }

  void CheckUsage() const {
    std::set<std::string> prefixes = {"", "_tagged", "nothing", "n0.nothing"};
    for (const auto& [name, info] : series_) {
      prefixes.insert(name);
      if (absl::StrContains(name, ';')) continue;
      for (size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '.') prefixes.insert(name.substr(0, i));
      }
    }
    for (const std::string& prefix : prefixes) {
      INFO("prefix " << prefix);
      const Usage expected = UsageOf(prefix);
      const Usage usage = index_->UsageOf("t", prefix);
      CHECK(usage.series_count == expected.series_count);
      CHECK(usage.file_bytes == expected.file_bytes);
      CHECK(usage.last_update_unix_seconds == expected.last_update_unix_seconds);
    }
  }

  // What was not written is less than an hour of the time of a last update.
  void Reopen() {
    index_.reset();
    auto opened = SeriesIndex::Open(key_value_);
    REQUIRE(opened.ok());
    index_ = std::move(*opened);
    for (auto& [name, info] : series_) {
      INFO(name);
      const auto reopened = index_->Get("t", name);
      REQUIRE(reopened.has_value());
      CHECK(reopened->file_bytes == info.file_bytes);
      CHECK(reopened->last_update_unix_seconds <= info.last_update_unix_seconds);
      CHECK(info.last_update_unix_seconds - reopened->last_update_unix_seconds < 3600);
      info = *reopened;
    }
  }

 private:
  std::string RandomName() {
    Names nodes;
    for (size_t count = 1 + random_() % 4; count > 0; --count) {
      nodes.push_back(absl::StrCat("n", random_() % 7));
    }
    const std::string name = absl::StrJoin(nodes, ".");
    return random_() % 5 == 0 ? absl::StrCat(name, ";tag=", random_() % 7) : name;
  }

  SeriesInfo RandomInfo() {
    return {random_() % 4 * 1000, static_cast<uint32_t>(random_() % 6 * 1700)};
  }

  Usage UsageOf(const std::string& prefix) const {
    Usage usage;
    for (const auto& [name, info] : series_) {
      const bool is_tagged = absl::StrContains(name, ';');
      const bool is_below = is_tagged
                                ? prefix.empty() || prefix == "_tagged" || prefix == name
                                : prefix.empty() || absl::StartsWith(name + ".", prefix + ".");
      if (!is_below) continue;
      ++usage.series_count;
      usage.file_bytes += info.file_bytes;
      usage.last_update_unix_seconds =
          std::max(usage.last_update_unix_seconds, info.last_update_unix_seconds);
    }
    return usage;
  }

  std::mt19937 random_;
  std::map<std::string, SeriesInfo> series_;
  base::MemoryKeyValue key_value_;
  std::unique_ptr<SeriesIndex> index_ = *SeriesIndex::Open(key_value_);
};

TEST_CASE("The index agrees with a map, whatever changes, also when opened anew", "[index]") {
  for (const unsigned seed : {1u, 4711u, 20261122u}) {
    INFO("seed " << seed);
    Model model(seed);
    for (int step = 0; step < 1500; ++step) {
      INFO("step " << step);
      model.Change();
      if (step % 50 == 0) model.CheckSeries();
      if (step % 30 == 0) model.CheckUsage();
      if (step % 200 == 199) {
        model.Reopen();
        model.CheckUsage();
      }
    }
  }
}

}  // namespace
}  // namespace plumbago::index
