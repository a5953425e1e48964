#include "functions/builtin/regex.h"

#include <re2/re2.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::functions {
namespace {

constexpr size_t kPatternBytesMax = 4096;
constexpr int kGroupMax = 99;
constexpr size_t kResultBytesMax = size_t{64} << 10;

absl::Status TooLong(absl::string_view result) {
  return absl::InvalidArgumentError(absl::StrCat("the name \"", base::Excerpt(result),
                                                 "\" becomes longer than ", kResultBytesMax,
                                                 " bytes by replacement"));
}

re2::StringPiece Piece(absl::string_view text) { return {text.data(), text.size()}; }

// What Python makes of a letter after a backslash in a replacement; 0 for none.
char ControlCharacter(char letter) {
  switch (letter) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'f':
      return '\f';
    case 'v':
      return '\v';
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case '\\':
      return '\\';
    default:
      return '\0';
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const re2::RE2>> CompileRegex(absl::string_view pattern) {
  if (pattern.size() > kPatternBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("regular expression \"", base::Excerpt(pattern),
                                                   "\" has ", pattern.size(), " bytes, more than ",
                                                   kPatternBytesMax));
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_shared<const re2::RE2>(Piece(pattern), options);
  if (!regex->ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("regular expression \"", base::Excerpt(pattern), "\": ", regex->error(),
                     "; the syntax is RE2's, without look-around and back-references"));
  }
  return regex;
}

bool Occurs(const re2::RE2& regex, absl::string_view text) {
  return re2::RE2::PartialMatch(Piece(text), regex);
}

absl::StatusOr<Replacer> Replacer::Make(absl::string_view pattern, absl::string_view replacement) {
  Replacer replacer;
  PLUMBAGO_ASSIGN_OR_RETURN(replacer.regex_, CompileRegex(pattern));
  replacer.matches_whole_ = pattern == "(^.*$)";  // Grafana wraps every target with it
  PLUMBAGO_RETURN_IF_ERROR(replacer.ParseReplacement(replacement));
  return replacer;
}

absl::Status Replacer::ParseReplacement(absl::string_view replacement) {
  pieces_.emplace_back();
  const auto add_group = [this](absl::string_view name) -> absl::Status {
    PLUMBAGO_ASSIGN_OR_RETURN(pieces_.back().group, GroupReference(name));
    group_max_ = std::max(group_max_, pieces_.back().group);
    pieces_.emplace_back();
    return absl::OkStatus();
  };
  for (size_t i = 0; i < replacement.size(); ++i) {
    if (replacement[i] != '\\' || i + 1 == replacement.size()) {
      pieces_.back().literal += replacement[i];
      continue;
    }
    const char next = replacement[++i];
    if (next >= '1' && next <= '9') {
      size_t end = i + 1;
      if (end < replacement.size() && absl::ascii_isdigit(replacement[end])) ++end;
      PLUMBAGO_RETURN_IF_ERROR(add_group(replacement.substr(i, end - i)));
      i = end - 1;
    } else if (next == 'g' && i + 1 < replacement.size() && replacement[i + 1] == '<') {
      const size_t close = replacement.find('>', i);
      if (close == absl::string_view::npos) {
        return absl::InvalidArgumentError(
            absl::StrCat("replacement \"", base::Excerpt(replacement), "\": \\g< without >"));
      }
      PLUMBAGO_RETURN_IF_ERROR(add_group(replacement.substr(i + 2, close - i - 2)));
      i = close;
    } else if (const char control = ControlCharacter(next); control != '\0') {
      pieces_.back().literal += control;
    } else if (absl::ascii_isalnum(static_cast<unsigned char>(next))) {
      return absl::InvalidArgumentError(
          absl::StrCat("replacement \"", base::Excerpt(replacement), "\": unknown escape \\",
                       absl::string_view(&next, 1), "; use \\1, \\g<1> or \\g<name>"));
    } else {
      absl::StrAppend(&pieces_.back().literal, "\\", absl::string_view(&next, 1));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Replacer::GroupReference(absl::string_view name) const {
  int group = 0;
  const int group_count = std::min(regex_->NumberOfCapturingGroups(), kGroupMax);
  if (absl::SimpleAtoi(name, &group)) {
    if (group >= 0 && group <= group_count) return group;
  } else if (const auto entry = regex_->NamedCapturingGroups().find(std::string(name));
             entry != regex_->NamedCapturingGroups().end() && entry->second <= kGroupMax) {
    return entry->second;
  }
  return absl::InvalidArgumentError(absl::StrCat("the replacement names group \"",
                                                 base::Excerpt(name), "\", but the pattern has ",
                                                 group_count, " groups"));
}

absl::StatusOr<std::string> Replacer::Replace(const std::string& text) const {
  std::string result;
  if (matches_whole_ && text.find('\n') == std::string::npos) {
    for (const auto& [literal, group] : pieces_) {
      result += literal;
      if (group >= 0) result += text;
    }
    if (result.size() > kResultBytesMax) return TooLong(result);
    return result;
  }
  const re2::StringPiece input(text);
  std::vector<re2::StringPiece> groups(static_cast<size_t>(group_max_) + 1);
  size_t copied = 0;
  for (size_t from = 0; from <= text.size();) {
    if (!regex_->Match(input, from, text.size(), re2::RE2::UNANCHORED, groups.data(),
                       group_max_ + 1)) {
      break;
    }
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    result.append(text, copied, begin - copied);
    for (const auto& [literal, group] : pieces_) {
      result += literal;
      if (group < 0) continue;
      const re2::StringPiece& match = groups[static_cast<size_t>(group)];
      result.append(match.data() == nullptr ? "" : match.data(), match.size());
    }
    if (result.size() > kResultBytesMax) return TooLong(result);
    copied = begin + groups[0].size();
    from = groups[0].empty() ? copied + 1 : copied;  // an empty match may follow another one
  }
  return result.append(text, copied);
}

}  // namespace plumbago::functions
