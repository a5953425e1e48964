// Proves the tree of names by hand-picked cases, and find by comparing it with matching every name
// against every pattern on random names and patterns.
#include "index/internal/name_tree.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace plumbago::index::internal {
namespace {

const PauseFunction NeverPause = [] { return true; };

// Paths that match, "path/" for branches, ordered.
std::vector<std::string> Find(const NameTree& tree, absl::string_view pattern,
                              size_t max_matches = 1000) {
  const auto globs = metric::CompilePath(pattern);
  REQUIRE(globs.ok());
  std::vector<Node> matches;
  REQUIRE(FindInTree(tree, *globs, max_matches, NeverPause, matches) == SearchResult::kComplete);
  std::vector<std::string> paths;
  for (const Node& match : matches) paths.push_back(match.path + (match.is_leaf ? "" : "/"));
  std::sort(paths.begin(), paths.end());
  return paths;
}

using Paths = std::vector<std::string>;

TEST_CASE("NameTree keeps what was added, once", "[index]") {
  NameTree tree;
  CHECK(tree.Add("a.b.c"));
  CHECK_FALSE(tree.Add("a.b.c"));
  CHECK(tree.Contains("a.b.c"));
  CHECK_FALSE(tree.Contains("a.b"));
  CHECK_FALSE(tree.Contains("a.b.c.d"));
  CHECK(tree.Add("a.b"));
  CHECK(tree.Contains("a.b"));
}

TEST_CASE("NameTree drops branches with their last series and takes their room again", "[index]") {
  NameTree tree;
  tree.Add("a.b.c");
  tree.Add("a.b");
  tree.Add("a.x.c");
  CHECK(tree.Remove("a.b.c"));
  CHECK_FALSE(tree.Remove("a.b.c"));
  CHECK_FALSE(tree.Remove("a"));
  CHECK(Find(tree, "a.*") == Paths{"a.b", "a.x/"});
  CHECK(tree.Remove("a.x.c"));
  CHECK(tree.Remove("a.b"));
  CHECK(Find(tree, "*").empty());
  CHECK(tree.Add("other.name"));
  CHECK(Find(tree, "*.*") == Paths{"other.name"});
}

TEST_CASE("Find lists a path that is branch and series twice", "[index]") {
  NameTree tree;
  tree.Add("a.b");
  tree.Add("a.b.c");
  CHECK(Find(tree, "a.b") == Paths{"a.b", "a.b/"});
}

TEST_CASE("Find matches node by node and never across a dot", "[index]") {
  NameTree tree;
  for (const char* name : {"web.a1.cpu", "web.a2.cpu", "web.b1.mem", "db.a1.cpu"}) tree.Add(name);
  CHECK(Find(tree, "web.a*.cpu") == Paths{"web.a1.cpu", "web.a2.cpu"});
  CHECK(Find(tree, "*.a1.*") == Paths{"db.a1.cpu", "web.a1.cpu"});
  CHECK(Find(tree, "{web,db}.{a,b}1.*") == Paths{"db.a1.cpu", "web.a1.cpu", "web.b1.mem"});
  CHECK(Find(tree, "w*") == Paths{"web/"});
  CHECK(Find(tree, "web*cpu").empty());
  CHECK(Find(tree, "web.a1.cpu.x").empty());
  CHECK(Find(tree, "Web.a1.cpu").empty());
}

TEST_CASE("Find takes ** as any number of nodes", "[index]") {
  NameTree tree;
  for (const char* name : {"a", "a.b", "a.b.c", "a.x.b.c", "c"}) tree.Add(name);
  CHECK(Find(tree, "a.**.c") == Paths{"a.b.c", "a.x.b.c"});
  CHECK(Find(tree, "**.c") == Paths{"a.b.c", "a.x.b.c", "c"});
  CHECK(Find(tree, "**.b.**.c") == Paths{"a.b.c", "a.x.b.c"});
  CHECK(Find(tree, "a.**.*") == Paths{"a.b", "a.b.c", "a.b/", "a.x.b.c", "a.x.b/", "a.x/"});
}

TEST_CASE("Find visits no node twice however many ** there are", "[index]") {
  NameTree tree;
  std::string name = "n";
  for (int i = 0; i < 1000; ++i) name += ".n";
  tree.Add(name);
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "**.";
  CHECK(Find(tree, pattern + "missing").empty());
  CHECK(Find(tree, pattern + "n", 10000).size() == 1001);
}

TEST_CASE("Find gives up above the limit, not at it", "[index]") {
  NameTree tree;
  for (int i = 0; i < 10; ++i) tree.Add("a.m" + std::to_string(i));
  const auto globs = metric::CompilePath("a.*");
  std::vector<Node> matches;
  const auto find = [&](size_t max_matches) {
    matches.clear();
    return FindInTree(tree, *globs, max_matches, NeverPause, matches);
  };
  CHECK(find(10) == SearchResult::kComplete);
  CHECK(find(9) == SearchResult::kTooMany);
  tree.Add("a.m0.x");  // m0 now counts twice
  CHECK(find(10) == SearchResult::kTooMany);
}

// Every branch and series of `names` that `pattern` matches, without a tree.
Paths FindByScan(const std::set<std::string>& names, const std::string& pattern) {
  const auto globs = metric::CompilePath(pattern);
  std::set<std::string> candidates;
  for (const std::string& name : names) {
    candidates.insert(name);
    for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      candidates.insert(name.substr(0, dot) + "/");
    }
  }
  Paths matches;
  for (const std::string& candidate : candidates) {
    const std::string path = candidate.substr(0, candidate.find('/'));
    const std::vector<std::string> nodes = absl::StrSplit(path, '.');
    bool is_match = nodes.size() == globs->size();
    for (size_t i = 0; is_match && i < nodes.size(); ++i) is_match = (*globs)[i].Matches(nodes[i]);
    if (is_match) matches.push_back(candidate);
  }
  return matches;
}

TEST_CASE("Find agrees with matching every name, while names come and go", "[index]") {
  const unsigned seed = 4711;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto choose = [&](const Paths& from) { return from[random() % from.size()]; };
  const auto join = [&](const Paths& from) {
    Paths nodes;
    for (size_t count = 1 + random() % 4; count > 0; --count) nodes.push_back(choose(from));
    return absl::StrJoin(nodes, ".");
  };
  NameTree tree;
  std::set<std::string> names;
  for (int step = 0; step < 3000; ++step) {
    const std::string name = join({"a", "b", "ab", "abc", "c-1", "\xc3\xa9"});
    if (random() % 3 == 0) {
      CHECK(tree.Remove(name) == (names.erase(name) > 0));
    } else {
      CHECK(tree.Add(name) == names.insert(name).second);
    }
    if (step % 10 != 0) continue;
    const std::string pattern = join({"*", "a", "a*", "?", "{a,b}", "[!a]*", "{ab,c*}", "b"});
    INFO("pattern " << pattern);
    CHECK(Find(tree, pattern, 100000) == FindByScan(names, pattern));
  }
}

}  // namespace
}  // namespace plumbago::index::internal
