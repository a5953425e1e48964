// Evaluates targets over series that a test makes up. Each round of fetches is answered at once.
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/status.h"
#include "functions/binding.h"
#include "functions/evaluator.h"
#include "functions/parser.h"
#include "functions/testing/answer_fetch.h"
#include "functions/text.h"

namespace plumbago::functions {

class TestEvaluation {
 public:
  struct Source {
    std::string name;
    int64_t step;
    std::function<double(int64_t time)> value;
  };

  // The series that `pattern` finds, in the order they are added.
  void Add(const std::string& pattern, const std::string& name, int64_t step,
           std::function<double(int64_t)> value) {
    sources_[pattern].push_back({name, step, std::move(value)});
  }

  // The same with values[i] at the i-th step behind context.range.from; null outside.
  void Add(const std::string& pattern, const std::string& name, int64_t step,
           std::vector<double> values) {
    const int64_t first = context.range.from - context.range.from % step + step;
    Add(pattern, name, step, [=](int64_t time) {
      const int64_t index = (time - first) / step;
      const bool is_inside = time >= first && index < static_cast<int64_t>(values.size());
      return is_inside ? values[static_cast<size_t>(index)] : kNull;
    });
  }

  absl::StatusOr<SeriesList> Run(const std::string& target) {
    PLUMBAGO_ASSIGN_OR_RETURN(const Expression expression, ParseTarget(target));
    PLUMBAGO_RETURN_IF_ERROR(CheckCalls(table, expression));
    FetchedData data;
    for (rounds = 1;; ++rounds) {
      PLUMBAGO_ASSIGN_OR_RETURN(Evaluated evaluated, Evaluate(table, context, data, expression));
      if (evaluated.missing.empty()) return std::move(evaluated.series);
      for (const Fetch& fetch : evaluated.missing.fetches) {
        fetches.push_back(fetch);
        const auto read = [this](const Fetch& asked) { return Answer(asked); };
        PLUMBAGO_RETURN_IF_ERROR(AnswerFetch(fetch, read, data));
      }
    }
  }

  // "name start+step*n: values", a series a line; or the error.
  std::string Show(const std::string& target) {
    const auto list = Run(target);
    if (!list.ok()) return std::string(list.status().message());
    std::string text;
    for (const Series& series : *list) {
      if (!text.empty()) text += "\n";
      text += series.name + " " + std::to_string(series.start) + "+" + std::to_string(series.step) +
              ":";
      for (const double value : series.values) {
        text += " ";
        if (std::isnan(value)) {
          text += "-";
        } else if (series.has_integer_values) {
          AppendInteger(static_cast<int64_t>(value), text);
        } else {
          AppendPythonFloat(value, text);
        }
      }
    }
    return text;
  }

  std::string Tags(const std::string& target) {
    const auto list = Run(target);
    if (!list.ok()) return std::string(list.status().message());
    std::string text;
    for (const Series& series : *list) {
      for (const auto& [key, value] : series.tags.entries()) text += key + "=" + value + ";";
    }
    return text;
  }

  std::string Names(const std::string& target) {
    const auto list = Run(target);
    if (!list.ok()) return std::string(list.status().message());
    std::string text;
    for (const Series& series : *list) text += (text.empty() ? "" : " ") + series.name;
    return text;
  }

  FunctionTable table = MakeBuiltinFunctions();
  EvaluationContext context{.range = {0, 60}};
  std::vector<Fetch> fetches;
  int rounds = 0;

 private:
  SeriesList Answer(const Fetch& fetch) const {
    SeriesList list;
    const auto entry = sources_.find(fetch.pattern);
    if (entry == sources_.end()) return list;
    for (const Source& source : entry->second) {
      const auto floor = [&](int64_t time) {
        return time - ((time % source.step) + source.step) % source.step;
      };
      const int64_t start = floor(fetch.range.from) + source.step;
      const int64_t end = floor(fetch.range.until) + source.step;
      std::vector<double> values;
      for (int64_t time = start; time < end; time += source.step) {
        values.push_back(source.value(time));
      }
      Series series = MakeSeries(source.name, start, end, source.step, values);
      series.path_expression = fetch.pattern;
      series.x_files_factor = context.x_files_factor.value_or(0);
      list.push_back(std::move(series));
    }
    return list;
  }

  std::map<std::string, std::vector<Source>> sources_;
};

}  // namespace plumbago::functions
