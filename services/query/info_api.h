// /info: retentions, aggregation method and xFilesFactor of series on each shard, as carbonapi's
// /info has it. Thread-safe; blocks.
#pragma once

#include "absl/status/statusor.h"
#include "http/message.h"
#include "http/parameters.h"
#include "query/engine.h"

namespace plumbago::query {

class InfoApi {
 public:
  struct Result {
    http::Response response;
    AnswerNotes notes;
  };

  explicit InfoApi(const Engine& engine) : engine_(engine) {}

  // Errors as of Engine, NotFound where nothing matches, and InvalidArgument with the parameter.
  absl::StatusOr<Result> Answer(const RequestContext& context,
                                const http::Parameters& parameters) const;

 private:
  const Engine& engine_;
};

}  // namespace plumbago::query
