// The function table as clients and readers see it: /functions, and docs/functions.md.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "functions/function_table.h"

namespace plumbago::functions {

struct CatalogOptions {
  bool is_grouped = false;  // {group: {name: info}} instead of {name: info}
  std::string group = {};   // only this one; empty: all
};

// Valid JSON; an infinite default is written 1e9999, as graphite-web does.
std::string CatalogJson(const FunctionTable& table, const CatalogOptions& options);
std::string FunctionJson(const FunctionTable& table, absl::string_view name,
                         const FunctionDefinition& definition);

std::string CatalogMarkdown(const FunctionTable& table);

// The same for the functions that pies know (pieMode).
std::string PieCatalogJson();

}  // namespace plumbago::functions
