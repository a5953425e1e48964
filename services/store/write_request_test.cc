// Proves that a request becomes a batch, and that each kind of malformed request is refused.
#include "write_request.h"

#include <catch2/catch.hpp>

namespace plumbago::store_service {
namespace {

using Catch::Matchers::Contains;

// Two series of two tenants, three points.
v1::WriteRequest ValidRequest() {
  v1::WriteRequest request;
  request.set_sequence(1);
  v1::SeriesDefinitions& definitions = *request.mutable_definitions();
  definitions.add_tenant("t");
  definitions.add_tenant("u");
  for (uint32_t id = 0; id < 2; ++id) {
    definitions.add_id(id);
    definitions.add_tenant_index(id);
    definitions.add_metric_bytes(id + 1);
    request.add_series_id(id);
    request.add_point_count(id + 1);
  }
  definitions.set_metrics("abc");
  for (uint32_t i = 0; i < 3; ++i) {
    request.add_time(100 + i);
    request.add_value(i);
  }
  return request;
}

std::string Refusal(const v1::WriteRequest& request) {
  store::WriteSession session(1 << 20);
  const auto batch = ToBatch(request, session);
  REQUIRE(absl::IsInvalidArgument(batch.status()));
  return std::string(batch.status().message());
}

TEST_CASE("Definitions and columns become series and points", "[store_service]") {
  store::WriteSession session(1 << 20);
  const auto batch = ToBatch(ValidRequest(), session).value();
  CHECK(batch->sequence == 1);
  REQUIRE(batch->entries.size() == 2);
  CHECK(batch->entries[0].series->tenant() == "t");
  CHECK(batch->entries[0].series->metric() == "a");
  CHECK(batch->entries[1].series->tenant() == "u");
  CHECK(batch->entries[1].series->metric() == "bc");
  CHECK(batch->entries[1].first_point == 1);
  CHECK(batch->entries[1].point_count == 2);
  CHECK(batch->points[2].time == 102);
  CHECK(batch->points[2].value == 2);
}

TEST_CASE("A request may ask for a checkpoint and have no points", "[store_service]") {
  store::WriteSession session(1 << 20);
  CHECK_FALSE(ToBatch(ValidRequest(), session).value()->wants_checkpoint);
  v1::WriteRequest ask;
  ask.set_sequence(2);
  ask.set_wants_checkpoint(true);
  const auto batch = ToBatch(ask, session).value();
  CHECK(batch->wants_checkpoint);
  CHECK(batch->entries.empty());
}

TEST_CASE("Names live as long as the session", "[store_service]") {
  store::WriteSession session(1 << 20);
  REQUIRE(ToBatch(ValidRequest(), session).ok());
  v1::WriteRequest second = ValidRequest();
  second.clear_definitions();
  CHECK(ToBatch(second, session).ok());
  CHECK_THAT(Refusal(second), Contains("series id 0 is not defined"));
}

TEST_CASE("Malformed requests are refused", "[store_service]") {
  const auto refusal = [](auto change) {
    v1::WriteRequest request = ValidRequest();
    change(request);
    return Refusal(request);
  };
  using Request = v1::WriteRequest;
  CHECK_THAT(refusal([](Request& r) { r.add_series_id(0); }), Contains("must be equal in pairs"));
  CHECK_THAT(refusal([](Request& r) { r.add_value(0); }), Contains("must be equal in pairs"));
  CHECK_THAT(refusal([](Request& r) { r.set_point_count(0, 5); }), Contains("add up to 7"));
  CHECK_THAT(refusal([](Request& r) { r.set_point_count(0, 4'000'000'000); }),
             Contains("add up to 4000000002"));
  CHECK_THAT(refusal([](Request& r) { r.set_series_id(0, 9); }), Contains("9 is not defined"));
  CHECK_THAT(refusal([](Request& r) { r.mutable_definitions()->add_id(5); }),
             Contains("columns of 3 ids"));
  CHECK_THAT(refusal([](Request& r) { r.mutable_definitions()->set_id(1, 0); }),
             Contains("defined twice"));
  CHECK_THAT(refusal([](Request& r) { r.mutable_definitions()->set_tenant_index(1, 2); }),
             Contains("tenant index 2 is not below 2"));
  CHECK_THAT(refusal([](Request& r) { r.mutable_definitions()->set_metric_bytes(1, 3); }),
             Contains("has 3 bytes; 2 are left"));
  CHECK_THAT(refusal([](Request& r) { r.mutable_definitions()->set_metrics("abcd"); }),
             Contains("belong to no definition"));
}

}  // namespace
}  // namespace plumbago::store_service
