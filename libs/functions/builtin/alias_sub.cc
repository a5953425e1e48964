#include "base/status.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/regex.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  auto replacer =
      Replacer::Make(call.arguments().String("search"), call.arguments().String("replace"));
  if (!replacer.ok()) return base::Annotate(replacer.status(), "aliasSub()");
  for (Series& series : call.series()) series.name = replacer->Replace(series.name);
  return std::move(call.series());
}

}  // namespace

FunctionDefinition AliasSub() {
  return {.name = "aliasSub",
          .group = "Alias",
          .description =
              "Replaces what the regular expression search matches in the name of every "
              "series by replace, in which \\1 stands for the first group.",
          .parameters = {{"seriesList", ParameterType::kSeriesList},
                         {"search", ParameterType::kString},
                         {"replace", ParameterType::kString}},
          .evaluate = Evaluate};
}

}  // namespace plumbago::functions
