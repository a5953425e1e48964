// Proves the tree of names by hand-picked cases, and find by comparing it with matching every name
// against every pattern on random names and patterns.
#include "index/internal/name_tree.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace plumbago::index::internal {
namespace {

// Paths that match, "path/" for branches, ordered; and whether these are not all.
struct Found {
  std::vector<std::string> paths;
  SearchResult result;
};

Found Search(const NameTree& tree, absl::string_view pattern, size_t paths_max) {
  const auto globs = metric::CompilePath(pattern);
  REQUIRE(globs.ok());
  Found found;
  const auto visit = [&](uint32_t node, const std::string& path) {
    if (tree.IsBranch(node)) found.paths.push_back(path + "/");
    if (tree.IsLeaf(node)) found.paths.push_back(path);
    return found.paths.size() <= paths_max;
  };
  const auto pause = [] { return true; };
  found.result = SearchTree(tree, *globs, {visit, pause});
  std::sort(found.paths.begin(), found.paths.end());
  return found;
}

std::vector<std::string> Find(const NameTree& tree, absl::string_view pattern,
                              size_t paths_max = 1000) {
  const Found found = Search(tree, pattern, paths_max);
  REQUIRE(found.result == SearchResult::kComplete);
  return found.paths;
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

TEST_CASE("A search ends when it is told that there are too many", "[index]") {
  NameTree tree;
  for (int i = 0; i < 10; ++i) tree.Add("a.m" + std::to_string(i));
  CHECK(Search(tree, "a.*", 10).result == SearchResult::kComplete);
  const Found found = Search(tree, "a.*", 5);
  CHECK(found.result == SearchResult::kTooMany);
  CHECK(found.paths.size() == 6);
}

TEST_CASE("A long search lets others pass, and ends where names went meanwhile", "[index]") {
  NameTree tree;
  for (int i = 0; i < 200'000; ++i) tree.Add("a.m" + std::to_string(i));
  const auto globs = metric::CompilePath("a.*");
  const uint64_t removal_count = tree.removal_count();
  size_t visited = 0;
  size_t pauses = 0;
  const auto visit = [&](uint32_t, const std::string&) { return ++visited > 0; };
  const auto add = [&] { return tree.Add("a.new" + std::to_string(++pauses)); };
  CHECK(SearchTree(tree, *globs, {visit, add}) == SearchResult::kComplete);
  CHECK(visited == 200'000);  // names that came meanwhile may be missed
  CHECK(pauses >= 2);
  const auto remove = [&] {
    tree.Remove("a.m199999");
    return tree.removal_count() == removal_count;
  };
  CHECK(SearchTree(tree, *globs, {visit, remove}) == SearchResult::kInterrupted);
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

TEST_CASE("Find agrees with matching every name where few of many names match", "[index]") {
  NameTree tree;
  std::set<std::string> names;
  for (int host = 0; host < 60; ++host) {
    for (int metric = 0; metric < 70; ++metric) {
      // Numbers of names are given again.
      const std::string gone = absl::StrCat("gone", host, ".m", metric);
      if (metric % 9 == 0) tree.Add(gone);
      const std::string name = absl::StrCat("web.host", host, ".cpu", metric % 7, ".m", metric);
      tree.Add(name);
      names.insert(name);
      if (metric % 9 == 0) tree.Remove(gone);
    }
  }
  tree.Add("web.host7.m13");  // among few children
  names.insert("web.host7.m13");
  for (const std::string pattern :
       {"web.*.cpu3.m1?", "web.*.*.m13*", "web.host*.*.*3", "web.*.m13*", "*.*.*.m6[0-9]",
        "web.*.cpu*.m{1,2}*", "web.*.*.nothing*", "web.host1*.cpu[0-3].*", "*.*9.*.m?"}) {
    INFO("pattern " << pattern);
    CHECK(Find(tree, pattern, 100000) == FindByScan(names, pattern));
  }
}

TEST_CASE("A search ends also where names go while they are looked through", "[index]") {
  NameTree tree;
  for (int i = 0; i < 100'000; ++i) {
    tree.Add(absl::StrCat("a.m", i));
    tree.Add(absl::StrCat("b.m", i));
  }
  const auto globs = metric::CompilePath("*.m77*");
  const auto visit = [](uint32_t, const std::string&) { return true; };
  // Children of the first branch take pauses too.
  for (int pauses_left = 0; pauses_left < 4; ++pauses_left) {
    int left = pauses_left;
    const auto pause = [&] { return left-- > 0; };
    CHECK(SearchTree(tree, *globs, {visit, pause}) ==
          (pauses_left < 3 ? SearchResult::kInterrupted : SearchResult::kComplete));
  }
}

}  // namespace
}  // namespace plumbago::index::internal
