#include "routing/internal/c_relay_lexer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::routing {
namespace {

bool IsWordByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         (c != '\0' && absl::StrContains("[](){}|\\^?*$&%<>:/,._+-", absl::string_view(&c, 1)));
}

size_t WordRun(absl::string_view text) {
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), IsWordByte) - text.begin());
}

}  // namespace

absl::StatusOr<CRelayToken> CRelayLexer::Next() {
  SkipBlanks();
  if (rest_.empty()) return CRelayToken{.kind = CRelayToken::Kind::kEnd, .line = line_};
  const char c = rest_.front();
  if (c == '"') return ReadQuoted();
  if (IsWordByte(c)) return ReadWord();
  rest_.remove_prefix(1);
  if (c == ';')
    return CRelayToken{.kind = CRelayToken::Kind::kSemicolon, .text = ";", .line = line_};
  if (c == '=') return CRelayToken{.kind = CRelayToken::Kind::kEquals, .text = "=", .line = line_};
  return absl::InvalidArgumentError(
      absl::StrCat("unexpected '", base::Excerpt(absl::string_view(&c, 1)),
                   "'; a pattern or name with this character needs double quotes around it"));
}

void CRelayLexer::SkipBlanks() {
  while (!rest_.empty()) {
    if (rest_.front() == '#') {
      rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
    } else if (absl::ascii_isspace(static_cast<unsigned char>(rest_.front()))) {
      line_ += rest_.front() == '\n' ? 1 : 0;
      rest_.remove_prefix(1);
    } else {
      return;
    }
  }
}

// A backslash takes the next character as it is, and is dropped itself: "a\.b" is a.b, "a\\.b" is
// a\.b.
absl::StatusOr<CRelayToken> CRelayLexer::ReadQuoted() {
  CRelayToken token{.kind = CRelayToken::Kind::kQuoted, .line = line_};
  for (size_t i = 1; i < rest_.size() && rest_[i] != '\n'; ++i) {
    if (rest_[i] == '"') {
      rest_.remove_prefix(i + 1);
      if (token.text.empty()) return absl::InvalidArgumentError("empty string");
      return token;
    }
    if (rest_[i] == '\\' && i + 1 < rest_.size() && rest_[i + 1] != '\n') ++i;
    token.text.push_back(rest_[i]);
    if (token.text.size() >= kStringBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("string of ", kStringBytesMax, " bytes or more"));
    }
  }
  return absl::InvalidArgumentError("unterminated string: no '\"' up to the end of the line");
}

// Backslash and blank do not end a word where it goes on behind them.
CRelayToken CRelayLexer::ReadWord() {
  size_t size = WordRun(rest_);
  while (size > 1 && rest_[size - 1] == '\\' && size + 1 < rest_.size() && rest_[size] == ' ' &&
         IsWordByte(rest_[size + 1])) {
    size += 1 + WordRun(rest_.substr(size + 1));
  }
  CRelayToken token{
      .kind = CRelayToken::Kind::kWord, .text = std::string(rest_.substr(0, size)), .line = line_};
  rest_.remove_prefix(size);
  return token;
}

}  // namespace plumbago::routing
