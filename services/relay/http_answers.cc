#include "http_answers.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace plumbago::relay {
namespace {

using nlohmann::json;

http::Response JsonAnswer(int status, const json& body) {
  http::Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = absl::StrCat(body.dump(), "\n");
  if (status == 429 || status == 503) response.headers.Add("Retry-After", "1");
  if (status == 401) response.headers.Add("WWW-Authenticate", "Basic realm=\"plumbago\"");
  return response;
}

int StatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kUnimplemented:
      return 415;
    case absl::StatusCode::kOutOfRange:
      return 413;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return 503;
    default:
      return 400;
  }
}

json CountsOf(const IngestOutcome& outcome) {
  json body{{"accepted", outcome.accepted_count}, {"refused", outcome.refused_count}};
  json refused = json::array();
  for (const auto& entry : outcome.first_refused) {
    refused.push_back(
        {{"position", entry.position}, {"reason", entry.reason}, {"excerpt", entry.excerpt}});
  }
  if (!refused.empty()) body["first_refused"] = std::move(refused);
  if (!outcome.structure.ok()) body["message"] = std::string(outcome.structure.message());
  return body;
}

// `success` unless nothing was accepted of something, or all is malformed.
int StatusOf(const IngestOutcome& outcome, int success) {
  if (outcome.is_limited()) return 429;
  const bool is_all_refused = outcome.accepted_count == 0 && outcome.refused_count > 0;
  return is_all_refused || !outcome.structure.ok() ? 400 : success;
}

// No sender can mend these by sending something else.
bool IsNoFault(const std::string& reason) {
  return reason == "stale_marker" || reason == "native_histogram";
}

bool HasFault(const IngestOutcome& outcome) {
  for (const auto& entry : outcome.first_refused) {
    if (!IsNoFault(entry.reason)) return true;
  }
  return !outcome.structure.ok();
}

}  // namespace

http::Response ErrorAnswer(const absl::Status& status) {
  const std::string message(status.message());
  return JsonAnswer(StatusOf(status), {{"message", message}, {"error", message}});
}

http::Response PointsAnswer(const http::Request&, const IngestOutcome& outcome) {
  return JsonAnswer(StatusOf(outcome, 200), CountsOf(outcome));
}

http::Response SinkAnswer(const http::Request&, const IngestOutcome& outcome) {
  return JsonAnswer(StatusOf(outcome, 202), CountsOf(outcome));
}

http::Response RemoteWriteAnswer(const http::Request&, const IngestOutcome& outcome) {
  if (outcome.limited_count > 0) return JsonAnswer(429, CountsOf(outcome));
  if (HasFault(outcome)) return JsonAnswer(400, CountsOf(outcome));
  http::Response response;
  response.status = 204;
  return response;
}

http::Response OpentsdbAnswer(const http::Request& request, const IngestOutcome& outcome) {
  const bool has_details = absl::StrContains(request.query, "details");
  const int status = outcome.is_limited() ? 429
                     : outcome.refused_count > 0 || !outcome.structure.ok()
                         ? 400
                         : (has_details || absl::StrContains(request.query, "summary") ? 200 : 204);
  if (status == 204) {
    http::Response response;
    response.status = status;
    return response;
  }
  json body{{"success", outcome.accepted_count}, {"failed", outcome.refused_count}};
  if (has_details) {
    body["errors"] = json::array();
    for (const auto& entry : outcome.first_refused) {
      body["errors"].push_back({{"datapoint", entry.excerpt}, {"error", entry.reason}});
    }
  }
  if (!outcome.structure.ok()) {
    body["error"] = {{"code", 400}, {"message", std::string(outcome.structure.message())}};
  }
  return JsonAnswer(status, body);
}

}  // namespace plumbago::relay
