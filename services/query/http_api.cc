#include "http_api.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "answer.h"
#include "base/status.h"
#include "fetch_request.h"
#include "functions/attime.h"
#include "functions/catalog.h"
#include "query/grafana_wrapper.h"
#include "render_answer.h"
#include "render_parameters.h"

namespace plumbago::query {
namespace {

// What Grafana takes for the version of Graphite; its features are those of 1.1.
constexpr absl::string_view kGraphiteVersion = "1.1.10\n";

constexpr absl::string_view kWelcome =
    "plumbago-query: Graphite's HTTP API\n\n"
    "  /render               target, from, until, format=png|svg|json|csv|raw|...\n"
    "  /metrics/find         query, format=treejson|completer|json|...\n"
    "  /metrics/expand       query\n"
    "  /metrics/index.json   all series\n"
    "  /tags/...             findSeries, autoComplete, tagSeries, delSeries, and the tags\n"
    "  /events               POST adds an event; /events/get_data lists them\n"
    "  /info                 target: retentions of series on each shard\n"
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

// What a request asks for, in the words of its client.
std::vector<std::string> TextsOf(absl::string_view endpoint, const http::Parameters& parameters) {
  if (endpoint == "events") return parameters.All("tags");
  if (endpoint == "info") return parameters.All("target");
  if (endpoint == "tags") return parameters.All("expr");
  if (endpoint != "render") return parameters.All("query");
  std::vector<std::string> targets = parameters.All("target");
  return targets.empty() ? parameters.All("target[]") : targets;
}

}  // namespace

HttpApi::HttpApi(const Dependencies& dependencies, HttpApiOptions options)
    : dependencies_(dependencies),
      options_(std::move(options)),
      find_(dependencies.engine),
      tags_(dependencies.engine),
      events_(dependencies.events, dependencies.clock),
      info_(dependencies.engine),
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
  if (path == "/info") return "info";
  if (path == "/lb_check") return "lb_check";
  if (TagsApi::Serves(path)) return "tags";
  if (EventsApi::Serves(path)) return "events";
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
  if (endpoint == "lb_check") return TextAnswer("Ok\n");
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
  return Govern(endpoint, request, parameters, path);
}

HttpApi::Answer HttpApi::Govern(absl::string_view endpoint, const http::Request& request,
                                http::Parameters parameters, absl::string_view path) {
  const auto scope = endpoint == "tags"     ? TagsApi::ScopeOf(path)
                     : endpoint == "events" ? EventsApi::ScopeOf(request.method, path)
                                            : v1::Key::READ;
  PLUMBAGO_ASSIGN_OR_RETURN(Caller caller, MakeContext(request, parameters, scope));
  if (endpoint == "render") PLUMBAGO_RETURN_IF_ERROR(AddFetchRequest(request, parameters));
  RequestContext& context = caller.context;
  PLUMBAGO_ASSIGN_OR_RETURN(
      const std::unique_ptr<GovernedQuery> query,
      GovernedQuery::Begin(controls_, request, endpoint, TextsOf(endpoint, parameters),
                           caller.running_max, context));
  Answer answer = [&]() -> Answer {
    if (endpoint == "render") return Render(context, parameters, *query);
    PLUMBAGO_RETURN_IF_ERROR(query->WaitForPlace(context));
    if (endpoint == "tags") return Tags(context, request, parameters, path);
    if (endpoint == "events") {
      return events_.Answer(context, request, parameters, path, zones_.Find(parameters.Get("tz")));
    }
    if (endpoint == "info") return Info(context, parameters);
    return Find(endpoint, context, request, parameters);
  }();
  const int status = answer.ok() ? answer->status : HttpStatus(answer.status());
  return query->End(std::move(answer), status);
}

absl::StatusOr<HttpApi::Caller> HttpApi::MakeContext(const http::Request& request,
                                                     const http::Parameters& parameters,
                                                     v1::Key::Scope scope) {
  const auto snapshot = dependencies_.snapshots.Get();
  Caller caller;
  RequestContext& context = caller.context;
  PLUMBAGO_ASSIGN_OR_RETURN(context.tenant,
                            TenantOf(options_.authentication, request, snapshot.get(), scope));
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

HttpApi::Answer HttpApi::Tags(const RequestContext& context, const http::Request& request,
                              const http::Parameters& parameters, absl::string_view path) {
  PLUMBAGO_ASSIGN_OR_RETURN(TagsApi::Result result,
                            tags_.Answer(context, request.method, path, parameters));
  metrics_.CountAnswer(result.notes);
  PLUMBAGO_ASSIGN_OR_RETURN(http::Response response,
                            JsonAnswer(parameters, std::move(result.json)));
  PLUMBAGO_RETURN_IF_ERROR(AddNotes(parameters, options_.partial, result.notes, response));
  return response;
}

HttpApi::Answer HttpApi::Render(const RequestContext& context, const http::Parameters& parameters,
                                GovernedQuery& query) {
  PLUMBAGO_ASSIGN_OR_RETURN(
      RenderOptions render,
      ReadRenderParameters(parameters, context.now, zones_.Find(parameters.Get("tz"))));
  const std::string suffix = TakeWrapper(render.request.targets);
  PLUMBAGO_ASSIGN_OR_RETURN(const std::shared_ptr<const RenderAnswer> answer,
                            query.Render(dependencies_.engine, context, render));
  if (query.was_evaluated()) metrics_.CountAnswer(answer->notes);
  functions::SeriesList series = answer->series;
  AddSuffix(suffix, series);
  AnswerNotes notes = answer->notes;
  std::optional<AnswerMeta> meta;
  if (WantsMeta(parameters, render)) {
    meta.emplace();
    meta->times = notes.times;
    PLUMBAGO_ASSIGN_OR_RETURN(meta->lineages, LineagesOf(dependencies_.engine, context,
                                                         render.request.range, series, notes));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(http::Response response,
                            AnswerRender(parameters, render, std::move(series), meta));
  PLUMBAGO_RETURN_IF_ERROR(AddNotes(parameters, options_.partial, notes, response));
  const std::string cache = query.cache_outcome();
  if (!cache.empty()) response.headers.Add("X-Plumbago-Cache", cache);
  return response;
}

HttpApi::Answer HttpApi::Info(const RequestContext& context, const http::Parameters& parameters) {
  PLUMBAGO_ASSIGN_OR_RETURN(InfoApi::Result result, info_.Answer(context, parameters));
  metrics_.CountAnswer(result.notes);
  PLUMBAGO_RETURN_IF_ERROR(AddNotes(parameters, options_.partial, result.notes, result.response));
  return std::move(result.response);
}

HttpApi::Answer HttpApi::Find(absl::string_view endpoint, const RequestContext& context,
                              const http::Request& request, const http::Parameters& parameters) {
  const auto ask = [&]() -> absl::StatusOr<FindApi::Result> {
    if (endpoint == "expand") return find_.Expand(context, parameters);
    if (endpoint == "index") return find_.Index(context, parameters);
    return find_.Find(context, request, parameters, zones_.Find(parameters.Get("tz")));
  };
  PLUMBAGO_ASSIGN_OR_RETURN(FindApi::Result result, ask());
  metrics_.CountAnswer(result.notes);
  PLUMBAGO_RETURN_IF_ERROR(AddNotes(parameters, options_.partial, result.notes, result.response));
  return std::move(result.response);
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
