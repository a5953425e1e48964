#include "query/engine.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "functions/binding.h"
#include "functions/evaluator.h"
#include "query/event_reader.h"
#include "query/name_finder.h"
#include "query/pattern.h"
#include "query/result_cache.h"
#include "query/series_reader.h"

namespace plumbago::query {
namespace {

// Each round waits for shards; windows counted in points need one more for each that is nested.
// Reduced groups take three more: for their names, for the groups, and for what is read whole.
constexpr int kNestedWindowsMax = 8;
constexpr int kRoundsMax = kNestedWindowsMax + 5;

absl::Status CheckAnswered(const ShardReport& report) {
  if (!report.NothingAnswered()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("no shard answered: ", DescribeMissing(report.Missing())));
}

AnswerNotes NotesOf(const SeriesReader& reader, const ShardReport& report) {
  return {report.Missing(),      reader.warnings(),
          reader.series_count(), reader.point_count(),
          reader.reductions(),   {reader.expand_time(), reader.fetch_time(), absl::ZeroDuration()}};
}

AnswerNotes NotesOf(const ShardReport& report) {
  AnswerNotes notes;
  notes.missing_shards = report.Missing();
  return notes;
}

absl::Status InTarget(absl::string_view text, const absl::Status& status) {
  return base::Annotate(status, absl::StrCat("target \"", base::Excerpt(text), "\""));
}

// What several targets need, each thing once.
struct Needs {
  functions::NeededData all = {};
  absl::flat_hash_set<functions::Fetch> fetches = {};
  absl::flat_hash_set<functions::Fetch> names = {};
  absl::flat_hash_set<functions::Reduction::Key> reductions = {};

  void Add(functions::NeededData needed) {
    for (functions::Fetch& fetch : needed.fetches) {
      if (fetches.insert(fetch).second) all.fetches.push_back(std::move(fetch));
    }
    for (functions::Fetch& fetch : needed.names) {
      if (names.insert(fetch).second) all.names.push_back(std::move(fetch));
    }
    for (functions::Reduction& reduction : needed.reductions) {
      if (reductions.insert(reduction.key).second) all.reductions.push_back(std::move(reduction));
    }
  }
};

// Evaluates targets in rounds: as far as the data goes, then all fetches that are missing together.
class Rendering {
 public:
  using Target = Engine::Target;

  Rendering(const functions::FunctionTable& functions, const functions::EvaluationContext& context,
            const Fanout& fanout, SeriesReader& reader, EventReader& events)
      : functions_(functions),
        context_(context),
        fanout_(fanout),
        reader_(reader),
        events_(events) {}

  absl::StatusOr<functions::SeriesList> Run(const std::vector<Target>& targets) {
    std::vector<const functions::Expression*> expressions;
    for (const Target& target : targets) expressions.push_back(&target.expression);
    functions::SharedResults shared(expressions);
    shared_ = &shared;
    std::vector<std::optional<functions::SeriesList>> results(targets.size());
    for (int round = 0; round < kRoundsMax; ++round) {
      PLUMBAGO_ASSIGN_OR_RETURN(functions::NeededData missing, EvaluateRound(targets, results));
      if (missing.empty()) return Joined(std::move(results));
      PLUMBAGO_RETURN_IF_ERROR(Fulfil(std::move(missing)));
      PLUMBAGO_RETURN_IF_ERROR(CheckMemory());
    }
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kNestedWindowsMax,
                     " windows that are counted in points are inside each other; give windows as "
                     "intervals, such as \"10min\""));
  }

 private:
  absl::StatusOr<functions::NeededData> EvaluateRound(
      const std::vector<Target>& targets,
      std::vector<std::optional<functions::SeriesList>>& results) {
    Needs needs;
    for (size_t i = 0; i < targets.size(); ++i) {
      if (results[i].has_value()) continue;
      PLUMBAGO_RETURN_IF_ERROR(CheckMemory());
      auto evaluated =
          functions::Evaluate(functions_, context_, data_, targets[i].expression, shared_);
      if (!evaluated.ok()) return InTarget(targets[i].text, evaluated.status());
      if (evaluated->missing.empty()) {
        CountResult(evaluated->series);
        results[i] = std::move(evaluated->series);
      }
      needs.Add(std::move(evaluated->missing));
    }
    return std::move(needs.all);
  }

