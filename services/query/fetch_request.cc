#include "fetch_request.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "foreign/carbonapi_v3.pb.h"

namespace plumbago::query {

bool HasMessage(const http::Request& request) {
  const absl::string_view type = request.headers.Get("Content-Type");
  return !request.body.empty() && !absl::StartsWithIgnoreCase(type, "multipart/form-data") &&
         !absl::StartsWithIgnoreCase(type, "application/x-www-form-urlencoded");
}

absl::Status AddFetchRequest(const http::Request& request, http::Parameters& parameters) {
  if (parameters.Get("format") != "carbonapi_v3_pb" || !HasMessage(request)) {
    return absl::OkStatus();
  }
  foreign::carbonapi_v3::MultiFetchRequest message;
  if (!message.ParseFromString(request.body) || message.metrics().empty()) {
    return absl::InvalidArgumentError(
        "the body is no MultiFetchRequest of carbonapi_v3_pb with an entry");
  }
  for (const auto& entry : message.metrics()) {
    if (!entry.filterfunctions().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("filterFunctions of \"", base::Excerpt(entry.pathexpression()),
                       "\" are not applied here; write them into the path expression"));
    }
    parameters.Add("target",
                   entry.pathexpression().empty() ? entry.name() : entry.pathexpression());
  }
  const auto& first = message.metrics(0);
  parameters.Add("from", absl::StrCat(first.starttime()));
  parameters.Add("until", absl::StrCat(first.stoptime()));
  if (first.maxdatapoints() > 0) {
    parameters.Add("maxDataPoints", absl::StrCat(first.maxdatapoints()));
  }
  return absl::OkStatus();
}

}  // namespace plumbago::query
