// Proves tag expressions by a table, and searches and completions by comparing them with a look at
// every series, while series come and go.
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "index/internal/tag_index.h"
#include "index/series_index.h"
#include "metric/tag_expression.h"

namespace plumbago::index {
namespace {

using metric::TagExpression;
using Names = std::vector<std::string>;

TEST_CASE("A tag expression matches as graphite-web's", "[index]") {
  const auto matches = [](absl::string_view text, absl::string_view value) {
    const auto expression = TagExpression::Parse(text);
    INFO(std::string(text) << ": " << expression.status().ToString());
    REQUIRE(expression.ok());
    CHECK(expression->matches_empty() == expression->Matches(""));
    return expression->Matches(value);
  };
  CHECK(matches("a=x", "x"));
  CHECK_FALSE(matches("a=x", "xx"));
  CHECK(matches("a=", ""));
  CHECK_FALSE(matches("a!=", ""));
  CHECK(matches("a!=", "x"));
  CHECK(matches("a!=x", ""));
  CHECK(matches("a=~x", "xyz"));  // from the start, not to the end
  CHECK_FALSE(matches("a=~y", "xyz"));
  CHECK_FALSE(matches("a=~x$", "xyz"));
  CHECK(matches("a=~^x", "xyz"));
  CHECK(matches("a=~^y|z", "zz"));  // as Python's re.match: the anchor holds for both
  CHECK_FALSE(matches("a=~^y|z", "xz"));
  CHECK(matches("a=~", "anything"));
  CHECK(matches("a!=~x", "yx"));
  CHECK_FALSE(matches("a!=~.*", ""));
  CHECK(matches("a=b=c", "b=c"));
  CHECK(matches("a==b", "=b"));
}

TEST_CASE("A regex tells what its matches begin with, where that is easily seen", "[index]") {
  const auto prefix = [](const std::string& regex) {
    return TagExpression::Parse("a=~" + regex)->value_prefix();
  };
  CHECK(prefix("web-.*") == "web-");
  CHECK(prefix("^web[0-9]") == "web");
  CHECK(prefix("web$") == "web");
  CHECK(prefix("web+") == "web");
  CHECK(prefix("web*") == "we");
  CHECK(prefix("web?x") == "we");
  CHECK(prefix("web{0,2}") == "we");
  CHECK(prefix("w\xc3\xa9?") == "w");
  CHECK(prefix("web|db") == "");
  CHECK(prefix("(?i)web") == "");
  CHECK(prefix("web\\.x") == "web");
  CHECK(prefix("") == "");
  CHECK(TagExpression::Parse("a!=~web")->value_prefix() == "");
}

TEST_CASE("Tag expressions of another form are refused, quoted", "[index]") {
  for (const char* text :
       {"", "a", "=x", "!=x", "a!x", "a;b=c", "a=b;c", "~x", "a=~(", "a=~(?=x)"}) {
    const absl::Status status = TagExpression::Parse(text).status();
    INFO(text);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK_THAT(std::string(status.message()), Catch::Contains(absl::StrCat("\"", text, "\"")));
  }
  const size_t value_bytes = metric::kTagExpressionBytesMax - 2;
  CHECK(TagExpression::Parse("a=" + std::string(value_bytes, 'x')).ok());
  CHECK_FALSE(TagExpression::Parse("a=" + std::string(value_bytes + 1, 'x')).ok());
}

TEST_CASE("One expression must need a value", "[index]") {
  const auto is_accepted = [](const Names& expressions) {
    return metric::ParseTagExpressions(expressions).ok();
  };
  CHECK(is_accepted({"a=x"}));
  CHECK(is_accepted({"a!="}));
  CHECK(is_accepted({"a=~.+"}));
  CHECK(is_accepted({"a!=~$"}));
  CHECK(is_accepted({"a!=x", "b=y"}));
  CHECK_FALSE(is_accepted({}));
  CHECK_FALSE(is_accepted({"a!=x"}));
  CHECK_FALSE(is_accepted({"a=", "b=~.*", "c!=~x"}));
  CHECK(is_accepted(Names(metric::kTagExpressionsMax, "a=x")));
  CHECK_FALSE(is_accepted(Names(metric::kTagExpressionsMax + 1, "a=x")));
}

TEST_CASE("TagIndex gives names back as they are, canonical or not", "[index]") {
  internal::TagIndex index;
  const Names names = {"cpu;host=a",  "cpu;a=1;b=2", "cpu;b=2;a=1", "cpu;x;=y;=;;z=",
                       "cpu;x=1;x=1", ";a=b",        ";",           "a.b.c;name=d"};
  for (const std::string& name : names) {
    INFO(name);
    CHECK(index.Add(name, {1, 2}));
    CHECK_FALSE(index.Add(name));
    CHECK(index.Contains(name));
  }
  CHECK_FALSE(index.Contains("cpu;host=b"));
  CHECK_FALSE(index.Contains("cpu;host"));
  std::set<std::string> found;
  for (uint32_t series = 0; series < names.size(); ++series) found.insert(index.MetricOf(series));
  CHECK(found == std::set<std::string>(names.begin(), names.end()));
}

TEST_CASE("TagIndex takes the room of what was removed again", "[index]") {
  internal::TagIndex index;
  const auto name = [](int i) { return absl::StrCat("cpu;dc=", i % 3, ";id=", i); };
  for (int i = 0; i < 1000; ++i) index.Add(name(i));
  for (int round = 1; round < 20; ++round) {
    for (int i = 0; i < 1000; ++i) {
      CHECK(index.Remove(name(1000 * (round - 1) + i)));
      CHECK(index.Add(name(1000 * round + i)));
    }
    CHECK(index.series_slot_count() < 3000);
  }
  for (int i = 0; i < 1000; ++i) CHECK(index.Remove(name(19'000 + i)));
  CHECK(index.series_slot_count() == 0);
  CHECK(index.pairs().tags().empty());
  CHECK(index.TotalUsage() == Usage{});
}

// A condition as text and as a function, independent of the code under test.
struct Condition {
  std::string text;
  std::string tag;
  std::function<bool(const std::string& value)> holds;
};

class Model {
 public:
  explicit Model(unsigned seed) : random_(seed) {}

  void Change() {
    const std::string name = RandomSeries();
    if (random_() % 3 == 0) {
      REQUIRE(index_->Remove("t", name).ok());
      series_.erase(name);
    } else {
      REQUIRE(index_->Add("t", name).ok());
      series_.insert(name);
    }
  }

  void Reopen() { index_ = *SeriesIndex::Open(key_value_); }

  void CheckSearch() {
    std::vector<Condition> conditions;
    Names expressions;
    for (size_t count = 1 + random_() % 3; count > 0; --count) {
      conditions.push_back(RandomCondition());
      expressions.push_back(conditions.back().text);
    }
    INFO("expressions " << absl::StrJoin(expressions, " "));
    const auto found = index_->FindTagged("t", expressions, 10'000);
    const bool is_filter_only =
        std::all_of(conditions.begin(), conditions.end(),
                    [](const Condition& condition) { return condition.holds(""); });
    if (is_filter_only) {
      CHECK(found.status().code() == absl::StatusCode::kInvalidArgument);
      return;
    }
    Names expected;
    for (const std::string& name : series_) {
      if (Matches(name, conditions)) expected.push_back(name);
    }
    CHECK(*found == expected);
    CHECK(index_->FindTagged("t", expressions, expected.size()).ok());
    if (!expected.empty()) {
      CHECK(index_->FindTagged("t", expressions, expected.size() - 1).status().code() ==
            absl::StatusCode::kResourceExhausted);
    }
    CheckCompletion(expressions, conditions, expected);
  }

  void CheckCompletion() { CheckCompletion({}, {}, {series_.begin(), series_.end()}); }

 private:
  static std::map<std::string, std::string> TagsOf(const std::string& name) {
    std::map<std::string, std::string> tags;
    const Names parts = absl::StrSplit(name, ';');
    tags["name"] = parts[0];
    for (size_t i = 1; i < parts.size(); ++i) {
      const std::pair<std::string, std::string> pair = absl::StrSplit(parts[i], '=');
      tags.insert(pair);
    }
    return tags;
  }

  static bool Matches(const std::string& name, const std::vector<Condition>& conditions) {
    auto tags = TagsOf(name);
    return std::all_of(conditions.begin(), conditions.end(), [&](const Condition& condition) {
      return condition.holds(tags[condition.tag]);
    });
  }

  void CheckCompletion(const Names& expressions, const std::vector<Condition>& conditions,
                       const Names& matches) {
    std::map<std::string, uint64_t> tags;
    std::map<std::string, uint64_t> values_of_dc;
    for (const std::string& name : matches) {
      for (const auto& [tag, value] : TagsOf(name)) {
        ++tags[tag];
        if (tag == "dc") ++values_of_dc[value];
      }
    }
    for (const Condition& condition : conditions) tags.erase(condition.tag);
    const auto expected = [](const std::map<std::string, uint64_t>& counts, const char* prefix,
                             size_t count_max) {
      std::vector<TagCount> entries;
      for (const auto& [text, count] : counts) {
        if (entries.size() < count_max && absl::StartsWith(text, prefix)) {
          entries.push_back({text, count});
        }
      }
      return entries;
    };
    for (const char* prefix : {"", "d", "v1", "zz"}) {
      CHECK(*index_->TagNames("t", prefix, expressions, 100) == expected(tags, prefix, 100));
      CHECK(*index_->TagNames("t", prefix, expressions, 2) == expected(tags, prefix, 2));
      CHECK(*index_->TagValues("t", "dc", prefix, expressions, 3) ==
            expected(values_of_dc, prefix, 3));
    }
  }

  std::string RandomValue() { return absl::StrCat(random_() % 2 == 0 ? "v" : "w", random_() % 13); }

  std::string RandomSeries() {
    std::string name = absl::StrCat("m", random_() % 5);
    for (const char* tag : {"dc", "host", "id"}) {
      if (random_() % 3 != 0) absl::StrAppend(&name, ";", tag, "=", RandomValue());
    }
    return absl::StrContains(name, ';') ? name : name + ";dc=v1";
  }

  Condition RandomCondition() {
    const std::string tag = Names{"dc", "host", "id", "name", "none"}[random_() % 5];
    const std::string value = tag == "name" ? absl::StrCat("m", random_() % 6) : RandomValue();
    switch (random_() % 10) {
      case 0:
      case 1:
      case 2:
        return {tag + "=" + value, tag, [value](const auto& v) { return v == value; }};
      case 3:
        return {tag + "!=" + value, tag, [value](const auto& v) { return v != value; }};
      case 4:
        return {tag + "=", tag, [](const auto& v) { return v.empty(); }};
      case 5:
        return {tag + "!=", tag, [](const auto& v) { return !v.empty(); }};
      case 6:
        return {tag + "=~" + value, tag,
                [value](const auto& v) { return absl::StartsWith(v, value); }};
      case 7:
        return {tag + "=~v|m", tag,
                [](const auto& v) { return absl::StartsWith(v, "v") || absl::StartsWith(v, "m"); }};
      case 8:
        return {tag + "!=~v.*", tag, [](const auto& v) { return !absl::StartsWith(v, "v"); }};
      default:
        return {tag + "=~.*2$", tag, [](const auto& v) { return absl::EndsWith(v, "2"); }};
    }
  }

  std::mt19937 random_;
  std::set<std::string> series_;
  base::MemoryKeyValue key_value_;
  std::unique_ptr<SeriesIndex> index_ = *SeriesIndex::Open(key_value_);
};

TEST_CASE("A search by tags agrees with a look at every series, whatever changes", "[index]") {
  for (const unsigned seed : {3u, 1911u, 20261123u}) {
    INFO("seed " << seed);
    Model model(seed);
    for (int step = 0; step < 2000; ++step) {
      INFO("step " << step);
      model.Change();
      if (step % 5 == 0) model.CheckSearch();
      if (step % 100 == 0) model.CheckCompletion();
      if (step % 500 == 499) model.Reopen();
    }
  }
}

TEST_CASE("A search by tags of many series lets changes pass", "[index]") {
  base::MemoryKeyValue key_value;
  auto index = *SeriesIndex::Open(key_value);
  std::vector<SeriesEntry> entries;
  for (int i = 0; i < 100'000; ++i) entries.push_back({absl::StrCat("m;dc=a;id=", i), {}});
  REQUIRE(index->AddMany("t", entries).ok());
  CHECK(index->FindTagged("t", Names{"dc=a"}, 200'000)->size() == 100'000);
  CHECK(index->FindTagged("t", Names{"dc=a", "id=~9999"}, 100)->size() == 11);
  CHECK(index->TagValues("t", "id", "9999", Names{"dc=a"}, 100)->size() == 11);
  CHECK(index->TagValues("t", "", "", {}, 1).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(index->FindTagged("unknown", Names{"dc=a"}, 1)->empty());
}

}  // namespace
}  // namespace plumbago::index
