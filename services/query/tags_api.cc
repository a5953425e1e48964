#include "tags_api.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "functions/text.h"
#include "metric/metric_name.h"
#include "metric/tag_expression.h"
#include "query/find_format.h"

namespace plumbago::query {
namespace {

// TAGDB_AUTOCOMPLETE_LIMIT of graphite-web.
constexpr size_t kCompletionsDefault = 100;
constexpr size_t kUnlimited = std::numeric_limits<uint32_t>::max();
constexpr size_t kPathsMax = 10'000;

// Rails, PHP and jQuery write lists as "expr[]".
std::vector<std::string> ListOf(const http::Parameters& parameters, const std::string& name) {
  std::vector<std::string> values = parameters.All(name);
  return values.empty() ? parameters.All(name + "[]") : values;
}

absl::StatusOr<size_t> Limit(const http::Parameters& parameters, size_t fallback) {
  const std::string* text = parameters.Find("limit");
  if (text == nullptr) return fallback;
  uint32_t limit = 0;
  if (absl::SimpleAtoi(*text, &limit)) return limit;
  return absl::InvalidArgumentError(absl::StrCat("limit is \"", base::Excerpt(*text),
                                                 "\"; use a whole number from 0 to ", kUnlimited));
}

// Of lists, where an empty text is no limit.
absl::StatusOr<size_t> ListLimit(const http::Parameters& parameters) {
  if (parameters.Get("limit").empty()) return kUnlimited;
  return Limit(parameters, kUnlimited);
}

absl::Status NotAPath(absl::string_view path, absl::string_view problem) {
  return absl::InvalidArgumentError(
      absl::StrCat("cannot parse path \"", base::Excerpt(path), "\": ", problem));
}

// metric{tag="value",...} as metric;tag=value;... (graphite-web: TaggedSeries.parse_openmetrics).
absl::StatusOr<std::string> FromOpenMetrics(absl::string_view path) {
  const size_t brace = path.find('{');
  std::string out(path.substr(0, brace));
  absl::string_view rest = path.substr(brace + 1, path.size() - brace - 2);
  while (!rest.empty()) {
    const size_t equals = rest.find("=\"");
    if (equals == 0 || equals == absl::string_view::npos)
      return NotAPath(path, "a tag has no value");
    absl::StrAppend(&out, ";", rest.substr(0, equals), "=");
    size_t i = equals + 2;
    for (; i < rest.size() && rest[i] != '"'; ++i) {
      const bool is_escape = rest[i] == '\\';
      if (is_escape && i + 1 < rest.size()) ++i;
      if (rest[i] == ';') return NotAPath(path, "the character ';' is not allowed in a value");
      out += rest[i];
    }
    rest.remove_prefix(std::min(i + 1, rest.size()));
    if (!rest.empty() && !absl::ConsumePrefix(&rest, ",")) {
      return NotAPath(path, "a ',' is missing between tags");
    }
  }
  return out;
}

absl::StatusOr<std::string> CanonicalPath(const std::string& path) {
  std::string plain = path;
  if (absl::EndsWith(path, "\"}") && absl::StrContains(path, '{')) {
    PLUMBAGO_ASSIGN_OR_RETURN(plain, FromOpenMetrics(path));
  }
  std::string canonical;
  const metric::NameFault fault = metric::Canonicalise(plain, &canonical);
  if (fault != metric::NameFault::kNone) return NotAPath(path, metric::NameFaultWord(fault));
  return canonical;
}

absl::StatusOr<std::vector<std::string>> CanonicalPaths(const http::Parameters& parameters) {
  const std::vector<std::string> paths = ListOf(parameters, "path");
  if (paths.empty()) return absl::InvalidArgumentError("no paths specified");
  if (paths.size() > kPathsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(paths.size(), " paths are more than ", kPathsMax, "; send them in parts"));
  }
  std::vector<std::string> canonical;
  for (const std::string& path : paths) {
    PLUMBAGO_ASSIGN_OR_RETURN(canonical.emplace_back(), CanonicalPath(path));
  }
  return canonical;
}

// Names without tags are not in the lists of tags: there is nothing to do for them.
std::vector<std::string> TaggedOnes(const std::vector<std::string>& paths) {
  std::vector<std::string> tagged;
  for (const std::string& path : paths) {
    if (absl::StrContains(path, ';')) tagged.push_back(path);
  }
  return tagged;
}

std::string TextsJson(const std::vector<TagEntry>& entries) {
  std::vector<std::string> texts;
  for (const TagEntry& entry : entries) texts.push_back(entry.text);
  return ListJson(texts);
}

bool IsOneOf(absl::string_view path, std::initializer_list<absl::string_view> paths) {
  return std::find(paths.begin(), paths.end(), path) != paths.end();
}

absl::Status CheckMethod(absl::string_view method, absl::string_view path) {
  const bool is_post = method == "POST";
  if (IsOneOf(path, {"/tags/tagSeries", "/tags/tagMultiSeries", "/tags/delSeries"})) {
    if (is_post) return absl::OkStatus();
    return absl::UnimplementedError(absl::StrCat(path, " changes series; use POST"));
  }
  const bool allows_post =
      IsOneOf(path, {"/tags/findSeries", "/tags/autoComplete/tags", "/tags/autoComplete/values"});
  if (!is_post || allows_post) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(base::Excerpt(path), " is only read; use GET"));
}

}  // namespace

