#include "find_api.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "answer.h"
#include "base/status.h"
#include "fetch_request.h"
#include "foreign/carbonapi_v3.pb.h"
#include "functions/attime.h"
#include "query/find_format.h"

namespace plumbago::query {
namespace {

constexpr size_t kQueriesMax = 100;

enum class Format { kTreeJson, kCompleter, kJson, kNodeList, kPickle, kMsgpack, kV2, kV3 };

absl::StatusOr<Format> FormatOf(const http::Parameters& parameters) {
  constexpr std::pair<absl::string_view, Format> kFormats[] = {
      {"treejson", Format::kTreeJson},  {"completer", Format::kCompleter},
      {"json", Format::kJson},          {"nodelist", Format::kNodeList},
      {"pickle", Format::kPickle},      {"msgpack", Format::kMsgpack},
      {"carbonapi_v2_pb", Format::kV2}, {"protobuf", Format::kV2},
      {"protobuf3", Format::kV2},       {"carbonapi_v3_pb", Format::kV3}};
  const std::string* text = parameters.Find("format");
  if (text == nullptr) return Format::kTreeJson;
  std::string names;
  for (const auto& [name, format] : kFormats) {
    if (name == *text) return format;
    absl::StrAppend(&names, names.empty() ? "" : ", ", name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("format is \"", base::Excerpt(*text), "\"; use one of ", names));
}

// A number as Python's int() reads it; 0 is no, any other yes, where it is a switch.
absl::StatusOr<int64_t> Integer(const http::Parameters& parameters, absl::string_view name,
                                int64_t fallback) {
  const std::string* text = parameters.Find(name);
  if (text == nullptr) return fallback;
  int64_t value = 0;
  if (absl::SimpleAtoi(*text, &value)) return value;
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is \"", base::Excerpt(*text), "\"; use a whole number"));
}

absl::Status CheckTimes(const http::Parameters& parameters, int64_t now, absl::TimeZone zone) {
  for (const char* name : {"from", "until"}) {
    const std::string* text = parameters.Find(name);
    if (text == nullptr || *text == "-1") continue;
    const auto time = functions::ParseAtTime(*text, now, zone);
    if (!time.ok()) return base::Annotate(time.status(), name);
  }
  return absl::OkStatus();
}

void DropBranches(std::vector<FoundNode>& nodes) {
  std::erase_if(nodes, [](const FoundNode& node) { return !node.is_leaf; });
}

void ForbidCaching(http::Response& response) {
  response.headers.Add("Pragma", "no-cache");
  response.headers.Add("Cache-Control", "no-cache");
}

// A shard that lacks in one of several answers lacks in all of them.
void Join(AnswerNotes more, AnswerNotes& notes) {
  for (MissingShard& shard : more.missing_shards) {
    const auto is_it = [&](const MissingShard& one) { return one.id == shard.id; };
    if (std::none_of(notes.missing_shards.begin(), notes.missing_shards.end(), is_it)) {
      notes.missing_shards.push_back(std::move(shard));
    }
  }
}

http::Response Binary(const char* content_type, std::string body) {
  http::Response response;
  response.content_type = content_type;
  response.body = std::move(body);
  return response;
}

struct Shape {
  Format format = Format::kTreeJson;
  std::string query;
  WildcardNode wildcard = WildcardNode::kNo;
  int64_t position = -1;
  int64_t now = 0;
};

absl::StatusOr<http::Response> Encode(const http::Parameters& parameters, const Shape& shape,
                                      const std::vector<FoundNode>& nodes) {
  switch (shape.format) {
    case Format::kTreeJson:
      return JsonAnswer(parameters, FindTreeJson(nodes, shape.query, shape.wildcard));
    case Format::kCompleter:
      return JsonAnswer(parameters, FindCompleter(nodes, shape.wildcard));
    case Format::kJson:
      return JsonAnswer(parameters, FindJson(nodes, shape.now));
    case Format::kNodeList:
      return JsonAnswer(parameters, FindNodeList(nodes, shape.position));
    case Format::kPickle:
      return Binary("application/pickle", FindPickle(nodes, shape.now));
    case Format::kMsgpack:
      return Binary("application/x-msgpack", FindMsgpack(nodes, shape.now));
    case Format::kV2:
      return Binary("application/x-protobuf", FindProtobufV2(nodes, shape.query));
    case Format::kV3:
      return Binary("application/x-protobuf", FindProtobufV3(nodes, shape.query));
  }
  return absl::InternalError("a format without encoder");
}

absl::Status CheckCount(const std::vector<std::string>& queries) {
  if (queries.size() <= kQueriesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(queries.size(), " queries are more than ", kQueriesMax, "; ask in parts"));
}

}  // namespace

