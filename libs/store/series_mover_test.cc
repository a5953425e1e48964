// Proves renames and copies within a store, between two, and with replicas: the points arrive, what
// is there is left alone, and the source goes only after the target has it.
#include "store/series_mover.h"

#include "absl/strings/match.h"
#include "store/testing/operated_store.h"

namespace plumbago::store {
namespace {

using testing::OperatedStore;
using Points = OperatedStore::Points;
constexpr uint32_t kNow = OperatedStore::kNow;

// Two stores in one process; names that begin with "b" are held by the second. With replicas both
// hold all, and the one named here is preferred.
struct Pair {
  class Peers final : public SeriesPeers {
   public:
    Peers(Pair& pair, size_t self) : pair_(pair), self_(self) {}

    absl::StatusOr<std::vector<Holder>> HoldersOf(const SeriesName& name,
                                                  const std::string&) override {
      const size_t preferred = absl::StartsWith(name.metric(), "b") ? 1 : 0;
      std::vector<Holder> holders = {Named(preferred)};
      if (pair_.has_replicas) holders.push_back(Named(1 - preferred));
      return holders;
    }
    absl::StatusOr<bool> Has(const Holder&, const SeriesName& name) override {
      return other().tree.Stat(name).ok();
    }
    absl::StatusOr<PutOutcome> Put(const Holder&, const SeriesName& name, const std::string& path,
                                   PutMode mode) override {
      if (!pair_.error.ok()) return pair_.error;
      IncomingSeries incoming(other().tree, other().staging);
      const auto bytes = base::ReadWholeFile(other().file_system, path, 1 << 20);
      if (!bytes.ok()) return bytes.status();
      const absl::Status appended = incoming.Append(*bytes);
      if (!appended.ok()) return appended;
      return incoming.Commit(name, mode);
    }
    absl::Status Sync() override { return pair_.sync_error; }

   private:
    Holder Named(size_t store) const {
      return {.address = absl::StrCat(store), .is_this = store == self_};
    }
    OperatedStore& other() { return pair_.stores[1 - self_]; }

    Pair& pair_;
    const size_t self_;
  };

  v1::Job Move(size_t store, const std::string& from, const std::string& to, bool is_copy = false,
               bool is_dry_run = false) {
    v1::MoveSeries request;
    request.set_from(from);
    request.set_to(to);
    request.set_is_copy(is_copy);
    return stores[store].Run(movers[store].Plan("t", "", request, is_dry_run));
  }

