// Who runs next, without threads: ids tell the order.
#include "query/fair_queue.h"

#include <catch2/catch.hpp>
#include <vector>

namespace plumbago::query {
namespace {

std::vector<uint64_t> TakeAll(FairQueue& queue) {
  std::vector<uint64_t> ids;
  while (const auto id = queue.Next()) ids.push_back(*id);
  return ids;
}

TEST_CASE("Places go to the tenant that has the fewest", "[fair_queue]") {
  FairQueue queue(4);
  for (uint64_t id = 1; id <= 6; ++id) queue.Add(id, "loud", 4);
  CHECK(queue.Next() == 1);
  CHECK(queue.Next() == 2);
  queue.Add(10, "quiet", 4);
  queue.Add(11, "quiet", 4);
  CHECK(TakeAll(queue) == std::vector<uint64_t>{10, 11});
  CHECK(queue.running_count() == 4);
  CHECK(queue.waiting_count() == 4);
  queue.Finish("loud");
  CHECK(TakeAll(queue) == std::vector<uint64_t>{3});
}

TEST_CASE("Tenants with equally many places take turns", "[fair_queue]") {
  FairQueue queue(1);
  for (uint64_t id = 1; id <= 3; ++id) queue.Add(id, "a", 9);
  for (uint64_t id = 11; id <= 13; ++id) queue.Add(id, "b", 9);
  std::vector<uint64_t> order;
  for (int i = 0; i < 6; ++i) {
    order.push_back(queue.Next().value());
    CHECK(queue.Next() == std::nullopt);
    queue.Finish(order.back() < 10 ? "a" : "b");
  }
  CHECK(order == std::vector<uint64_t>{1, 11, 2, 12, 3, 13});
}

TEST_CASE("A tenant has no more places than its limit, though some are free", "[fair_queue]") {
  FairQueue queue(8);
  for (uint64_t id = 1; id <= 3; ++id) queue.Add(id, "a", 2);
  queue.Add(10, "b", 2);
  CHECK(TakeAll(queue) == std::vector<uint64_t>{1, 10, 2});
  queue.Finish("b");
  CHECK(TakeAll(queue).empty());
  queue.Finish("a");
  CHECK(TakeAll(queue) == std::vector<uint64_t>{3});
}

TEST_CASE("A query that has gone does not get a place", "[fair_queue]") {
  FairQueue queue(1);
  for (uint64_t id = 1; id <= 3; ++id) queue.Add(id, "a", 1);
  CHECK(queue.Remove(1, "a"));
  CHECK_FALSE(queue.Remove(1, "a"));
  CHECK_FALSE(queue.Remove(1, "nobody"));
  CHECK(queue.Next() == 2);
  CHECK_FALSE(queue.Remove(2, "a"));
  CHECK(queue.Remove(3, "a"));
  queue.Finish("a");
  CHECK(queue.running_count() == 0);
  CHECK(queue.waiting_count() == 0);
  CHECK(queue.RunningOf("a") == 0);
}

}  // namespace
}  // namespace plumbago::query
