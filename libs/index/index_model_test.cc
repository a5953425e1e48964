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
#include "metric/glob.h"

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

  void CheckLists() {
    const std::string pattern = Names{"**",       "n1.**",    "*.n2.*",   "n{3,4}.n5",
                                      "n1.n2.n3", "n2.**.n4", "n1;tag=2", ""}[random_() % 8];
    INFO("pattern " << pattern);
    const int64_t before = random_() % 7 * 1700;
    std::map<std::string, SeriesInfo> expected;
    for (const auto& [name, info] : series_) {
      if (IsMatch(pattern, name)) expected.emplace(name, info);
    }
    std::map<std::string, SeriesInfo> listed;
    const auto list = [&](absl::string_view name, const SeriesInfo& info) {
      return listed.emplace(name, info).second;
    };
    REQUIRE(index_->ListMatching("t", pattern, list).ok());
    CHECK(listed == expected);
    listed.clear();
    REQUIRE(index_->ListStale("t", pattern, before, list).ok());
    for (auto entry = expected.begin(); entry != expected.end();) {
      const uint32_t time = entry->second.last_update_unix_seconds;
      entry = time != 0 && time < before ? std::next(entry) : expected.erase(entry);
    }
    CHECK(listed == expected);
  }

  void CheckDiskUsage() {
    const std::string pattern = Names{"", "*", "n1", "n1.*", "**", "*.n2"}[random_() % 6];
    const size_t depth = random_() % 4;
    INFO("pattern " << pattern << " depth " << depth);
    std::set<std::string> paths = {"", "_tagged"};
    for (const auto& [name, info] : series_) {
      if (absl::StrContains(name, ';')) continue;
      for (size_t i = 0; i <= name.size(); ++i) {
        if (i == name.size() || name[i] == '.') paths.insert(name.substr(0, i));
      }
    }
    std::map<std::string, Usage> expected;
    for (const std::string& path : paths) {
      const Usage usage = UsageOf(path);
      if (usage.series_count > 0 && IsWithin(pattern, path, depth)) expected.emplace(path, usage);
    }
    const auto branches = index_->DiskUsage("t", pattern, depth, 100'000);
    REQUIRE(branches.ok());
    std::map<std::string, Usage> found;
    std::string last_path;
    for (const BranchUsage& branch : *branches) {
      CHECK(branch.path >= last_path);
      last_path = branch.path;
      found.emplace(branch.path, branch.usage);
      const bool is_series = series_.count(branch.path) > 0;
      CHECK(branch.is_leaf == (is_series && branch.usage.series_count == 1));
    }
    CHECK(found == expected);
    if (expected.size() > 1) {
      CHECK(index_->DiskUsage("t", pattern, depth, expected.size() - 1).status().code() ==
            absl::StatusCode::kResourceExhausted);
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

  static bool IsMatch(const std::string& pattern, const std::string& name) {
    if (pattern.empty() || pattern == name) return true;
    if (absl::StrContains(name, ';') || absl::StrContains(pattern, ';')) return false;
    auto globs = metric::CompilePath(pattern);
    REQUIRE(globs.ok());
    if (globs->back().is_globstar()) globs->push_back(*metric::Glob::Compile("*"));
    return metric::MatchesPath(*globs, name);
  }

  // Whether `path` matches, or has a branch above it within `depth` that does.
  static bool IsWithin(const std::string& pattern, std::string path, size_t depth) {
    if (pattern.empty()) {
      const size_t node_count = path.empty() ? 0 : Names(absl::StrSplit(path, '.')).size();
      return node_count <= depth;
    }
    if (path.empty()) return false;
    if (path == "_tagged") return IsMatch(pattern, path);
    for (size_t level = 0; level <= depth; ++level) {
      if (IsMatch(pattern, path)) return true;
      const size_t dot = path.rfind('.');
      if (dot == std::string::npos) return false;
      path.resize(dot);
    }
    return false;
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
    for (int step = 0; step < 600; ++step) {
      INFO("step " << step);
      model.Change();
      if (step % 50 == 0) model.CheckSeries();
      if (step % 30 == 0) model.CheckUsage();
      if (step % 7 == 0) model.CheckLists();
      if (step % 20 == 0) model.CheckDiskUsage();
      if (step % 200 == 199) {
        model.Reopen();
        model.CheckUsage();
      }
    }
  }
}

}  // namespace
}  // namespace plumbago::index