bool TagsApi::Serves(absl::string_view path) {
  return path == "/tags" || absl::StartsWith(path, "/tags/");
}

v1::Key::Scope TagsApi::ScopeOf(absl::string_view path) {
  if (path == "/tags/delSeries") return v1::Key::ADMIN;
  return IsOneOf(path, {"/tags/tagSeries", "/tags/tagMultiSeries"}) ? v1::Key::INGEST
                                                                    : v1::Key::READ;
}

TagsApi::Answered TagsApi::Answer(const RequestContext& context, absl::string_view method,
                                  absl::string_view path,
                                  const http::Parameters& parameters) const {
  PLUMBAGO_RETURN_IF_ERROR(CheckMethod(method, path));
  if (path == "/tags") return ListTags(context, parameters);
  if (path == "/tags/tagSeries") return TagSeries(context, parameters);
  if (path == "/tags/tagMultiSeries") return TagMultiSeries(context, parameters);
  if (path == "/tags/delSeries") return DeleteSeries(context, parameters);
  if (path == "/tags/findSeries") return FindSeries(context, parameters);
  if (path == "/tags/autoComplete/tags") return CompleteTags(context, parameters);
  if (path == "/tags/autoComplete/values") return CompleteValues(context, parameters);
  absl::ConsumePrefix(&path, "/tags/");
  return Details(context, http::DecodePath(path), parameters);
}

TagsApi::Answered TagsApi::TagSeries(const RequestContext& context,
                                     const http::Parameters& parameters) const {
  const std::string path = parameters.Get("path");
  if (path.empty()) return absl::InvalidArgumentError("no path specified");
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string canonical, CanonicalPath(path));
  PLUMBAGO_RETURN_IF_ERROR(engine_.CreateSeries(context, TaggedOnes({canonical})));
  Result result;
  functions::AppendJsonString(canonical, result.json);
  return result;
}

TagsApi::Answered TagsApi::TagMultiSeries(const RequestContext& context,
                                          const http::Parameters& parameters) const {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<std::string> paths, CanonicalPaths(parameters));
  PLUMBAGO_RETURN_IF_ERROR(engine_.CreateSeries(context, TaggedOnes(paths)));
  return Result{.json = ListJson(paths)};
}

TagsApi::Answered TagsApi::DeleteSeries(const RequestContext& context,
                                        const http::Parameters& parameters) const {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<std::string> paths, CanonicalPaths(parameters));
  const std::vector<std::string> tagged = TaggedOnes(paths);
  if (!tagged.empty()) PLUMBAGO_RETURN_IF_ERROR(engine_.DeleteSeries(context, tagged));
  return Result{.json = "true"};
}

TagsApi::Answered TagsApi::FindSeries(const RequestContext& context,
                                      const http::Parameters& parameters) const {
  const std::vector<std::string> expressions = ListOf(parameters, "expr");
  if (expressions.empty()) return absl::InvalidArgumentError("no tag expressions specified");
  PLUMBAGO_ASSIGN_OR_RETURN(ListAnswer answer, engine_.FindTagged(context, expressions));
  return Result{ListJson(answer.names), std::move(answer.notes)};
}

