#include "routing/name_template.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::routing {
namespace {

using Groups = std::array<re2::StringPiece, kGroupsMax>;

int GroupCount(const re2::RE2& regex) {
  return std::min(regex.NumberOfCapturingGroups() + 1, kGroupsMax);
}

bool Find(const re2::RE2& regex, absl::string_view text, size_t from, Groups* groups) {
  return regex.Match(re2::StringPiece(text.data(), text.size()), from, text.size(),
                     re2::RE2::UNANCHORED, groups->data(), GroupCount(regex));
}

}  // namespace

NameTemplate NameTemplate::Literal(absl::string_view text) {
  NameTemplate result;
  result.AddText(text);
  return result;
}

void NameTemplate::AddText(absl::string_view text) {
  if (text.empty()) return;
  if (parts_.empty() || parts_.back().group >= 0) parts_.emplace_back();
  absl::StrAppend(&parts_.back().text, text);
}

absl::StatusOr<int> NameTemplate::GroupOf(absl::string_view name, const re2::RE2& regex) {
  int group = -1;
  if (!absl::SimpleAtoi(name, &group)) {
    group = -1;
    const auto& groups = regex.NamedCapturingGroups();
    const auto found = groups.find(std::string(name));
    if (found != groups.end()) group = found->second;
  }
  if (group >= 0 && group < GroupCount(regex)) return group;
  return absl::InvalidArgumentError(
      absl::StrCat("there is no group '", base::Excerpt(name), "' in the pattern"));
}

absl::StatusOr<NameTemplate> NameTemplate::ParsePython(absl::string_view text,
                                                       const re2::RE2& regex) {
  NameTemplate result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      result.AddText(text.substr(i, 1));
      continue;
    }
    if (++i == text.size()) return absl::InvalidArgumentError("a backslash at the end");
    const char c = text[i];
    absl::string_view name;
    if (c == '\\') {
      result.AddText("\\");
      continue;
    }
    if (c == 'g') {
      const size_t end = text.find('>', i);
      if (!absl::StartsWith(text.substr(i), "g<") || end == absl::string_view::npos) {
        return absl::InvalidArgumentError("'\\g' without <group>");
      }
      name = text.substr(i + 2, end - i - 2);
      i = end;
    } else if (c >= '1' && c <= '9') {
      const bool has_two = i + 1 < text.size() && absl::ascii_isdigit(text[i + 1]);
      name = text.substr(i, has_two ? 2 : 1);
      i += has_two ? 1 : 0;
    } else if (absl::ascii_isalnum(c)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'\\", text.substr(i, 1), "' is no escape for a name"));
    } else {
      result.AddText(text.substr(i - 1, 2));  // Python keeps the backslash
      continue;
    }
    PLUMBAGO_ASSIGN_OR_RETURN(const int group, GroupOf(name, regex));
    result.AddGroup(group);
  }
  return result;
}

absl::StatusOr<NameTemplate> NameTemplate::ParseFields(absl::string_view text,
                                                       const re2::RE2& regex) {
  if (absl::StrContains(text, '%') || absl::StrContains(text, "<<")) {
    return absl::InvalidArgumentError("'%' and '<<' cannot be in an output name");
  }
  NameTemplate result;
  while (!text.empty()) {
    const size_t begin = std::min(text.find('<'), text.size());
    result.AddText(text.substr(0, begin));
    text.remove_prefix(begin);
    if (text.empty()) break;
    const size_t end = text.find('>');
    if (end == absl::string_view::npos) return absl::InvalidArgumentError("a '<' without '>'");
    PLUMBAGO_ASSIGN_OR_RETURN(const int group, GroupOf(text.substr(1, end - 1), regex));
    result.AddGroup(group);
    text.remove_prefix(end + 1);
  }
  return result;
}

// The state machine of router_rewrite_metric in carbon-c-relay's router.c, with its oddities: an
// escape stays open over a second backslash, and the case of \_1 holds for a \2 right behind it.
class NameTemplate::CarbonCRelayParser {
 public:
  explicit CarbonCRelayParser(int group_count) : group_count_(group_count) {}

  NameTemplate Parse(absl::string_view text) {
    for (size_t i = 0; i < text.size(); ++i) {
      if (TakeBraces(text, &i)) continue;
      Take(text[i]);
    }
    CloseGroup();
    return std::move(result_);
  }

