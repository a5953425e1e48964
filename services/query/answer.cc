#include "answer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "functions/text.h"
#include "http/gzip.h"
#include "query/governor.h"
#include "query/query_registry.h"

namespace plumbago::query {
namespace {

constexpr size_t kCompressFromBytes = 1024;
constexpr size_t kCallbackBytesMax = 128;

// A JavaScript name, perhaps with members: nothing that could end the call.
bool IsCallback(const std::string& name) {
  const auto is_allowed = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '.';
  };
  return !name.empty() && name.size() <= kCallbackBytesMax &&
         !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), is_allowed);
}

void NewLine(size_t depth, std::string& out) {
  out += '\n';
  out.append(depth * 2, ' ');
}

}  // namespace

int HttpStatus(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kUnimplemented:
      return 405;
    case absl::StatusCode::kResourceExhausted:
      return base::ReasonOf(status) == kTooManyQueries ? 429 : 422;
    case absl::StatusCode::kCancelled:
      return 499;  // as nginx counts clients that are gone
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

http::Response ErrorAnswer(const absl::Status& status) {
  http::Response response;
  response.status = HttpStatus(status);
  response.content_type = "application/json";
  std::string message;
  functions::AppendJsonString(absl::string_view(status.message().data(), status.message().size()),
                              message);
  response.body = absl::StrCat("{\"message\":", message, ",\"error\":", message, "}\n");
  if (response.status == 401) {
    response.headers.Add("WWW-Authenticate", "Basic realm=\"plumbago\", charset=\"UTF-8\"");
  }
  const bool is_killed = base::ReasonOf(status) == QueryRegistry::kKilled;
  if ((response.status == 503 && !is_killed) || response.status == 429) {
    response.headers.Add("Retry-After", "1");
  }
  return response;
}

absl::StatusOr<std::string> CallbackOf(const http::Parameters& parameters) {
  std::string callback = parameters.Get("jsonp");
  if (callback.empty() || IsCallback(callback)) return callback;
  return absl::InvalidArgumentError(absl::StrCat("jsonp \"", base::Excerpt(callback),
                                                 "\" is not the name of a function: use letters, "
                                                 "digits, '_', '$' and '.', at most ",
                                                 kCallbackBytesMax));
}

absl::StatusOr<http::Response> JsonAnswer(const http::Parameters& parameters, std::string json) {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string callback, CallbackOf(parameters));
  http::Response response;
  response.content_type = "application/json";
  if (!parameters.Get("pretty").empty()) json = PrettyJson(json);
  if (callback.empty()) {
    response.body = std::move(json);
    return response;
  }
  response.content_type = "text/javascript";
  response.body = absl::StrCat(callback, "(", json, ")");
  return response;
}

http::Response TextAnswer(std::string text) {
  http::Response response;
  response.body = std::move(text);
  return response;
}

absl::Status AddNotes(const http::Parameters& parameters, const std::string& partial_default,
                      const AnswerNotes& notes, http::Response& response) {
  const std::string asked = parameters.Get("partial");
  const std::string& partial = asked.empty() ? partial_default : asked;
  if (partial != "mark" && partial != "allow" && partial != "deny") {
    return absl::InvalidArgumentError(
        absl::StrCat("partial is \"", base::Excerpt(partial), "\"; use mark, allow or deny"));
  }
  if (!notes.missing_shards.empty()) {
    const std::string missing = DescribeMissing(notes.missing_shards);
    if (partial == "deny") {
      return absl::UnavailableError(absl::StrCat("the answer would be partial: ", missing));
    }
    if (partial == "mark") response.headers.Add("X-Plumbago-Partial", missing);
    response.headers.Add("Cache-Control", "no-store");
  }
  if (!notes.warnings.empty()) {
    response.headers.Add("X-Plumbago-Warnings", absl::StrJoin(notes.warnings, "; "));
  }
  return absl::OkStatus();
}

std::string PrettyJson(const std::string& json) {
  std::string out;
  size_t depth = 0;
  bool is_in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (is_in_string) {
      out += c;
      if (c == '\\') {
        out += json[++i];
      } else if (c == '"') {
        is_in_string = false;
      }
      continue;
    }
    const bool opens = c == '{' || c == '[';
    const bool closes = c == '}' || c == ']';
    if (closes) NewLine(--depth, out);
    out += c;
    is_in_string = c == '"';
    if (c == ':') out += ' ';
    if (c == ',') NewLine(depth, out);
    if (opens && json[i + 1] == (c == '{' ? '}' : ']')) {
      out += json[++i];
    } else if (opens) {
      NewLine(++depth, out);
    }
  }
  return out;
}

void Compress(const http::Request& request, http::Response& response) {
  const bool is_long = response.more_parts != nullptr;
  if (response.body.size() < kCompressFromBytes && !is_long) return;
  if (response.content_type == "image/png") return;  // is compressed already
  response.headers.Add("Vary", "Accept-Encoding");
  if (!http::AcceptsGzip(request)) return;
  response.headers.Add("Content-Encoding", "gzip");
  if (!is_long) {
    response.body = http::Gzip(response.body);
    return;
  }
  const auto gzip = std::make_shared<http::GzipStream>();
  const std::string first = std::exchange(response.body, {});
  gzip->Append(first, http::GzipStream::Position::kInside, response.body);
  // The compressor is shared by the copies that std::function may make, used one at a time.
  response.more_parts = [gzip, plain_parts = std::move(response.more_parts)](std::string& part) {
    std::string plain;
    const bool has_more = plain_parts(plain);
    gzip->Append(plain,
                 has_more ? http::GzipStream::Position::kInside : http::GzipStream::Position::kLast,
                 part);
    return has_more;
  };
}

void AddCors(const std::string& origin, http::Response& response) {
  if (origin.empty()) return;
  response.headers.Add("Access-Control-Allow-Origin", origin);
  response.headers.Add("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  response.headers.Add("Access-Control-Allow-Headers",
                       "Accept, Authorization, Content-Type, Origin, X-Api-Key, X-Requested-With");
  response.headers.Add("Access-Control-Expose-Headers",
                       "X-Plumbago-Cache, X-Plumbago-Partial, X-Plumbago-Warnings");
  if (origin != "*") response.headers.Add("Vary", "Origin");
}

}  // namespace plumbago::query
