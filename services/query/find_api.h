// /metrics/find in all its formats, /metrics/expand and /metrics/index.json, as graphite-web and
// carbonapi answer them. Thread-safe; blocks.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "http/message.h"
#include "http/parameters.h"
#include "query/engine.h"

namespace plumbago::query {

class FindApi {
 public:
  struct Result {
    http::Response response;
    AnswerNotes notes;  // of all patterns together
  };

  explicit FindApi(const Engine& engine) : engine_(engine) {}

  // `zone` is that of from and until, which are checked and choose nothing: series are found
  // whenever they had points. Errors as of Engine, and InvalidArgument with the parameter.
  absl::StatusOr<Result> Find(const RequestContext& context, const http::Request& request,
                              const http::Parameters& parameters, absl::TimeZone zone) const;
  absl::StatusOr<Result> Expand(const RequestContext& context,
                                const http::Parameters& parameters) const;
  absl::StatusOr<Result> Index(const RequestContext& context,
                               const http::Parameters& parameters) const;

 private:
  // format=carbonapi_v3_pb, whose request is a message with several patterns, or parameters.
  absl::StatusOr<Result> FindV3(const RequestContext& context, const http::Request& request,
                                const http::Parameters& parameters) const;

  const Engine& engine_;
};

}  // namespace plumbago::query
