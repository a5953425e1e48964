// plumbago-query: Graphite's HTTP API over the shards.

#include <iostream>

#include "functions/catalog.h"
#include "query_flags.h"
#include "run_query.h"
#include "service/runtime.h"

int main(int argc, char** argv) {
  plumbago::service::CommandLine line("plumbago-query", "Graphite's HTTP API over the shards.");
  plumbago::query::QueryFlags flags;
  plumbago::query::AddFlags(line, flags);
  if (const auto code = line.Parse(argc, argv)) return *code;
  if (flags.prints_functions) {
    std::cout << plumbago::functions::CatalogMarkdown(plumbago::functions::MakeBuiltinFunctions());
    return 0;
  }
  return plumbago::service::Run(line.name(), flags.common, [&](auto& runtime) {
    return plumbago::query::RunQuery(flags, runtime);
  });
}
