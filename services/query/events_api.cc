#include "events_api.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "answer.h"
#include "base/status.h"
#include "functions/attime.h"
#include "functions/text.h"

namespace plumbago::query {
namespace {

using Json = nlohmann::json;

constexpr absl::string_view kRoot = "/events";
constexpr absl::string_view kData = "/events/get_data";
constexpr int64_t kSecond = 1'000'000;  // in microseconds
constexpr double kTimeMax = 253'402'300'799;

absl::Status BadField(const char* name, const char* allowed) {
  return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" must be ", allowed));
}

// A string; null and absent are empty.
absl::Status ReadText(const Json& body, const char* name, std::string* text) {
  const auto field = body.find(name);
  if (field == body.end() || field->is_null()) return absl::OkStatus();
  if (!field->is_string()) return BadField(name, "a string");
  *text = field->get<std::string>();
  return absl::OkStatus();
}

absl::Status ReadTags(const Json& body, v1::Event& event) {
  const auto field = body.find("tags");
  if (field == body.end() || field->is_null()) return absl::OkStatus();
  std::string tags;
  if (field->is_string()) {
    tags = field->get<std::string>();
  } else if (!field->is_array()) {
    return BadField("tags", "an array or space-separated string");
  } else {
    for (const Json& tag : *field) {
      if (!tag.is_string()) return BadField("tags", "an array of strings");
      absl::StrAppend(&tags, tag.get<std::string>(), " ");
    }
  }
  for (const absl::string_view tag :
       absl::StrSplit(tags, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty())) {
    event.add_tag(std::string(tag));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Event> ReadEvent(const std::string& text, absl::Time now) {
  const Json body = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) {
    return absl::InvalidArgumentError(
        "the body is no JSON object such as {\"what\": \"...\", \"tags\": [\"...\"]}");
  }
  v1::Event event;
  PLUMBAGO_RETURN_IF_ERROR(ReadText(body, "what", event.mutable_what()));
  if (event.what().empty()) return BadField("what", "a string that is not empty");
  PLUMBAGO_RETURN_IF_ERROR(ReadText(body, "data", event.mutable_data()));
  PLUMBAGO_RETURN_IF_ERROR(ReadTags(body, event));
  event.set_when_unix_us(absl::ToUnixMicros(now));
  const auto when = body.find("when");
  if (when == body.end()) return event;
  const double seconds = when->is_number() ? when->get<double>() : -1;
  if (!(seconds >= 0 && seconds <= kTimeMax)) {
    return BadField("when", "a number of seconds since 1970, up to the year 9999");
  }
  event.set_when_unix_us(std::llround(seconds * static_cast<double>(kSecond)));
  return event;
}

void AppendField(absl::string_view name, absl::string_view value, std::string& json) {
  absl::StrAppend(&json, ",\"", name, "\":");
  functions::AppendJsonString(value, json);
}

// What both forms have behind the time.
void AppendRest(const v1::Event& event, std::string& json) {
  AppendField("what", event.what(), json);
  AppendField("data", event.data(), json);
  json += ",\"tags\":[";
  for (int i = 0; i < event.tag_size(); ++i) {
    if (i > 0) json += ',';
    functions::AppendJsonString(event.tag(i), json);
  }
  json += ']';
}

std::string ListJson(const std::vector<v1::Event>& events) {
  std::string json = "[";
  for (const v1::Event& event : events) {
    absl::StrAppend(&json, json.size() > 1 ? "," : "",
                    "{\"when\":", event.when_unix_us() / kSecond);
    AppendRest(event, json);
    absl::StrAppend(&json, ",\"id\":", event.id(), "}");
  }
  json += ']';
  return json;
}

// "2023-11-14T22:13:20Z", with milliseconds where it has a fraction (Django's JSON encoder).
std::string IsoTime(int64_t unix_us) {
  const absl::Time time = absl::FromUnixMicros(unix_us);
  std::string text = absl::FormatTime("%Y-%m-%dT%H:%M:%S", time, absl::UTCTimeZone());
  if (const int64_t fraction = unix_us % kSecond; fraction > 0) {
    const std::string thousandths = absl::StrCat(1000 + fraction / 1000);
    absl::StrAppend(&text, ".", thousandths.substr(1));
  }
  return text + "Z";
}

absl::StatusOr<int64_t> Time(const http::Parameters& parameters, const char* name, int64_t fallback,
                             int64_t now, absl::TimeZone zone) {
  const std::string text = parameters.Get(name);
  if (text.empty() || text == "undefined") return fallback;
  auto time = functions::ParseAtTime(text, now, zone);
  return time.ok() ? time : base::Annotate(time.status(), name);
}

// Any other word is as none, as in graphite-web.
v1::FindEventsRequest::Match MatchOf(const http::Parameters& parameters) {
  const std::string set = parameters.Get("set");
  if (set == "union") return v1::FindEventsRequest::ANY;
  return set == "intersection" ? v1::FindEventsRequest::ALL : v1::FindEventsRequest::ALL_KNOWN;
}

}  // namespace

