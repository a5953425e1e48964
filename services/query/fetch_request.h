// Requests of carbonapi that come as a protobuf message in the body, with format=carbonapi_v3_pb in
// the query string. Pure.
#pragma once

#include "absl/status/status.h"
#include "http/message.h"
#include "http/parameters.h"

namespace plumbago::query {

// Whether the body is a message rather than a form.
bool HasMessage(const http::Request& request);

// Adds to the parameters of /render what a MultiFetchRequest asks for: its path expressions as
// targets, times and maxDataPoints of its first entry. Nothing where the request has no message.
// InvalidArgument: a body that is none, or one that wants functions applied to series.
absl::Status AddFetchRequest(const http::Request& request, http::Parameters& parameters);

}  // namespace plumbago::query
