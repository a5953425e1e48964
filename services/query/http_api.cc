#include "http_api.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "answer.h"
#include "base/status.h"
#include "functions/attime.h"
#include "functions/catalog.h"
#include "query/find_format.h"
#include "render_answer.h"
#include "render_parameters.h"

namespace plumbago::query {
namespace {

// What Grafana takes for the version of Graphite; its features are those of 1.1.
constexpr absl::string_view kGraphiteVersion = "1.1.10\n";

constexpr absl::string_view kWelcome =
    "plumbago-query: Graphite's HTTP API\n\n"
    "  /render               target, from, until, format=png|svg|json|csv|raw|...\n"
    "  /metrics/find         query, format=treejson|completer|json\n"
    "  /metrics/expand       query\n"
    "  /metrics/index.json   all series\n"
    "  /functions            the render functions\n"
    "  /version              the version of Graphite's API\n"
    "  /metrics              this process, for Prometheus\n";

// "//render/" is "/render".
std::string CleanPath(absl::string_view path) {
  std::string clean = "/";
  for (const char c : path) {
    if (c != '/' || clean.back() != '/') clean += c;
  }
  if (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}

absl::StatusOr<bool> Flag(const http::Parameters& parameters, absl::string_view name) {
  const std::string* value = parameters.Find(name);
  if (value == nullptr || value->empty() || *value == "0") return false;
  if (std::all_of(value->begin(), value->end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return true;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is \"", base::Excerpt(*value), "\"; use 0 or 1"));
}

// What a request asks for, in the words of its client.
std::vector<std::string> TextsOf(absl::string_view endpoint, const http::Parameters& parameters) {
  if (endpoint != "render") return parameters.All("query");
  std::vector<std::string> targets = parameters.All("target");
  return targets.empty() ? parameters.All("target[]") : targets;
}

void DropBranches(std::vector<FoundNode>& nodes) {
  std::erase_if(nodes, [](const FoundNode& node) { return !node.is_leaf; });
}

void ForbidCaching(http::Response& response) {
  response.headers.Add("Pragma", "no-cache");
  response.headers.Add("Cache-Control", "no-cache");
}

}  // namespace

HttpApi::HttpApi(const Dependencies& dependencies, HttpApiOptions options)
    : dependencies_(dependencies),
      options_(std::move(options)),
      metrics_(dependencies.metrics),
      controls_(options_.controls, dependencies.clock, dependencies.metrics) {}

http::Response HttpApi::Handle(const http::Request& request) {
  const absl::Duration begin = dependencies_.clock.Monotonic();
  const std::string path = CleanPath(request.path);
  const http::Parameters parameters(request);
  const absl::string_view endpoint = EndpointOf(path, parameters);
  Answer answer = Dispatch(endpoint, request, parameters, path);
  http::Response response = answer.ok() ? *std::move(answer) : ErrorAnswer(answer.status());
  AddCors(options_.cors_origin, response);
  Compress(request, response);
  metrics_.CountRequest(endpoint.empty() ? "other" : endpoint, response.status,
                        absl::ToDoubleSeconds(dependencies_.clock.Monotonic() - begin));
  return response;
}

absl::string_view HttpApi::EndpointOf(absl::string_view path, const http::Parameters& parameters) {
  if (path == "/metrics") return parameters.Find("query") == nullptr ? "metrics" : "find";
  if (path == "/render") return "render";
  if (path == "/metrics/find") return "find";
  if (path == "/metrics/expand") return "expand";
  if (path == "/metrics/index.json") return "index";
  if (path == "/functions" || absl::StartsWith(path, "/functions/")) return "functions";
  if (path == "/version") return "version";
  return path == "/" ? "welcome" : "";
}

HttpApi::Answer HttpApi::Dispatch(absl::string_view endpoint, const http::Request& request,
                                  const http::Parameters& parameters, absl::string_view path) {
  if (request.method == "OPTIONS") {
    http::Response response;
    response.status = 204;
    response.headers.Add("Allow", "GET, POST, OPTIONS");
    return response;
  }
  if (request.method != "GET" && request.method != "POST" && request.method != "HEAD") {
    return absl::UnimplementedError(absl::StrCat("the method ", base::Excerpt(request.method),
                                                 " is not allowed; use GET or POST"));
  }
  if (endpoint == "welcome") return TextAnswer(std::string(kWelcome));
  if (endpoint == "version") return TextAnswer(std::string(kGraphiteVersion));
  if (endpoint == "functions") return Functions(parameters, path);
  if (endpoint == "metrics") {
    http::Response response = TextAnswer(dependencies_.metrics.Scrape());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  }
  if (endpoint.empty()) {
    return absl::NotFoundError(
        absl::StrCat("there is no ", base::Excerpt(path), " here; / lists the endpoints"));
  }
  return Govern(endpoint, request, parameters);
}

HttpApi::Answer HttpApi::Govern(absl::string_view endpoint, const http::Request& request,
                                const http::Parameters& parameters) {
  PLUMBAGO_ASSIGN_OR_RETURN(Caller caller, MakeContext(request, parameters));
  RequestContext& context = caller.context;
  PLUMBAGO_ASSIGN_OR_RETURN(
      const std::unique_ptr<GovernedQuery> query,
      GovernedQuery::Begin(controls_, request, endpoint, TextsOf(endpoint, parameters),
                           caller.running_max, context));
  Answer answer = [&]() -> Answer {
    if (endpoint == "render") return Render(context, parameters, *query);
    PLUMBAGO_RETURN_IF_ERROR(query->WaitForPlace(context));
    return AnswerData(endpoint, context, parameters);
  }();
  const int status = answer.ok() ? answer->status : HttpStatus(answer.status());
  return query->End(std::move(answer), status);
}

HttpApi::Answer HttpApi::AnswerData(absl::string_view endpoint, const RequestContext& context,
                                    const http::Parameters& parameters) {
  if (endpoint == "find") return Find(context, parameters);
  if (endpoint == "expand") return Expand(context, parameters);
  return Index(context, parameters);
}

absl::StatusOr<HttpApi::Caller> HttpApi::MakeContext(const http::Request& request,
                                                     const http::Parameters& parameters) {
  const auto snapshot = dependencies_.snapshots.Get();
  Caller caller;
  RequestContext& context = caller.context;
  PLUMBAGO_ASSIGN_OR_RETURN(context.tenant,
                            TenantOf(options_.authentication, request, snapshot.get()));
  if (snapshot != nullptr) context.slot_map = snapshot->slot_map();
  const v1::Tenant* tenant = snapshot == nullptr ? nullptr : snapshot->FindTenant(context.tenant);
  const v1::Limits own = tenant == nullptr ? v1::Limits() : tenant->limits();
  context.limits =
      std::make_shared<const Limits>(LimitsOfTenant(options_.limits, context.tenant, own));
  if (own.has_concurrent_queries()) caller.running_max = own.concurrent_queries();
  context.now = dependencies_.clock.UnixSeconds();
  context.deadline = dependencies_.clock.Now() + context.limits->request_timeout;
  context.cancellation = request.cancellation;
  const std::string now = parameters.Get("now");
  if (now.empty()) return caller;
  auto parsed = functions::ParseAtTime(now, context.now, zones_.Find(parameters.Get("tz")));
  if (!parsed.ok()) return base::Annotate(parsed.status(), "now");
  context.now = *parsed;
  return caller;
}

HttpApi::Answer HttpApi::Render(const RequestContext& context, const http::Parameters& parameters,
                                GovernedQuery& query) {
  PLUMBAGO_ASSIGN_OR_RETURN(
      const RenderOptions render,
      ReadRenderParameters(parameters, context.now, zones_.Find(parameters.Get("tz"))));
  PLUMBAGO_ASSIGN_OR_RETURN(const std::shared_ptr<const RenderAnswer> answer,
                            query.Render(dependencies_.engine, context, render));
  if (query.was_evaluated()) metrics_.CountAnswer(answer->notes);
  PLUMBAGO_ASSIGN_OR_RETURN(http::Response response,
                            AnswerRender(parameters, render, answer->series));
  PLUMBAGO_RETURN_IF_ERROR(AddNotes(parameters, options_.partial, answer->notes, response));
  const std::string cache = query.cache_outcome();
  if (!cache.empty()) response.headers.Add("X-Plumbago-Cache", cache);
  return response;
}

HttpApi::Answer HttpApi::Find(const RequestContext& context, const http::Parameters& parameters) {
  const std::string query = parameters.Get("query");
  if (query.empty()) return absl::InvalidArgumentError("the parameter query is missing or empty");
  const std::string* format_text = parameters.Find("format");
  const std::string format = format_text == nullptr ? "treejson" : *format_text;
  if (format != "treejson" && format != "completer" && format != "json") {
    return absl::InvalidArgumentError(
        absl::StrCat("format is \"", base::Excerpt(format), "\"; use treejson, completer or json"));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const bool is_leaves_only, Flag(parameters, "leavesOnly"));
  PLUMBAGO_ASSIGN_OR_RETURN(const bool has_wildcard, Flag(parameters, "wildcards"));
  const WildcardNode wildcard = has_wildcard ? WildcardNode::kYes : WildcardNode::kNo;
  PLUMBAGO_ASSIGN_OR_RETURN(
      FindAnswer answer,
      dependencies_.engine.Find(context, format == "completer" ? CompleterPattern(query) : query));
  metrics_.CountAnswer(answer.notes);
  if (is_leaves_only) DropBranches(answer.nodes);
  std::string json = format == "completer" ? FindCompleter(answer.nodes, wildcard)
                     : format == "json"    ? FindJson(answer.nodes, context.now)
                                           : FindTreeJson(answer.nodes, query, wildcard);
  PLUMBAGO_ASSIGN_OR_RETURN(http::Response response, JsonAnswer(parameters, std::move(json)));
  PLUMBAGO_RETURN_IF_ERROR(AddNotes(parameters, options_.partial, answer.notes, response));
  ForbidCaching(response);
  return response;
}

HttpApi::Answer HttpApi::Expand(const RequestContext& context, const http::Parameters& parameters) {
  constexpr size_t kQueriesMax = 100;
  const std::vector<std::string> queries = parameters.All("query");
  if (queries.empty()) return absl::InvalidArgumentError("the parameter query is missing");
  if (queries.size() > kQueriesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(queries.size(), " queries are more than ", kQueriesMax, "; ask in parts"));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const bool is_leaves_only, Flag(parameters, "leavesOnly"));
  PLUMBAGO_ASSIGN_OR_RETURN(const bool is_grouped, Flag(parameters, "groupByExpr"));
  std::vector<ExpandedQuery> expanded;
  std::vector<std::string> all;
  AnswerNotes notes;
  for (const std::string& query : queries) {
    PLUMBAGO_ASSIGN_OR_RETURN(FindAnswer answer, dependencies_.engine.Find(context, query));
    metrics_.CountAnswer(answer.notes);
    if (!answer.notes.missing_shards.empty()) notes = answer.notes;
    if (is_leaves_only) DropBranches(answer.nodes);
    std::vector<std::string> paths;
    for (FoundNode& node : answer.nodes) {
      if (paths.empty() || paths.back() != node.path) paths.push_back(std::move(node.path));
    }
    if (is_grouped) {
      expanded.emplace_back(query, std::move(paths));
    } else {
      all.insert(all.end(), paths.begin(), paths.end());
    }
  }
  PLUMBAGO_ASSIGN_OR_RETURN(http::Response response,
                            JsonAnswer(parameters, is_grouped ? ExpandJsonGrouped(expanded)
                                                              : ExpandJson(std::move(all))));
  PLUMBAGO_RETURN_IF_ERROR(AddNotes(parameters, options_.partial, notes, response));
  ForbidCaching(response);
  return response;
}

HttpApi::Answer HttpApi::Index(const RequestContext& context, const http::Parameters& parameters) {
  PLUMBAGO_ASSIGN_OR_RETURN(const ListAnswer answer, dependencies_.engine.List(context));
  metrics_.CountAnswer(answer.notes);
  PLUMBAGO_ASSIGN_OR_RETURN(http::Response response,
                            JsonAnswer(parameters, ListJson(answer.names)));
  PLUMBAGO_RETURN_IF_ERROR(AddNotes(parameters, options_.partial, answer.notes, response));
  return response;
}

HttpApi::Answer HttpApi::Functions(const http::Parameters& parameters,
                                   absl::string_view path) const {
  const functions::FunctionTable& table = dependencies_.functions;
  if (absl::ConsumePrefix(&path, "/functions/")) {
    const functions::FunctionDefinition* definition = table.Find(path);
    if (definition != nullptr) {
      return JsonAnswer(parameters, functions::FunctionJson(table, path, *definition));
    }
    return absl::NotFoundError(absl::StrCat("Function not found: ", base::Excerpt(path)));
  }
  if (parameters.Get("type") == "pie") return JsonAnswer(parameters, functions::PieCatalogJson());
  const std::string grouped = parameters.Get("grouped");
  return JsonAnswer(
      parameters, functions::CatalogJson(table, {.is_grouped = grouped == "1" || grouped == "true",
                                                 .group = parameters.Get("group")}));
}

}  // namespace plumbago::query
