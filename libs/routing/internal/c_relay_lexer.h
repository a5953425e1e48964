// Words of a carbon-c-relay configuration (conffile.l of version 3.7).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::routing {

struct CRelayToken {
  enum class Kind { kWord, kQuoted, kEquals, kSemicolon, kEnd };
  Kind kind = Kind::kEnd;
  std::string text = {};  // of words; quoted ones without quotes and backslashes
  int line = 0;

  // An unquoted word that is `keyword`.
  bool Is(absl::string_view keyword) const { return kind == Kind::kWord && text == keyword; }
  bool is_text() const { return kind == Kind::kWord || kind == Kind::kQuoted; }
};

class CRelayLexer {
 public:
  static constexpr size_t kStringBytesMax = 1024;  // of quoted ones, as there

  explicit CRelayLexer(absl::string_view text) : rest_(text) {}

  // kEnd at the end. InvalidArgument without file and line; see line().
  absl::StatusOr<CRelayToken> Next();

  int line() const { return line_; }

 private:
  void SkipBlanks();
  absl::StatusOr<CRelayToken> ReadQuoted();
  CRelayToken ReadWord();

  absl::string_view rest_;
  int line_ = 1;
};

}  // namespace plumbago::routing
