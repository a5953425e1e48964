#include "query/block_list.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::query {
namespace {

constexpr int64_t kExpressionBytesMax = 1 << 20;  // compiled

re2::RE2::Options ExpressionOptions() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kExpressionBytesMax);
  return options;
}

absl::Status CheckText(absl::string_view what, const std::string& text) {
  if (text.size() <= BlockList::kTextBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " has ", text.size(), " bytes, more than ", BlockList::kTextBytesMax));
}

}  // namespace

struct BlockList::Compiled {
  explicit Compiled(BlockRule the_rule)
      : rule(std::move(the_rule)), expression(rule.pattern, ExpressionOptions()) {}

  bool Finds(absl::string_view text) const {
    return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), expression);
  }
  bool Matches(const BlockSubject& subject) const {
    if (!rule.tenant.empty() && rule.tenant != subject.tenant) return false;
    if (!rule.header.empty()) {
      const absl::string_view value = subject.header(rule.header);
      return !value.empty() && Finds(value);
    }
    return std::any_of(subject.texts.begin(), subject.texts.end(),
                       [this](const std::string& text) { return Finds(text); });
  }

  BlockRule rule;  // its id is set before others see it
  const re2::RE2 expression;
  std::atomic<uint64_t> refused_count{0};
};

absl::StatusOr<BlockRule> BlockList::Add(BlockRule rule) {
  if (rule.pattern.empty()) {
    return absl::InvalidArgumentError("the pattern is empty: it would block every query");
  }
  PLUMBAGO_RETURN_IF_ERROR(CheckText("the pattern", rule.pattern));
  PLUMBAGO_RETURN_IF_ERROR(CheckText("the header", rule.header));
  PLUMBAGO_RETURN_IF_ERROR(CheckText("the note", rule.note));
  const absl::Time now = clock_.Now();
  if (rule.until <= now || rule.until > now + kTimeMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a rule holds for more than nothing and at most ", absl::FormatDuration(kTimeMax),
        ", not for ", absl::FormatDuration(rule.until - now)));
  }
  const auto compiled = std::make_shared<Compiled>(std::move(rule));
  if (!compiled->expression.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("the pattern \"",
                                                   base::Excerpt(compiled->rule.pattern),
                                                   "\": ", compiled->expression.error()));
  }
  Holding();  // drops those that have ended
  base::MutexLock lock(mutex_);
  if (rules_.size() >= kRulesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are ", rules_.size(), " rules already; remove some"));
  }
  compiled->rule.id = ++last_id_;
  rules_.push_back(compiled);
  return compiled->rule;
}

absl::Status BlockList::Remove(uint64_t id) {
  base::MutexLock lock(mutex_);
  if (std::erase_if(rules_, [&](const auto& one) { return one->rule.id == id; }) > 0) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat("there is no rule ", id, "; it may have ended"));
}

std::vector<BlockRule> BlockList::List() {
  std::vector<BlockRule> list;
  for (const auto& one : Holding()) {
    list.push_back(one->rule);
    list.back().refused_count = one->refused_count.load(std::memory_order_relaxed);
  }
  return list;
}

absl::Status BlockList::Check(const BlockSubject& subject) {
  for (const auto& one : Holding()) {
    if (!one->Matches(subject)) continue;
    one->refused_count.fetch_add(1, std::memory_order_relaxed);
    const BlockRule& rule = one->rule;
    return absl::PermissionDeniedError(
        absl::StrCat("an operator refuses such queries until ", absl::FormatTime(rule.until),
                     " (rule ", rule.id, ")", rule.note.empty() ? "" : ": ", rule.note));
  }
  return absl::OkStatus();
}

BlockList::Rules BlockList::Holding() {
  const absl::Time now = clock_.Now();
  base::MutexLock lock(mutex_);
  std::erase_if(rules_, [&](const auto& one) { return one->rule.until <= now; });
  return rules_;
}

}  // namespace plumbago::query
