// /tags/*, as graphite-web answers it: lists and completion of tags, search of series by their
// tags, and the calls by which clients make series known or take them away.
//
// A tag database of its own there is not: tags are those of the series in the stores. tagSeries
// makes a series without points, delSeries moves series into the trash. Thread-safe; blocks.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "http/message.h"
#include "http/parameters.h"
#include "plumbago/v1/tenants.pb.h"
#include "query/engine.h"

namespace plumbago::query {

class TagsApi {
 public:
  struct Result {
    std::string json;
    AnswerNotes notes = {};
  };

  explicit TagsApi(const Engine& engine) : engine_(engine) {}

  // Whether `path`, without a slash at its end, is one of these.
  static bool Serves(absl::string_view path);
  // What a key needs for it: INGEST to make series known, ADMIN to delete them, else READ.
  static v1::Key::Scope ScopeOf(absl::string_view path);

  // Errors as of Engine, InvalidArgument with the parameter, and Unimplemented: the method.
  absl::StatusOr<Result> Answer(const RequestContext& context, absl::string_view method,
                                absl::string_view path, const http::Parameters& parameters) const;

 private:
  using Answered = absl::StatusOr<Result>;

  Answered TagSeries(const RequestContext& context, const http::Parameters& parameters) const;
  Answered TagMultiSeries(const RequestContext& context, const http::Parameters& parameters) const;
  Answered DeleteSeries(const RequestContext& context, const http::Parameters& parameters) const;
  Answered FindSeries(const RequestContext& context, const http::Parameters& parameters) const;
  Answered CompleteTags(const RequestContext& context, const http::Parameters& parameters) const;
  Answered CompleteValues(const RequestContext& context, const http::Parameters& parameters) const;
  Answered ListTags(const RequestContext& context, const http::Parameters& parameters) const;
  Answered Details(const RequestContext& context, const std::string& tag,
                   const http::Parameters& parameters) const;

  const Engine& engine_;
};

}  // namespace plumbago::query