TagsApi::Answered TagsApi::CompleteTags(const RequestContext& context,
                                        const http::Parameters& parameters) const {
  TagQuestion question{.prefix = parameters.Get("tagPrefix"),
                       .expressions = ListOf(parameters, "expr")};
  PLUMBAGO_ASSIGN_OR_RETURN(question.count_max, Limit(parameters, kCompletionsDefault));
  // Grafana's backend writes what is not set as 0.
  if (question.count_max == 0) question.count_max = kCompletionsDefault;
  PLUMBAGO_ASSIGN_OR_RETURN(TagAnswer answer,
                            engine_.CompleteTags(context, question, Engine::Counts::kNone));
  return Result{TextsJson(answer.entries), std::move(answer.notes)};
}

TagsApi::Answered TagsApi::CompleteValues(const RequestContext& context,
                                          const http::Parameters& parameters) const {
  TagQuestion question{.tag = parameters.Get("tag"),
                       .prefix = parameters.Get("valuePrefix"),
                       .expressions = ListOf(parameters, "expr")};
  if (question.tag.empty()) return absl::InvalidArgumentError("no tag specified");
  PLUMBAGO_ASSIGN_OR_RETURN(question.count_max, Limit(parameters, kCompletionsDefault));
  // Grafana's backend writes what is not set as 0.
  if (question.count_max == 0) question.count_max = kCompletionsDefault;
  PLUMBAGO_ASSIGN_OR_RETURN(TagAnswer answer,
                            engine_.CompleteTags(context, question, Engine::Counts::kNone));
  return Result{TextsJson(answer.entries), std::move(answer.notes)};
}

TagsApi::Answered TagsApi::ListTags(const RequestContext& context,
                                    const http::Parameters& parameters) const {
  PLUMBAGO_ASSIGN_OR_RETURN(const size_t limit, ListLimit(parameters));
  const std::string filter = parameters.Get("filter");
  PLUMBAGO_ASSIGN_OR_RETURN(const metric::TagExpression matcher,
                            metric::TagExpression::Parse(absl::StrCat("filter=~", filter)));
  PLUMBAGO_ASSIGN_OR_RETURN(
      TagAnswer answer,
      engine_.CompleteTags(context, {.count_max = filter.empty() ? limit : kUnlimited},
                           Engine::Counts::kNone));
  Result result{.json = "[", .notes = std::move(answer.notes)};
  size_t count = 0;
  for (const TagEntry& entry : answer.entries) {
    if (!matcher.Matches(entry.text)) continue;
    if (count++ == limit) break;
    result.json += result.json.size() > 1 ? ",{\"tag\":" : "{\"tag\":";
    functions::AppendJsonString(entry.text, result.json);
    result.json += '}';
  }
  result.json += ']';
  return result;
}

TagsApi::Answered TagsApi::Details(const RequestContext& context, const std::string& tag,
                                   const http::Parameters& parameters) const {
  // No tag has such a name, and an expression with it would mean something else.
  if (tag.find_first_of(";!^=") != std::string::npos) return Result{.json = "null"};
  TagQuestion question{.tag = tag};
  PLUMBAGO_ASSIGN_OR_RETURN(question.count_max, ListLimit(parameters));
  const std::string filter = parameters.Get("filter");
  if (!filter.empty()) question.expressions = {absl::StrCat(tag, "=~", filter)};
  const size_t limit = std::exchange(question.count_max, std::max<size_t>(question.count_max, 1));
  PLUMBAGO_ASSIGN_OR_RETURN(TagAnswer answer,
                            engine_.CompleteTags(context, question, Engine::Counts::kExact));
  if (answer.entries.empty() && !filter.empty()) {
    // The tag may be there, with other values.
    PLUMBAGO_ASSIGN_OR_RETURN(
        const TagAnswer any,
        engine_.CompleteTags(context, {.tag = tag, .count_max = 1}, Engine::Counts::kNone));
    if (any.entries.empty()) return Result{"null", std::move(answer.notes)};
  } else if (answer.entries.empty()) {
    return Result{"null", std::move(answer.notes)};
  }
  Result result{.json = "{\"tag\":", .notes = std::move(answer.notes)};
  functions::AppendJsonString(tag, result.json);
  result.json += ",\"values\":[";
  for (size_t i = 0; i < std::min(limit, answer.entries.size()); ++i) {
    result.json += i > 0 ? ",{\"value\":" : "{\"value\":";
    functions::AppendJsonString(answer.entries[i].text, result.json);
    absl::StrAppend(&result.json, ",\"count\":", answer.entries[i].series_count, "}");
  }
  result.json += "]}";
  return result;
}

}  // namespace plumbago::query
