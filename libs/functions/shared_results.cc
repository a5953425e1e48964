#include "functions/shared_results.h"

#include <cstring>
#include <string>

#include "absl/strings/string_view.h"
#include "base/hash.h"

namespace plumbago::functions {
namespace {

// Two seeds' worth of bits would do; this one only keeps our hashes apart from those of tables.
constexpr uint64_t kSeed = 0x736861726564;

void Append(uint64_t number, std::string& bytes) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

// With its length, so that no two lists of texts look alike.
void Append(absl::string_view text, std::string& bytes) {
  Append(text.size(), bytes);
  bytes.append(text.data(), text.size());
}

uint64_t BitsOf(double number) {
  uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof bits);
  return bits;
}

}  // namespace

SharedResults::SharedResults(absl::Span<const Expression* const> targets) {
  for (const Expression* target : targets) Count(*target);
}

SharedResults::Counted SharedResults::Count(const Expression& expression) {
  std::string bytes;
  Append(static_cast<uint64_t>(expression.kind), bytes);
  Append(expression.text, bytes);
  Append(BitsOf(expression.number), bytes);
  Append(expression.is_integer ? 1 : 0, bytes);
  Append(static_cast<uint64_t>(expression.integer), bytes);
  // seriesByTag() names its series by how it is written.
  Append(expression.source, bytes);
  Counted counted;
  counted.is_pure = expression.text != "setXFilesFactor" && expression.text != "xFilesFactor";
  for (const Argument& argument : expression.arguments) {
    const Counted child = Count(argument.value);
    counted.is_pure &= child.is_pure;
    Append(argument.keyword, bytes);
    Append(child.hash.first, bytes);
    Append(child.hash.second, bytes);
  }
  const base::Hash128Value hash = base::Hash128(bytes, kSeed);
  counted.hash = {hash.low, hash.high};
  if (expression.kind == Expression::Kind::kCall && counted.is_pure) {
    hashes_.emplace(&expression, counted.hash);
    ++counts_[counted.hash];
  }
  return counted;
}

const SharedResults::TreeHash* SharedResults::Repeated(const Expression& call) const {
  const auto hash = hashes_.find(&call);
  return hash != hashes_.end() && counts_.at(hash->second) > 1 ? &hash->second : nullptr;
}

const SeriesList* SharedResults::Find(const Expression& call, const Circumstances& circumstances) {
  const TreeHash* hash = Repeated(call);
  if (hash == nullptr) return nullptr;
  const auto result = results_.find(Key{*hash, circumstances});
  if (result == results_.end()) return nullptr;
  ++hit_count_;
  return &result->second;
}

void SharedResults::Add(const Expression& call, const Circumstances& circumstances,
                        const SeriesList& list) {
  const TreeHash* hash = Repeated(call);
  if (hash != nullptr) results_.insert_or_assign(Key{*hash, circumstances}, list);
}

}  // namespace plumbago::functions
