// /events over events in memory: what is read from requests, and how answers look. The clock stands
// at 2000.5 s.
#include "events_api.h"

#include <catch2/catch.hpp>

#include "query/testing/fake_events.h"

namespace plumbago::query {
namespace {

class Fixture {
 public:
  absl::StatusOr<http::Response> Send(const std::string& method, const std::string& path,
                                      const std::string& query = {}, const std::string& body = {}) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.body = body;
    RequestContext context;
    context.tenant = "acme";
    context.now = 2000;
    context.deadline = absl::FromUnixSeconds(2020);
    return api.Answer(context, request, http::Parameters(request), path, absl::UTCTimeZone());
  }
  std::string Get(const std::string& path, const std::string& query = {}) {
    const auto answer = Send("GET", path, query);
    return answer.ok() ? answer->body : std::string(answer.status().message());
  }
  // The error of a POST, or what was added as /events/get_data shows it.
  std::string Post(const std::string& body) {
    events.events.clear();
    const auto answer = Send("POST", "/events", "", body);
    if (!answer.ok()) return std::string(answer.status().message());
    CHECK(answer->body.empty());
    CHECK(events.tenant == "acme");
    return Get("/events/get_data");
  }
  const v1::FindEventsRequest& Asked(const std::string& query) {
    REQUIRE(Send("GET", "/events/get_data", query).ok());
    return events.requests.back();
  }

  FakeEvents events;
  base::SimulatedClock clock{absl::FromUnixMillis(2'000'500)};
  EventsApi api{&events, clock};
};

TEST_CASE("Events are added with tags as a list or a text, and a time of their own",
          "[events_api]") {
  Fixture fixture;
  CHECK(fixture.Post(R"({"what":"deploy","tags":["a","b"],"when":100,"data":"x\"\n"})") ==
        R"([{"when":100,"what":"deploy","data":"x\"\n","tags":["a","b"],"id":1}])");
  CHECK(fixture.Post(R"({"what":"deploy","tags":" a  b "})") ==
        R"([{"when":2000,"what":"deploy","data":"","tags":["a","b"],"id":1}])");
  CHECK(fixture.events.events[0].when_unix_us() == 2'000'500'000);
  CHECK(fixture.Post(R"({"what":"d","when":1.75,"tags":null,"data":null,"more":1})") ==
        R"([{"when":1,"what":"d","data":"","tags":[],"id":1}])");
  CHECK(fixture.Get("/events/1") ==
        R"({"id":1,"when":"1970-01-01T00:00:01.750Z","what":"d","data":"","tags":[]})");
  CHECK(fixture.Post(R"({"what":"d","when":1700000000})").find("1700000000") != std::string::npos);
  CHECK(fixture.Get("/events/1").find("\"2023-11-14T22:13:20Z\"") != std::string::npos);
}

TEST_CASE("A bad event is refused with its field", "[events_api]") {
  Fixture fixture;
  CHECK(fixture.Post(R"({"what":"d","tags":5})") ==
        "\"tags\" must be an array or space-separated string");
  CHECK(fixture.Post(R"({"what":"d","tags":["a",5]})") == "\"tags\" must be an array of strings");
  CHECK(fixture.Post(R"({"tags":"a"})") == "\"what\" must be a string that is not empty");
  CHECK(fixture.Post(R"({"what":5})") == "\"what\" must be a string");
  CHECK(fixture.Post(R"({"what":"d","data":{}})") == "\"data\" must be a string");
  for (const char* when : {"\"1\"", "-1", "1e300", "null", "true"}) {
    CHECK(
        fixture.Post(std::string(R"({"what":"d","when":)") + when + "}").find("\"when\" must be") ==
        0);
  }
  for (const char* body : {"", "[]", "5", "{", "{\"what\":\"\xff\"}"}) {
    CHECK(fixture.Post(body).find("the body is no JSON object") == 0);
  }
}

TEST_CASE("Ranges and tags are read as graphite-web reads them", "[events_api]") {
  Fixture fixture;
  CHECK(fixture.Asked("").from_unix_us() == 0);
  CHECK(fixture.Asked("").until_unix_us() == 2'000'500'000);
  CHECK_FALSE(fixture.Asked("").has_tags());
  CHECK(fixture.Asked("from=-10s&until=1999").from_unix_us() == 1'990'000'000);
  CHECK(fixture.Asked("from=-10s&until=1999").until_unix_us() == 1'999'000'000);
  const v1::FindEventsRequest spaces = fixture.Asked("tags=a+b++c");
  REQUIRE(spaces.tag_size() == 4);
  CHECK(spaces.tag(2) == "");
  CHECK(spaces.match() == v1::FindEventsRequest::ALL_KNOWN);
  CHECK(fixture.Asked("tags=").has_tags());
  CHECK(fixture.Asked("tags=a&set=union").match() == v1::FindEventsRequest::ANY);
  CHECK(fixture.Asked("tags=a&set=intersection").match() == v1::FindEventsRequest::ALL);
  CHECK(fixture.Asked("tags=a&set=x").match() == v1::FindEventsRequest::ALL_KNOWN);
  CHECK(fixture.Get("/events/get_data", "from=nonsense").find("from: ") == 0);
  CHECK(fixture.Get("/events", "jsonp=call") == "call([])");
}

TEST_CASE("Paths of events are known, and what they need", "[events_api]") {
  for (const char* path : {"/events", "/events/get_data", "/events/12"}) {
    CHECK(EventsApi::Serves(path));
  }
  for (const char* path : {"/event", "/events/", "/events/a", "/events/1/2"}) {
    CHECK_FALSE(EventsApi::Serves(path));
  }
  CHECK(EventsApi::ScopeOf("POST", "/events") == v1::Key::INGEST);
  CHECK(EventsApi::ScopeOf("POST", "/events/get_data") == v1::Key::READ);
  CHECK(EventsApi::ScopeOf("GET", "/events") == v1::Key::READ);
}

TEST_CASE("What is not there, and a store that is not, are errors", "[events_api]") {
  Fixture fixture;
  CHECK(fixture.Get("/events/7") == "Event matching query does not exist");
  CHECK(fixture.Get("/events/99999999999999999999") == "Event matching query does not exist");
  fixture.events.failure = absl::UnavailableError("gone");
  CHECK(absl::IsUnavailable(fixture.Send("GET", "/events/get_data").status()));
  CHECK(absl::IsUnavailable(fixture.Send("POST", "/events", "", R"({"what":"a"})").status()));
  const EventsApi none(nullptr, fixture.clock);
  http::Request request;
  request.method = "GET";
  CHECK(absl::IsUnavailable(
      none.Answer({}, request, http::Parameters(request), "/events", absl::UTCTimeZone())
          .status()));
}

}  // namespace
}  // namespace plumbago::query