 private:
  enum class Escape { kNone, kOpen, kDigits };

  // \g{12}, of later versions.
  bool TakeBraces(absl::string_view text, size_t* i) {
    int group = 0;
    const size_t end = text.find('}', *i);
    if (escape_ != Escape::kOpen || !absl::StartsWith(text.substr(*i), "g{") ||
        end == absl::string_view::npos ||
        !absl::SimpleAtoi(text.substr(*i + 2, end - *i - 2), &group) || group < 0) {
      return false;
    }
    group_ = group;
    CloseGroup();
    *i = end;
    return true;
  }

  void Take(char c) {
    if (c == '\\' && escape_ == Escape::kNone) {
      escape_ = Escape::kOpen;
      form_ = {};
    } else if (escape_ == Escape::kOpen && IsPlain() && (c == '_' || c == '^')) {
      form_.letter_case = c == '_' ? Case::kLower : Case::kUpper;
    } else if (escape_ == Escape::kOpen && c == '.') {
      form_.dots = Dots::kToUnderscores;
    } else if (escape_ != Escape::kNone && absl::ascii_isdigit(c)) {
      escape_ = Escape::kDigits;
      group_ = std::min(group_ * 10 + (c - '0'), 1000);
    } else {
      AppendGroup();
      if (c == '\\') return;
      escape_ = Escape::kNone;
      form_ = {};
      result_.AddText(absl::string_view(&c, 1));
    }
  }

  bool IsPlain() const { return form_.letter_case == Case::kAsIs && form_.dots == Dots::kKeep; }

  void AppendGroup() {
    if (escape_ != Escape::kNone && group_ > 0 && group_ <= group_count_) {
      form_.group = group_;
      result_.parts_.push_back(form_);
    }
    group_ = 0;
  }

  void CloseGroup() {
    AppendGroup();
    escape_ = Escape::kNone;
    form_ = {};
  }

  const int group_count_;
  NameTemplate result_;
  Escape escape_ = Escape::kNone;
  int group_ = 0;
  Part form_;
};

NameTemplate NameTemplate::ParseCarbonCRelay(absl::string_view text, int group_count) {
  return CarbonCRelayParser(std::min(group_count, kGroupsMax - 1)).Parse(text);
}

void NameTemplate::Append(absl::Span<const re2::StringPiece> groups, std::string* out) const {
  for (const Part& part : parts_) {
    if (part.group < 0) {
      out->append(part.text);
      continue;
    }
    for (char c : groups[static_cast<size_t>(part.group)]) {
      if (part.letter_case == Case::kLower) c = absl::ascii_tolower(c);
      if (part.letter_case == Case::kUpper) c = absl::ascii_toupper(c);
      out->push_back(c == '.' && part.dots == Dots::kToUnderscores ? '_' : c);
    }
  }
}

bool NameTemplate::is_literal() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.group < 0; });
}

bool ReplaceAll(const re2::RE2& regex, const NameTemplate& replacement, std::string* name) {
  const std::string source = std::move(*name);
  name->clear();
  Groups groups;
  size_t position = 0;
  bool has_match = false;
  while (position <= source.size() && name->size() <= kBuiltNameBytesMax &&
         Find(regex, source, position, &groups)) {
    has_match = true;
    const auto begin = static_cast<size_t>(groups[0].data() - source.data());
    name->append(source, position, begin - position);
    replacement.Append(groups, name);
    position = begin + groups[0].size();
    if (groups[0].empty()) {
      // An empty match: one character is passed over, so that the next is another one.
      if (position < source.size()) name->push_back(source[position]);
      ++position;
    }
  }
  if (position < source.size()) name->append(source, position, std::string::npos);
  return has_match;
}

bool ReplaceFirst(const re2::RE2& regex, const NameTemplate& replacement, std::string* name) {
  Groups groups;
  if (!Find(regex, *name, 0, &groups)) return false;
  const auto begin = static_cast<size_t>(groups[0].data() - name->data());
  std::string result = name->substr(0, begin);
  replacement.Append(groups, &result);
  result.append(*name, begin + groups[0].size(), std::string::npos);
  *name = std::move(result);
  return true;
}

}  // namespace plumbago::routing