absl::StatusOr<FindApi::Result> FindApi::Find(const RequestContext& context,
                                              const http::Request& request,
                                              const http::Parameters& parameters,
                                              absl::TimeZone zone) const {
  Shape shape{.query = parameters.Get("query"), .now = context.now};
  PLUMBAGO_ASSIGN_OR_RETURN(shape.format, FormatOf(parameters));
  PLUMBAGO_RETURN_IF_ERROR(CheckTimes(parameters, context.now, zone));
  if (shape.format == Format::kV3) return FindV3(context, request, parameters);
  if (shape.query.empty()) {
    return absl::InvalidArgumentError("the parameter query is missing or empty");
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t is_leaves_only, Integer(parameters, "leavesOnly", 0));
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t has_wildcard, Integer(parameters, "wildcards", 0));
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t variants, Integer(parameters, "automatic_variants", 0));
  PLUMBAGO_ASSIGN_OR_RETURN(shape.position, Integer(parameters, "position", -1));
  PLUMBAGO_RETURN_IF_ERROR(Integer(parameters, "local", 0).status());
  if (has_wildcard != 0) shape.wildcard = WildcardNode::kYes;
  std::string pattern = shape.query;
  if (shape.format == Format::kCompleter) {
    pattern = CompleterPattern(pattern, variants == 0 ? Variants::kNo : Variants::kAutomatic);
  }
  PLUMBAGO_ASSIGN_OR_RETURN(FindAnswer answer, engine_.Find(context, pattern));
  if (is_leaves_only != 0) DropBranches(answer.nodes);
  PLUMBAGO_ASSIGN_OR_RETURN(http::Response response, Encode(parameters, shape, answer.nodes));
  ForbidCaching(response);
  return Result{std::move(response), std::move(answer.notes)};
}

absl::StatusOr<FindApi::Result> FindApi::FindV3(const RequestContext& context,
                                                const http::Request& request,
                                                const http::Parameters& parameters) const {
  std::vector<std::string> queries = parameters.All("query");
  if (HasMessage(request)) {
    foreign::carbonapi_v3::MultiGlobRequest message;
    if (!message.ParseFromString(request.body)) {
      return absl::InvalidArgumentError("the body is no MultiGlobRequest of carbonapi_v3_pb");
    }
    queries.assign(message.metrics().begin(), message.metrics().end());
  }
  if (queries.empty()) return absl::InvalidArgumentError("the request has no pattern");
  PLUMBAGO_RETURN_IF_ERROR(CheckCount(queries));
  Result result{.response = Binary("application/x-protobuf", ""), .notes = {}};
  for (const std::string& query : queries) {
    PLUMBAGO_ASSIGN_OR_RETURN(FindAnswer answer, engine_.Find(context, query));
    // Entries of a repeated field may follow each other as messages do.
    result.response.body += FindProtobufV3(answer.nodes, query);
    Join(std::move(answer.notes), result.notes);
  }
  ForbidCaching(result.response);
  return result;
}

absl::StatusOr<FindApi::Result> FindApi::Expand(const RequestContext& context,
                                                const http::Parameters& parameters) const {
  const std::vector<std::string> queries = parameters.All("query");
  PLUMBAGO_RETURN_IF_ERROR(CheckCount(queries));
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t is_leaves_only, Integer(parameters, "leavesOnly", 0));
  PLUMBAGO_ASSIGN_OR_RETURN(const int64_t is_grouped, Integer(parameters, "groupByExpr", 0));
  PLUMBAGO_RETURN_IF_ERROR(Integer(parameters, "local", 0).status());
  std::vector<ExpandedQuery> expanded;
  std::vector<std::string> all;
  AnswerNotes notes;
  for (const std::string& query : queries) {
    PLUMBAGO_ASSIGN_OR_RETURN(FindAnswer answer, engine_.Find(context, query));
    Join(std::move(answer.notes), notes);
    if (is_leaves_only != 0) DropBranches(answer.nodes);
    std::vector<std::string> paths;
    for (FoundNode& node : answer.nodes) {
      if (paths.empty() || paths.back() != node.path) paths.push_back(std::move(node.path));
    }
    if (is_grouped != 0) {
      expanded.emplace_back(query, std::move(paths));
    } else {
      std::move(paths.begin(), paths.end(), std::back_inserter(all));
    }
  }
  PLUMBAGO_ASSIGN_OR_RETURN(http::Response response,
                            JsonAnswer(parameters, is_grouped != 0 ? ExpandJsonGrouped(expanded)
                                                                   : ExpandJson(std::move(all))));
  ForbidCaching(response);
  return Result{std::move(response), std::move(notes)};
}

absl::StatusOr<FindApi::Result> FindApi::Index(const RequestContext& context,
                                               const http::Parameters& parameters) const {
  PLUMBAGO_ASSIGN_OR_RETURN(ListAnswer answer, engine_.List(context));
  PLUMBAGO_ASSIGN_OR_RETURN(http::Response response,
                            JsonAnswer(parameters, ListJson(answer.names)));
  return Result{std::move(response), std::move(answer.notes)};
}

}  // namespace plumbago::query