  absl::Status Fulfil(functions::NeededData needed) {
    if (!needed.names.empty()) PLUMBAGO_RETURN_IF_ERROR(ReadNames(needed.names));
    if (!needed.reductions.empty()) {
      PLUMBAGO_RETURN_IF_ERROR(reader_.Reduce(std::move(needed.reductions), data_));
    }
    return needed.fetches.empty() ? absl::OkStatus() : Read(needed.fetches);
  }

  // Names of what is not in the cache of fetched series.
  absl::Status ReadNames(const std::vector<functions::Fetch>& fetches) {
    std::vector<functions::Fetch> unknown;
    for (const functions::Fetch& fetch : fetches) {
      if (!AddFromCache(fetch)) unknown.push_back(fetch);
    }
    return unknown.empty() ? absl::OkStatus() : reader_.ReadNames(unknown, data_);
  }

  ResultCache::Key KeyOf(const functions::Fetch& fetch) const {
    return {ResultCache::Level::kFetch, fanout_.request.tenant,
            FetchKey(fetch, context_.x_files_factor.value_or(0))};
  }

  bool AddFromCache(const functions::Fetch& fetch) {
    ResultCache* const cache = fanout_.request.fetch_cache;
    const ResultCache::Result known = cache == nullptr ? nullptr : cache->Find(KeyOf(fetch));
    if (known == nullptr) return false;
    CountResult(*known);
    held_.push_back(known);
    if (fetch.lookback_points > 0) {
      data_.AddLookback(fetch, known->empty() ? 0 : known->front().step, *known);
    } else {
      data_.Add(fetch, *known);
    }
    return true;
  }

  // From the cache of fetched series, or else from the shards.
  absl::Status Read(const std::vector<functions::Fetch>& missing) {
    const double x_files_factor = context_.x_files_factor.value_or(0);
    ResultCache* const cache = fanout_.request.fetch_cache;
    if (cache == nullptr) return ReadNew(missing, x_files_factor);
    std::vector<functions::Fetch> unknown;
    for (const functions::Fetch& fetch : missing) {
      if (!AddFromCache(fetch)) unknown.push_back(fetch);
    }
    if (unknown.empty()) return absl::OkStatus();
    PLUMBAGO_RETURN_IF_ERROR(ReadNew(unknown, x_files_factor));
    const bool is_complete =
        fanout_.report.Missing().empty() && events_.missing().empty() && reader_.warnings().empty();
    if (!is_complete) return absl::OkStatus();
    for (const functions::Fetch& fetch : unknown) {
      const functions::SeriesList* const list = data_.Find(fetch);
      if (list == nullptr) continue;  // it has told steps, and no series
      held_.push_back(std::make_shared<const functions::SeriesList>(*list));
      cache->Add(KeyOf(fetch), held_.back(), fanout_.request.cache_time);
    }
    return absl::OkStatus();
  }

  absl::Status ReadNew(const std::vector<functions::Fetch>& fetches, double x_files_factor) {
    PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<functions::Fetch> stored,
                              events_.Read(fetches, x_files_factor, data_));
    return stored.empty() ? absl::OkStatus() : reader_.Read(stored, x_files_factor, data_);
  }

  // Columns that series share count for each: a bound, not a measure.
  void CountResult(const functions::SeriesList& list) {
    for (const functions::Series& series : list) result_points_ += series.values.size();
  }

  // What has been read and made so far. What one target makes on its way is bounded beside this,
  // by the points that it may create.
  absl::Status CheckMemory() const {
    const size_t bytes =
        (static_cast<size_t>(reader_.held_point_count()) + result_points_) * sizeof(double);
    const Limits& limits = fanout_.limits;
    if (bytes <= limits.memory_bytes_max) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat(
        "the query holds ", bytes, " bytes of points, more than ", limits.memory_bytes_max, " (",
        limits.memory_name, "); ask for fewer targets, fewer series or a shorter range"));
  }

  static functions::SeriesList Joined(std::vector<std::optional<functions::SeriesList>> results) {
    functions::SeriesList all;
    for (auto& list : results) {
      all.insert(all.end(), std::make_move_iterator(list->begin()),
                 std::make_move_iterator(list->end()));
    }
    return all;
  }

  const functions::FunctionTable& functions_;
  const functions::EvaluationContext& context_;
  const Fanout& fanout_;
  SeriesReader& reader_;
  EventReader& events_;
  std::vector<ResultCache::Result> held_;  // of the cache, as long as its columns are used
  functions::FetchedData data_;
  functions::SharedResults* shared_ = nullptr;  // of the run
  size_t result_points_ = 0;
};

}  // namespace