  bool has_replicas = false;
  absl::Status error;
  absl::Status sync_error;
  OperatedStore stores[2];
  Peers peers[2] = {{*this, 0}, {*this, 1}};
  SeriesMover movers[2] = {
      {stores[0].tree, stores[0].trash, stores[0].staging, peers[0]},
      {stores[1].tree, stores[1].trash, stores[1].staging, peers[1]},
  };
};

TEST_CASE("A branch is renamed with all below it, and no other", "[mover]") {
  Pair pair;
  OperatedStore& store = pair.stores[0];
  store.Write({"a.x", "a.x.y", "a.x.z.w", "a.xx.y"}, {{kNow, 1}});
  CHECK(pair.Move(0, "a.x", "a.new.deep", false, true).item_size() == 3);
  CHECK(store.Has("a.x.y"));
  const v1::Job job = pair.Move(0, "a.x", "a.new.deep");
  CHECK(job.done_count() == 3);
  for (const char* metric : {"a.new.deep", "a.new.deep.y", "a.new.deep.z.w", "a.xx.y"}) {
    CHECK(store.Read(metric) == Points{{kNow, 1}});
    CHECK(store.Has(metric));
  }
  for (const char* metric : {"a.x", "a.x.y", "a.x.z.w"}) CHECK_FALSE(store.Has(metric));
  CHECK(store.trash.List("t")->front().series_count == 3);
}

TEST_CASE("A series whose new name another store holds goes there", "[mover]") {
  Pair pair;
  pair.stores[0].Write({"a.x"}, {{kNow, 1}});
  CHECK(pair.Move(0, "a.x", "b.x").done_count() == 1);
  CHECK_FALSE(pair.stores[0].Has("a.x"));
  CHECK_FALSE(pair.stores[0].Has("b.x"));
  CHECK(pair.stores[1].Has("b.x"));
  CHECK(pair.stores[1].Read("b.x") == Points{{kNow, 1}});
}

TEST_CASE("A copy leaves the source", "[mover]") {
  Pair pair;
  pair.stores[0].Write({"a.x", "a;k=v"}, {{kNow, 1}});
  CHECK(pair.Move(0, "a.x", "b.x", true).done_count() == 1);
  CHECK(pair.Move(0, "a;k=v", "a;k=w", true).done_count() == 1);
  CHECK(pair.stores[0].Read("a.x") == Points{{kNow, 1}});
  CHECK(pair.stores[1].Read("b.x") == Points{{kNow, 1}});
  CHECK(pair.stores[0].Read("a;k=w") == Points{{kNow, 1}});
  CHECK(pair.stores[0].trash.List("t")->empty());
}

TEST_CASE("A series that is there already is left alone, and so is the one that was to move",
          "[mover]") {
  Pair pair;
  pair.stores[0].Write({"a.x"}, {{kNow, 1}});
  pair.stores[1].Write({"b.x"}, {{kNow, 2}});
  const v1::Job job = pair.Move(0, "a.x", "b.x");
  CHECK(job.skipped_count() == 1);
  CHECK(job.item_size() == 1);
  CHECK(pair.stores[0].Read("a.x") == Points{{kNow, 1}});
  CHECK(pair.stores[1].Read("b.x") == Points{{kNow, 2}});
}

TEST_CASE("The source stays where the target fails, or cannot sync", "[mover]") {
  Pair pair;
  pair.stores[0].Write({"a.x", "a.y"}, {{kNow, 1}});
  pair.error = absl::UnavailableError("gone");
  CHECK(pair.Move(0, "a", "b").state() == v1::Job::FAILED);
  CHECK(pair.stores[0].Read("a.x") == Points{{kNow, 1}});
  pair.error = absl::OkStatus();
  pair.sync_error = absl::UnavailableError("no sync");
  CHECK(pair.Move(0, "a.x", "b.x").state() == v1::Job::FAILED);
  CHECK(pair.stores[0].Read("a.x") == Points{{kNow, 1}});
  CHECK(pair.stores[0].Has("a.x"));
}

TEST_CASE("With replicas the preferred store moves a series, and then the other follows",
          "[mover]") {
  Pair pair;
  pair.has_replicas = true;
  pair.stores[0].Write({"a.x"}, {{kNow - 300, 1}, {kNow - 240, 1}});
  pair.stores[1].Write({"a.x"}, {{kNow - 300, 1}, {kNow - 240, 1}, {kNow - 60, 3}, {kNow, 4}});
  CHECK(pair.Move(1, "a.x", "b.x").skipped_count() == 1);  // not before the preferred one
  CHECK(pair.stores[1].Has("a.x"));
  CHECK(pair.Move(0, "a.x", "b.x").done_count() == 1);
  CHECK(pair.Move(1, "a.x", "b.x").done_count() == 1);
  for (OperatedStore& store : pair.stores) {
    CHECK_FALSE(store.Has("a.x"));
    // Of both: what only the follower had fills the gap.
    CHECK(store.Read("b.x") == Points{{kNow - 300, 1}, {kNow - 240, 1}, {kNow - 60, 3}, {kNow, 4}});
  }
}

TEST_CASE("Names that cannot be meant are refused", "[mover]") {
  Pair pair;
  for (const auto& [from, to] : {std::pair{"", "b"},
                                 {"a", ""},
                                 {"a.*", "b"},
                                 {"a", "b.*"},
                                 {"a", "a"},
                                 {"a", "../b"},
                                 {"a", "b..c"},
                                 {"a", "_tagged.x"}}) {
    v1::MoveSeries request;
    request.set_from(from);
    request.set_to(to);
    CHECK(absl::IsInvalidArgument(pair.movers[0].Plan("t", "", request, false).status()));
  }
}

TEST_CASE("What arrives damaged is refused, and what is compressed becomes classic", "[mover]") {
  OperatedStore store;
  const auto put = [&](const std::string& bytes) {
    IncomingSeries incoming(store.tree, store.staging);
    REQUIRE(incoming.Append(bytes).ok());
    return incoming.Commit(SeriesName("t", "a.b"), PutMode::kCreateOrFill);
  };
  CHECK(absl::IsDataLoss(put("junk").status()));
  CHECK(absl::IsDataLoss(put(std::string(100, '\0')).status()));
  CHECK(absl::IsDataLoss(
      IncomingSeries(store.tree, store.staging).Commit(SeriesName("t", "a.b"), {}).status()));
  CHECK_FALSE(store.Has("a.b"));
  store.Write({"x"}, {{kNow, 1}});
  const std::string good =
      base::ReadWholeFile(store.file_system, store.PathOf("x"), 1 << 20).value();
  CHECK(absl::IsDataLoss(put(good.substr(0, good.size() - 1)).status()));
  CHECK(*put(good) == PutOutcome::kInstalled);
  CHECK(*put(good) == PutOutcome::kFilled);
  CHECK(store.Read("a.b") == Points{{kNow, 1}});
  CHECK(store.file_system.ListDirectory(store.directory.path() + "/incoming")->empty());
}

}  // namespace
}  // namespace plumbago::store
