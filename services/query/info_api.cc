#include "info_api.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "answer.h"
#include "base/status.h"
#include "foreign/carbonapi_v2.pb.h"
#include "foreign/carbonapi_v3.pb.h"
#include "functions/text.h"

namespace plumbago::query {
namespace {

using Described = std::pair<std::string, SeriesLayout>;

int64_t MaxRetention(const SeriesLayout& layout) {
  int64_t longest = 0;
  for (const auto& archive : layout.archives) {
    longest = std::max(longest, int64_t{archive.seconds_per_point} * archive.point_count);
  }
  return longest;
}

void AppendSeries(const Described& described, std::string& json) {
  const auto& [name, layout] = described;
  json += "{\"name\":";
  functions::AppendJsonString(name, json);
  json += ",\"consolidationFunc\":";
  functions::AppendJsonString(layout.aggregation_method, json);
  absl::StrAppend(&json, ",\"maxRetention\":", MaxRetention(layout),
                  ",\"xFilesFactor\":", layout.x_files_factor, ",\"retentions\":[");
  for (size_t i = 0; i < layout.archives.size(); ++i) {
    absl::StrAppend(&json, i > 0 ? "," : "",
                    "{\"secondsPerPoint\":", layout.archives[i].seconds_per_point,
                    ",\"numberOfPoints\":", layout.archives[i].point_count, "}");
  }
  json += "]}";
}

// carbonapi's ZipperInfoResponse: {"info":{server:{"metrics":[...]}}}.
std::string InfoJson(const std::vector<ShardLayouts>& shards) {
  std::string json = "{\"info\":{";
  for (const ShardLayouts& shard : shards) {
    if (&shard != &shards.front()) json += ',';
    functions::AppendJsonString(shard.shard, json);
    json += ":{\"metrics\":[";
    for (const Described& described : shard.series) {
      if (&described != &shard.series.front()) json += ',';
      AppendSeries(described, json);
    }
    json += "]}";
  }
  json += "}}";
  return json;
}

// Of each series that of the first shard: these formats have no servers.
std::map<std::string, SeriesLayout> ByName(const std::vector<ShardLayouts>& shards) {
  std::map<std::string, SeriesLayout> by_name;
  for (const ShardLayouts& shard : shards) by_name.insert(shard.series.begin(), shard.series.end());
  return by_name;
}

std::string InfoV3(const std::vector<ShardLayouts>& shards) {
  foreign::carbonapi_v3::MultiMetricsInfoResponse message;
  for (const auto& [name, layout] : ByName(shards)) {
    auto* info = message.add_metrics();
    info->set_name(name);
    info->set_consolidationfunc(layout.aggregation_method);
    info->set_maxretention(MaxRetention(layout));
    info->set_xfilesfactor(static_cast<float>(layout.x_files_factor));
    for (const auto& archive : layout.archives) {
      auto* retention = info->add_retentions();
      retention->set_secondsperpoint(archive.seconds_per_point);
      retention->set_numberofpoints(archive.point_count);
    }
  }
  return message.SerializeAsString();
}

absl::StatusOr<std::string> InfoV2(const std::vector<ShardLayouts>& shards) {
  const auto by_name = ByName(shards);
  if (by_name.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("a message of carbonapi_v2_pb has one series, not ", by_name.size(),
                     "; ask for one, or for format=json or carbonapi_v3_pb"));
  }
  const auto& [name, layout] = *by_name.begin();
  foreign::carbonapi_v2::InfoResponse info;
  info.set_name(name);
  info.set_aggregationmethod(layout.aggregation_method);
  info.set_maxretention(static_cast<int32_t>(MaxRetention(layout)));
  info.set_xfilesfactor(static_cast<float>(layout.x_files_factor));
  for (const auto& archive : layout.archives) {
    auto* retention = info.add_retentions();
    retention->set_secondsperpoint(static_cast<int32_t>(archive.seconds_per_point));
    retention->set_numberofpoints(static_cast<int32_t>(archive.point_count));
  }
  return info.SerializeAsString();
}

absl::StatusOr<http::Response> Encode(const http::Parameters& parameters,
                                      const std::vector<ShardLayouts>& shards) {
  const std::string format = parameters.Get("format");
  if (format.empty() || format == "json") return JsonAnswer(parameters, InfoJson(shards));
  http::Response response;
  response.content_type = "application/x-protobuf";
  if (format == "carbonapi_v3_pb") {
    response.body = InfoV3(shards);
    return response;
  }
  if (format == "carbonapi_v2_pb" || format == "protobuf" || format == "protobuf3") {
    PLUMBAGO_ASSIGN_OR_RETURN(response.body, InfoV2(shards));
    return response;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("format is \"", base::Excerpt(format),
                   "\"; use json, carbonapi_v2_pb, protobuf, protobuf3 or carbonapi_v3_pb"));
}

}  // namespace

absl::StatusOr<InfoApi::Result> InfoApi::Answer(const RequestContext& context,
                                                const http::Parameters& parameters) const {
  std::vector<std::string> targets = parameters.All("target");
  if (targets.empty()) targets = parameters.All("target[]");
  if (targets.empty()) {
    return absl::InvalidArgumentError("no target: give target=<series or pattern>");
  }
  PLUMBAGO_ASSIGN_OR_RETURN(DescribeAnswer answer, engine_.Describe(context, targets));
  if (answer.shards.empty() && answer.notes.missing_shards.empty()) {
    return absl::NotFoundError("no series matches the target");
  }
  PLUMBAGO_ASSIGN_OR_RETURN(http::Response response, Encode(parameters, answer.shards));
  return Result{std::move(response), std::move(answer.notes)};
}

}  // namespace plumbago::query