absl::StatusOr<RenderAnswer> Engine::Render(const RequestContext& context,
                                            const RenderRequest& request) const {
  const Limits& limits = LimitsFor(context);
  PLUMBAGO_ASSIGN_OR_RETURN(const std::vector<Target> targets, Parse(limits, request));
  functions::EvaluationContext evaluation;
  evaluation.range = request.range;
  evaluation.now = context.now;
  evaluation.zone = request.zone;
  evaluation.x_files_factor = request.x_files_factor;
  evaluation.points_max = limits.points_max;
  evaluation.points_max_name = limits.points_name;
  evaluation.reduced_series_min = limits.reduced_series_min;
  ShardReport report(context.slot_map);
  const Fanout fanout{context, limits, clients_, clock_, report};
  evaluation.check_alive = [&fanout] { return fanout.CheckAlive(); };
  SeriesReader reader(fanout);
  EventReader events(events_, fanout);
  Rendering rendering(functions_, evaluation, fanout, reader, events);
  const absl::Duration begin = clock_.Monotonic();
  PLUMBAGO_ASSIGN_OR_RETURN(functions::SeriesList series, rendering.Run(targets));
  PLUMBAGO_RETURN_IF_ERROR(CheckAnswered(report));
  RenderAnswer answer{std::move(series), NotesOf(reader, report)};
  for (const MissingShard& missing : events.missing()) {
    answer.notes.missing_shards.push_back(missing);
  }
  PhaseTimes& times = answer.notes.times;
  times.evaluate = clock_.Monotonic() - begin - times.expand - times.fetch;
  return answer;
}

absl::StatusOr<std::vector<Engine::Target>> Engine::Parse(const Limits& limits,
                                                          const RenderRequest& request) const {
  std::vector<Target> targets;
  if (request.targets.size() > limits.targets_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the request has ", request.targets.size(), " targets, more than ",
                     limits.targets_max, " (", limits.targets_name, "); ask in several requests"));
  }
  for (const std::string& text : request.targets) {
    if (absl::StripAsciiWhitespace(text).empty()) continue;
    if (text.size() > limits.target_bytes_max) {
      return absl::ResourceExhaustedError(
          absl::StrCat("a target has ", text.size(), " bytes, more than ", limits.target_bytes_max,
                       " (--target-bytes-max); write it shorter, with patterns"));
    }
    PLUMBAGO_ASSIGN_OR_RETURN(functions::Expression expression,
                              functions::ParseTarget(text, request.template_values));
    if (const absl::Status status = functions::CheckCalls(functions_, expression); !status.ok()) {
      return InTarget(text, status);
    }
    if (const absl::Status status = CheckTagExpressions(expression); !status.ok()) {
      return InTarget(text, status);
    }
    targets.push_back({text, std::move(expression)});
  }
  return targets;
}

absl::StatusOr<FindAnswer> Engine::Find(const RequestContext& context,
                                        const std::string& pattern) const {
  // The shards would say the same, each for itself.
  PLUMBAGO_RETURN_IF_ERROR(ReadPattern(pattern).status());
  ShardReport report(context.slot_map);
  const Fanout fanout{context, LimitsFor(context), clients_, clock_, report};
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<FoundNode> nodes, NameFinder(fanout).Find(pattern));
  PLUMBAGO_RETURN_IF_ERROR(CheckAnswered(report));
  return FindAnswer{std::move(nodes), NotesOf(report)};
}

absl::StatusOr<ListAnswer> Engine::List(const RequestContext& context) const {
  ShardReport report(context.slot_map);
  const Fanout fanout{context, LimitsFor(context), clients_, clock_, report};
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<std::string> names, NameFinder(fanout).List());
  PLUMBAGO_RETURN_IF_ERROR(CheckAnswered(report));
  return ListAnswer{std::move(names), NotesOf(report)};
}

}  // namespace plumbago::query
