// HTTP answers of the query service: bodies, errors, and what goes around them. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "http/message.h"
#include "http/parameters.h"
#include "query/engine.h"

namespace plumbago::query {

// {"message","error"} with the status that tells the client what to do.
http::Response ErrorAnswer(const absl::Status& status);
int HttpStatus(const absl::Status& status);

// The function that `jsonp` names; empty where there is none. InvalidArgument where that is not a
// name.
absl::StatusOr<std::string> CallbackOf(const http::Parameters& parameters);

// `json`, indented where the request says `pretty`, inside a call of the function that `jsonp`
// names. InvalidArgument where that is not a name.
absl::StatusOr<http::Response> JsonAnswer(const http::Parameters& parameters, std::string json);

http::Response TextAnswer(std::string text);

// Adds X-Plumbago-Partial and X-Plumbago-Warnings, and forbids the caching of partial answers. The
// request's parameter `partial`, else `partial_default`, is mark, allow (no header) or deny.
// Unavailable where a partial answer is denied, InvalidArgument for another word.
absl::Status AddNotes(const http::Parameters& parameters, const std::string& partial_default,
                      const AnswerNotes& notes, http::Response& response);

// The same JSON, indented by two blanks.
std::string PrettyJson(const std::string& json);

// Compresses a body worth it, in parts where it has them, if the client takes that.
void Compress(const http::Request& request, http::Response& response);

// Headers for browsers of other origins; none where `origin` is empty.
void AddCors(const std::string& origin, http::Response& response);

}  // namespace plumbago::query
