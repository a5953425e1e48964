#include "functions/catalog.h"

#include <cmath>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "functions/aggregation.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

std::string Quoted(absl::string_view text) {
  std::string json;
  AppendJsonString(text, json);
  return json;
}

std::string ToJson(const Value& value) {
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* integer = std::get_if<int64_t>(&value)) return absl::StrCat(*integer);
  if (const auto* text = std::get_if<std::string>(&value)) return Quoted(*text);
  const auto* number = std::get_if<double>(&value);
  if (number == nullptr) return "null";
  return std::isinf(*number) ? "1e9999" : PythonFloat(*number);
}

bool IsRepeated(const Parameter& parameter) {
  return parameter.presence == Parameter::Presence::kRepeated ||
         parameter.presence == Parameter::Presence::kAnyNumber;
}

// What a Python programmer would read: name, *name, name=default.
std::string Signature(absl::string_view name, const FunctionDefinition& definition) {
  const auto append = [](std::string* out, const Parameter& parameter) {
    if (IsRepeated(parameter)) absl::StrAppend(out, "*");
    absl::StrAppend(out, parameter.name);
    if (parameter.presence != Parameter::Presence::kOptional) return;
    const Value& value = parameter.default_value;
    if (const auto* text = std::get_if<std::string>(&value)) {
      absl::StrAppend(out, "='", *text, "'");
    } else if (const auto* boolean = std::get_if<bool>(&value)) {
      absl::StrAppend(out, *boolean ? "=True" : "=False");
    } else if (const auto* integer = std::get_if<int64_t>(&value)) {
      absl::StrAppend(out, "=", *integer);
    } else if (const auto* number = std::get_if<double>(&value)) {
      absl::StrAppend(out, "=", PythonFloat(*number));
    } else {
      absl::StrAppend(out, "=None");
    }
  };
  return absl::StrCat(name, "(", absl::StrJoin(definition.parameters, ", ", append), ")");
}

std::set<std::string> OptionsOf(const FunctionTable& table, ParameterType type) {
  if (type != ParameterType::kAggregation && type != ParameterType::kAggregationOrFunction) {
    return {};
  }
  std::set<std::string> options(AggregationWords().begin(), AggregationWords().end());
  if (type == ParameterType::kAggregation) return options;
  for (const auto& [name, definition] : table.by_name()) {
    if (definition->is_aggregator) options.insert(name);
  }
  return options;
}

std::string ParameterJson(const FunctionTable& table, const Parameter& parameter) {
  std::string json = absl::StrCat("{\"name\":", Quoted(parameter.name),
                                  ",\"type\":", Quoted(TypeName(parameter.type)));
  if (parameter.presence == Parameter::Presence::kRequired ||
      parameter.presence == Parameter::Presence::kRepeated) {
    json += ",\"required\":true";
  }
  if (!std::holds_alternative<std::monostate>(parameter.default_value)) {
    absl::StrAppend(&json, ",\"default\":", ToJson(parameter.default_value));
  }
  if (IsRepeated(parameter)) json += ",\"multiple\":true";
  const auto append_json = [](std::string* out, const Value& value) {
    absl::StrAppend(out, ToJson(value));
  };
  if (const auto options = OptionsOf(table, parameter.type); !options.empty()) {
    absl::StrAppend(&json, ",\"options\":[", absl::StrJoin(options, ",", append_json), "]");
  }
  if (!parameter.suggestions.empty()) {
    absl::StrAppend(&json, ",\"suggestions\":[",
                    absl::StrJoin(parameter.suggestions, ",", append_json), "]");
  }
  return json + "}";
}

}  // namespace

std::string FunctionJson(const FunctionTable& table, absl::string_view name,
                         const FunctionDefinition& definition) {
  const auto append = [&](std::string* out, const Parameter& parameter) {
    absl::StrAppend(out, ParameterJson(table, parameter));
  };
  return absl::StrCat("{\"name\":", Quoted(name),
                      ",\"function\":", Quoted(Signature(name, definition)),
                      ",\"description\":", Quoted(definition.description),
                      ",\"module\":\"plumbago.functions\",\"group\":", Quoted(definition.group),
                      ",\"params\":[", absl::StrJoin(definition.parameters, ",", append), "]}");
}

std::string CatalogJson(const FunctionTable& table, const CatalogOptions& options) {
  std::map<std::string, std::string> groups;  // without grouping all are in one
  for (const auto& [name, definition] : table.by_name()) {
    if (!options.group.empty() && definition->group != options.group) continue;
    std::string& entries = groups[options.is_grouped ? definition->group : ""];
    absl::StrAppend(&entries, entries.empty() ? "" : ",", Quoted(name), ":",
                    FunctionJson(table, name, *definition));
  }
  if (!options.is_grouped) return absl::StrCat("{", groups[""], "}");
  const auto append = [](std::string* out, const auto& group) {
    absl::StrAppend(out, Quoted(group.first), ":{", group.second, "}");
  };
  return absl::StrCat("{", absl::StrJoin(groups, ",", append), "}");
}

std::string CatalogMarkdown(const FunctionTable& table) {
  std::map<std::string, std::string> groups;
  for (const auto& [name, definition] : table.by_name()) {
    const std::string text = name == definition->name
                                 ? definition->description
                                 : absl::StrCat("Another name of ", definition->name, ".");
    absl::StrAppend(&groups[definition->group], "| `", Signature(name, *definition), "` | ", text,
                    " |\n");
  }
  std::string page = "# Render functions\n\nGenerated by `plumbago-query --print-functions`.\n";
  for (const auto& [group, rows] : groups) {
    absl::StrAppend(&page, "\n## ", group, "\n\n| function | what it does |\n|---|---|\n", rows);
  }
  return page;
}

std::string PieCatalogJson() {
  std::vector<std::string> entries;
  for (const char* name : {"average", "maximum", "minimum"}) {
    entries.push_back(
        absl::StrCat("\"", name, "\":{\"name\":\"", name, "\",\"function\":\"", name,
                     "(series)\",\"description\":\"Return the ", name,
                     "\",\"module\":\"graphite.render.functions\",\"group\":\"Pie\",\"params\":"
                     "[{\"name\":\"series\",\"type\":\"series\",\"required\":true}]}"));
  }
  return absl::StrCat("{", absl::StrJoin(entries, ","), "}");
}

}  // namespace plumbago::functions