bool EventsApi::Serves(absl::string_view path) {
  if (path == kRoot || path == kData) return true;
  return absl::ConsumePrefix(&path, "/events/") && !path.empty() &&
         path.find_first_not_of("0123456789") == absl::string_view::npos;
}

v1::Key::Scope EventsApi::ScopeOf(absl::string_view method, absl::string_view path) {
  return method == "POST" && path == kRoot ? v1::Key::INGEST : v1::Key::READ;
}

EventsApi::Answered EventsApi::Answer(const RequestContext& context, const http::Request& request,
                                      const http::Parameters& parameters, absl::string_view path,
                                      absl::TimeZone zone) const {
  if (events_ == nullptr) return absl::UnavailableError("this query service has no events");
  if (path == kRoot && request.method == "POST") return Add(context, request);
  if (path == kRoot || path == kData) return Find(context, parameters, zone);
  return Detail(context, parameters, absl::StripPrefix(path, "/events/"));
}

EventsApi::Answered EventsApi::Add(const RequestContext& context,
                                   const http::Request& request) const {
  v1::AddEventRequest add;
  add.set_tenant(context.tenant);
  PLUMBAGO_ASSIGN_OR_RETURN(*add.mutable_event(), ReadEvent(request.body, clock_.Now()));
  PLUMBAGO_RETURN_IF_ERROR(events_->Add({context.deadline, context.cancellation}, add).status());
  return TextAnswer("");
}

EventsApi::Answered EventsApi::Find(const RequestContext& context,
                                    const http::Parameters& parameters, absl::TimeZone zone) const {
  v1::FindEventsRequest find;
  find.set_tenant(context.tenant);
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t from, Time(parameters, "from", 0, context.now, zone));
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t until,
                            Time(parameters, "until", context.now, context.now, zone));
  find.set_from_unix_us(from * kSecond);
  // Without until, events of this very second count, as graphite-web's clock goes on.
  const bool has_end = !parameters.Get("until").empty() && parameters.Get("until") != "undefined";
  find.set_until_unix_us(has_end ? until * kSecond : absl::ToUnixMicros(clock_.Now()));
  if (const std::string* tags = parameters.Find("tags")) {
    find.set_has_tags(true);
    find.set_match(MatchOf(parameters));
    for (const absl::string_view tag : absl::StrSplit(*tags, ' ')) find.add_tag(std::string(tag));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<v1::Event> events,
                            events_->Find({context.deadline, context.cancellation}, find));
  return JsonAnswer(parameters, ListJson(events));
}

EventsApi::Answered EventsApi::Detail(const RequestContext& context,
                                      const http::Parameters& parameters,
                                      absl::string_view id) const {
  v1::GetEventRequest get;
  get.set_tenant(context.tenant);
  uint64_t number = 0;
  const absl::Status none = absl::NotFoundError("Event matching query does not exist");
  if (!absl::SimpleAtoi(id, &number)) return none;
  get.set_id(number);
  const auto event = events_->Get({context.deadline, context.cancellation}, get);
  if (absl::IsNotFound(event.status())) return none;
  PLUMBAGO_RETURN_IF_ERROR(event.status());
  std::string json =
      absl::StrCat("{\"id\":", number, ",\"when\":\"", IsoTime(event->when_unix_us()), "\"");
  AppendRest(*event, json);
  json += '}';
  return JsonAnswer(parameters, std::move(json));
}

}  // namespace plumbago::query
