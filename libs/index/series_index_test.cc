// Proves that the index shows changes at once, keeps them over a restart, keeps tenants apart and
// tells watchers what changed, on a KeyValue in memory that can be made to fail.
#include "index/series_index.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>

namespace plumbago::index {
namespace {

using Kind = SeriesIndex::Event::Kind;
using Names = std::vector<std::string>;

std::unique_ptr<SeriesIndex> Open(base::KeyValue& kv) {
  auto index = SeriesIndex::Open(kv);
  INFO(index.status().ToString());
  REQUIRE(index.ok());
  return std::move(*index);
}

Names List(const SeriesIndex& index, absl::string_view tenant) {
  Names names;
  REQUIRE(index
              .ListSeries(tenant,
                          [&](absl::string_view name) {
                            names.emplace_back(name);
                            return true;
                          })
              .ok());
  return names;
}

std::vector<SeriesEntry> Entries(const Names& names) {
  std::vector<SeriesEntry> entries;
  for (const std::string& name : names) entries.push_back({name, {}});
  return entries;
}

Names Find(const SeriesIndex& index, absl::string_view tenant, absl::string_view pattern) {
  const auto nodes = index.Find(tenant, pattern, 100);
  INFO(nodes.status().ToString());
  REQUIRE(nodes.ok());
  Names paths;
  for (const Node& node : *nodes) paths.push_back(node.path + (node.is_leaf ? "" : "/"));
  return paths;
}

class FailingKeyValue final : public base::KeyValue {
 public:
  absl::StatusOr<std::string> Get(absl::string_view) override {
    return absl::NotFoundError("no such key");
  }
  absl::Status Apply(const std::vector<base::KeyValueChange>&, base::KeyValueSync) override {
    return next_apply;
  }
  absl::Status Scan(absl::string_view, const Visitor&) override { return next_scan; }

