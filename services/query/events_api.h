// /events, /events/get_data and /events/<id>, as graphite-web answers them. Thread-safe; blocks.
//
// Who asks GET /events gets the JSON of /events/get_data, not a page.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "http/message.h"
#include "http/parameters.h"
#include "plumbago/v1/tenants.pb.h"
#include "query/event_source.h"
#include "query/request.h"

namespace plumbago::query {

class EventsApi {
 public:
  // `events` may be null: then every call is Unavailable. Both must outlive the API.
  EventsApi(EventSource* events, base::Clock& clock) : events_(events), clock_(clock) {}

  // Whether `path`, without a slash at its end, is one of these.
  static bool Serves(absl::string_view path);
  // What a key needs: INGEST to add an event, else READ.
  static v1::Key::Scope ScopeOf(absl::string_view method, absl::string_view path);

  // `zone` is that of from and until. Errors: those of EventSource, InvalidArgument with the
  // parameter or the part of the body.
  absl::StatusOr<http::Response> Answer(const RequestContext& context, const http::Request& request,
                                        const http::Parameters& parameters, absl::string_view path,
                                        absl::TimeZone zone) const;

 private:
  using Answered = absl::StatusOr<http::Response>;

  Answered Add(const RequestContext& context, const http::Request& request) const;
  Answered Find(const RequestContext& context, const http::Parameters& parameters,
                absl::TimeZone zone) const;
  Answered Detail(const RequestContext& context, const http::Parameters& parameters,
                  absl::string_view id) const;

  EventSource* const events_;
  base::Clock& clock_;
};

}  // namespace plumbago::query