  absl::Status next_apply;
  absl::Status next_scan;
};

TEST_CASE("A series is visible at once and after a restart", "[index]") {
  base::MemoryKeyValue kv;
  {
    auto index = Open(kv);
    REQUIRE(index->Add("acme", "web.cpu").ok());
    REQUIRE(index->AddMany("acme", Entries(Names{"web.mem", "web.cpu", "db", "web.mem"})).ok());
    REQUIRE(index->Add("other", "x").ok());
    REQUIRE(index->Remove("acme", "db").ok());
    CHECK(index->series_count() == 3);
  }
  auto index = Open(kv);
  CHECK(index->series_count() == 3);
  CHECK(index->Tenants() == Names{"acme", "other"});
  CHECK(List(*index, "acme") == Names{"web.cpu", "web.mem"});
  CHECK(index->Contains("acme", "web.cpu"));
  CHECK_FALSE(index->Contains("acme", "db"));
  CHECK(Find(*index, "acme", "*") == Names{"web/"});
  CHECK(Find(*index, "acme", "web.*") == Names{"web.cpu", "web.mem"});
}

TEST_CASE("Tenants do not see each other's series", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  REQUIRE(index->Add("a", "x.y").ok());
  REQUIRE(index->Add("ab", "z").ok());
  CHECK(Find(*index, "ab", "*") == Names{"z"});
  CHECK(List(*index, "a") == Names{"x.y"});
  CHECK_FALSE(index->Contains("ab", "x.y"));
  CHECK(Find(*index, "unknown", "*").empty());
  CHECK(List(*index, "unknown").empty());
  REQUIRE(index->Remove("a", "x.y").ok());
  CHECK(index->Tenants() == Names{"ab"});
}

TEST_CASE("Find lists branch before series, ordered by path", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  REQUIRE(index->AddMany("t", Entries(Names{"c", "a.x", "b", "a"})).ok());
  CHECK(Find(*index, "t", "*") == Names{"a/", "a", "b", "c"});
  CHECK(Find(*index, "t", "**") == Names{"a/", "a", "a.x", "b", "c"});
}

TEST_CASE("Tagged series are found exactly, listed, and not in the tree", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  const std::string tagged = "cpu.load;host=a.b;rack=*";
  REQUIRE(index->AddMany("t", Entries(Names{tagged, "cpu.load"})).ok());
  CHECK(Find(*index, "t", tagged) == Names{tagged});
  CHECK(Find(*index, "t", "cpu.load;host=*").empty());
  CHECK(Find(*index, "t", "**") == Names{"cpu/", "cpu.load"});
  CHECK(List(*index, "t") == Names{"cpu.load", tagged});
  CHECK(index->Contains("t", tagged));
  REQUIRE(index->Remove("t", tagged).ok());
  CHECK_FALSE(index->Contains("t", tagged));
  CHECK(Open(kv)->series_count() == 1);
}

TEST_CASE("ListSeries is in byte order of whole names and stops when told", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  REQUIRE(index->AddMany("t", Entries(Names{"a.b", "a-b", "a", "a.b;x=1", "\xc3\xa9"})).ok());
  CHECK(List(*index, "t") == Names{"a", "a-b", "a.b", "a.b;x=1", "\xc3\xa9"});
  int visits = 0;
  REQUIRE(index->ListSeries("t", [&](absl::string_view) { return ++visits < 2; }).ok());
  CHECK(visits == 2);
}

TEST_CASE("Find refuses bad patterns and too many matches", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  REQUIRE(index->AddMany("t", Entries(Names{"a", "b", "c"})).ok());
  CHECK(index->Find("t", "a..b", 9).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(index->Find("t", "", 9).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(index->Find("t", "*", 3).ok());
  const absl::Status status = index->Find("t", "*", 2).status();
  CHECK(status.code() == absl::StatusCode::kResourceExhausted);
  CHECK_THAT(std::string(status.message()), Catch::Contains("\"*\" matches more than 2 nodes"));
}

TEST_CASE("Names that could not be found again are refused", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  const auto refused = [&](absl::string_view tenant, const std::string& metric) {
    return index->Add(tenant, metric).code() == absl::StatusCode::kInvalidArgument;
  };
  CHECK(refused("", "a"));
  for (const char* metric : {"", ".", "a.", ".a", "a..b"}) CHECK(refused("t", metric));
  CHECK(refused("t", std::string("a\0b", 3)));
  CHECK(refused("t", std::string(kMetricBytesMax + 1, 'a')));
  CHECK_FALSE(refused("t", std::string(kMetricBytesMax, 'a')));
  CHECK(index->AddMany("t", Entries(Names{"good", "bad..name"})).code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK_FALSE(index->Contains("t", "good"));
}

TEST_CASE("EventsAfter gives the changes in order, in parts", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  const uint64_t start = index->sequence();
  CHECK(index->EventsAfter(start, 10).empty());
  REQUIRE(index->AddMany("t", Entries(Names{"a", "b"})).ok());
  REQUIRE(index->Add("t", "a").ok());  // no change
  REQUIRE(index->Remove("t", "a").ok());
  REQUIRE(index->Remove("t", "a").ok());  // no change
  CHECK(index->sequence() == start + 3);
  const auto events = index->EventsAfter(start, 2);
  REQUIRE(events.size() == 2);
  CHECK(events[1].sequence == start + 2);
  CHECK(events[1].kind == Kind::kAdded);
  CHECK(events[1].tenant == "t");
  CHECK(events[1].metric == "b");
  const auto rest = index->EventsAfter(events[1].sequence, 10);
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].kind == Kind::kRemoved);
  CHECK(rest[0].metric == "a");
}

TEST_CASE("EventsAfter says when events are lost or of another life", "[index]") {
  base::MemoryKeyValue kv;
  uint64_t old_sequence = 0;
  {
    auto index = Open(kv);
    REQUIRE(index->Add("t", "old").ok());
    old_sequence = index->sequence();
  }
  auto index = Open(kv);
  const uint64_t start = index->sequence();
  CHECK(start > old_sequence);
  for (size_t i = 0; i < kEventsMax + 1; ++i) {
    REQUIRE(index->Add("t", "m" + std::to_string(i)).ok());
  }
  for (const uint64_t lost : {uint64_t{0}, old_sequence, start, index->sequence() + 1}) {
    const auto events = index->EventsAfter(lost, 10);
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == Kind::kReset);
    CHECK(events[0].sequence == index->sequence());
  }
  CHECK(index->EventsAfter(start + 1, kEventsMax).size() == kEventsMax);
}

TEST_CASE("Events are bounded in bytes", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  const uint64_t start = index->sequence();
  for (size_t i = 0; i < kEventBytesMax / 4000; ++i) {
    REQUIRE(index->Add("t", std::string(4000, 'x') + std::to_string(i)).ok());
  }
  CHECK(index->EventsAfter(start, 1).at(0).kind == Kind::kReset);
  CHECK(index->EventsAfter(index->sequence() - 1, 1).at(0).kind == Kind::kAdded);
}

TEST_CASE("The listener is called once a change, outside locks", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  int calls = 0;
  index->SetListener([&] {
    ++calls;
    CHECK(index->Add("t", "a").ok());  // there already: changes nothing, so no further call
  });
  REQUIRE(index->AddMany("t", Entries(Names{"a", "b"})).ok());
  REQUIRE(index->Add("t", "b").ok());
  CHECK(calls == 1);
  REQUIRE(index->Remove("t", "b").ok());
  CHECK(calls == 2);
}

TEST_CASE("A change that is not durable is not visible", "[index]") {
  FailingKeyValue kv;
  auto index = Open(kv);
  REQUIRE(index->Add("t", "a").ok());
  kv.next_apply = absl::UnavailableError("disk");
  CHECK(index->Add("t", "b").code() == absl::StatusCode::kUnavailable);
  CHECK_FALSE(index->Contains("t", "b"));
  CHECK(index->Remove("t", "a").code() == absl::StatusCode::kUnavailable);
  CHECK(index->Contains("t", "a"));
  kv.next_scan = absl::DataLossError("damage");
  CHECK(index->ListSeries("t", [](absl::string_view) { return true; }).code() ==
        absl::StatusCode::kDataLoss);
  CHECK(SeriesIndex::Open(kv).status().code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("What is known of a series is kept, summed and updated", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  REQUIRE(index->AddMany("t", {{{"a.b", {100, 50}}, {"a.c", {10, 70}}, {"x;k=v", {1, 90}}}}).ok());
  REQUIRE(index->Add("t", "a.b", {999, 999}).ok());  // is there already
  CHECK(*index->Get("t", "a.b") == SeriesInfo{100, 50});
  CHECK_FALSE(index->Get("t", "a").has_value());
  CHECK(index->UsageOf("t", "a") == Usage{2, 110, 70});
  CHECK(index->UsageOf("t", "") == Usage{3, 111, 90});
  CHECK(index->UsageOf("t", "_tagged") == Usage{1, 1, 90});
  CHECK(index->UsageOf("t", "a.bc") == Usage{});
  CHECK(index->UsageOf("unknown", "") == Usage{});
  REQUIRE(index->UpdateMany("t", {{{"a.c", {20, 60}}, {"missing", {1, 1}}}}).ok());
  CHECK(index->UsageOf("t", "a") == Usage{2, 120, 60});
  CHECK(*Open(kv)->Get("t", "a.c") == SeriesInfo{20, 60});
  CHECK_FALSE(index->Contains("t", "missing"));
}

TEST_CASE("A time that moves on by less than an hour is not written each time", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  REQUIRE(index->Add("t", "a", {100, 1'000'000}).ok());
  size_t written_count = 0;
  std::string last_value;
  for (uint32_t minute = 1; minute <= 600; ++minute) {
    const uint32_t now = 1'000'000 + 60 * minute;
    REQUIRE(index->UpdateMany("t", {{{"a", {100, now}}}}).ok());
    CHECK(index->Get("t", "a")->last_update_unix_seconds == now);
    const std::string value = kv.Get(std::string("st\0a", 4)).value();
    if (value != last_value) ++written_count;
    last_value = value;
  }
  CHECK(written_count == 11);  // the first, and one in each of ten hours
}

TEST_CASE("A database of format 1 is read, and written as format 2 from then on", "[index]") {
  base::MemoryKeyValue kv;
  REQUIRE(kv.Apply({{"format", "1"}, {"life", "7"}, {std::string("st\0a.b", 6), ""}},
                   base::KeyValueSync::kDisk)
              .ok());
  auto index = Open(kv);
  CHECK(*index->Get("t", "a.b") == SeriesInfo{});
  CHECK(kv.Get("format").value() == "2");
  REQUIRE(index->UpdateMany("t", {{{"a.b", {5, 6}}}}).ok());
  CHECK(*Open(kv)->Get("t", "a.b") == SeriesInfo{5, 6});
}

TEST_CASE("A value that is cut at any byte is DATA_LOSS that names the record", "[index]") {
  base::MemoryKeyValue kv;
  REQUIRE(Open(kv)->Add("acme", "web.cpu", {0x123456789a, 0x65000000}).ok());
  const std::string key("sacme\0web.cpu", 13);
  const std::string value = kv.Get(key).value();
  CHECK(value == std::string("\x9a\x78\x56\x34\x12\0\0\0\0\0\0\x65", 12));
  for (size_t size = 0; size <= value.size() + 1; ++size) {
    INFO("size " << size);
    REQUIRE(kv.Apply({{key, (value + "x").substr(0, size)}}, base::KeyValueSync::kDisk).ok());
    const absl::Status status = SeriesIndex::Open(kv).status();
    if (size == 0 || size == value.size()) {
      CHECK(status.ok());
      continue;
    }
    CHECK(status.code() == absl::StatusCode::kDataLoss);
    CHECK_THAT(std::string(status.message()), Catch::Contains("\"web.cpu\" of tenant \"acme\""));
  }
}

TEST_CASE("Open refuses malformed records and newer formats", "[index]") {
  const auto code_with = [](const std::string& key, const std::string& value) {
    base::MemoryKeyValue kv;
    Open(kv);
    REQUIRE(kv.Apply({{key, value}}, base::KeyValueSync::kPageCache).ok());
    return SeriesIndex::Open(kv).status().code();
  };
  CHECK(code_with("sno-separator", "") == absl::StatusCode::kDataLoss);
  CHECK(code_with(std::string("s\0a", 3), "") == absl::StatusCode::kDataLoss);
  CHECK(code_with(std::string("st\0a..b", 7), "") == absl::StatusCode::kDataLoss);
  CHECK(code_with("life", "x") == absl::StatusCode::kDataLoss);
  CHECK(code_with("format", "3") == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("Threads that add, remove and find at once leave a consistent index", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&index, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string name = "n" + std::to_string((i * 7 + t) % 50);
        (void)(i % 3 == 0 ? index->Remove("t", name) : index->Add("t", name));
        (void)index->Find("t", "n*", 100);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(List(*index, "t").size() == index->series_count());
  CHECK(index->Find("t", "*", 100)->size() == index->series_count());
  CHECK(Open(kv)->series_count() == index->series_count());
}

// So many names that searches pause in between, which is where changes meet them.
TEST_CASE("Searches and changes at once leave exact sums", "[index]") {
  base::MemoryKeyValue kv;
  auto index = Open(kv);
  std::vector<SeriesEntry> bulk;
  for (int i = 0; i < 70'000; ++i) bulk.push_back({"bulk.n" + std::to_string(i), {1, 1}});
  for (int i = 0; i < 35'000; ++i) bulk.push_back({"bulk;dc=x;id=" + std::to_string(i), {1, 1}});
  REQUIRE(index->AddMany("t", bulk).ok());
  std::atomic<bool> is_done{false};
  std::atomic<size_t> wrong_count{0};
  std::vector<std::thread> writers;
  for (uint32_t t = 0; t < 2; ++t) {
    writers.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 300; ++i) {
        const std::string number = std::to_string(random() % 40);
        const std::vector<SeriesEntry> entries = {{"live." + number, {i % 5u, i % 7u}},
                                                  {"live;dc=x;id=" + number, {i % 3u, i % 11u}}};
        bool is_ok = false;
        if (i % 3 == 0) is_ok = index->AddMany("t", entries).ok();
        if (i % 3 == 1) is_ok = index->UpdateMany("t", entries).ok();
        if (i % 3 == 2) is_ok = index->RemoveMany("t", Names{entries[0].metric}).ok();
        if (!is_ok) ++wrong_count;
      }
    });
  }
  std::vector<std::thread> readers;
  const auto read = [&](const auto& answer_is_right) {
    readers.emplace_back([&, answer_is_right] {
      do {
        if (!answer_is_right()) ++wrong_count;
      } while (!is_done);
    });
  };
  read([&] { return index->Find("t", "**.n1234*", 100'000)->size() == 11; });
  read([&] { return index->FindTagged("t", Names{"dc=x", "id=~1234"}, 100'000)->size() >= 11; });
  read([&] { return index->DiskUsage("t", "*", 0, 10)->size() >= 2; });
  read([&] { return index->UsageOf("t", "").series_count >= bulk.size(); });
  for (std::thread& writer : writers) writer.join();
  is_done = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong_count == 0);

  Usage sum;
  REQUIRE(index
              ->ListMatching("t", "",
                             [&](absl::string_view, const SeriesInfo& info) {
                               ++sum.series_count;
                               sum.file_bytes += info.file_bytes;
                               sum.last_update_unix_seconds = std::max(
                                   sum.last_update_unix_seconds, info.last_update_unix_seconds);
                               return true;
                             })
              .ok());
  CHECK(index->UsageOf("t", "") == sum);
  CHECK(index->series_count() == sum.series_count);
  CHECK(Open(kv)->UsageOf("t", "").file_bytes == sum.file_bytes);
}

}  // namespace
}  // namespace plumbago::index
