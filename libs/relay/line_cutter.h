// Cuts a byte stream into lines, whatever the size of the pieces it arrives in.
//
// Lines are handed on in blocks as views into the piece; only a line that is split between two
// pieces is copied. A line over metric::kLineBytesMax is skipped to its end and reported once.
// Holds at most kLineBytesMax bytes. For one thread.
#pragma once

#include <array>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "metric/line_parser.h"

namespace plumbago::relay {

class LineCutter {
 public:
  // So many lines are parsed ahead of their look-ups, to hide the latency of memory.
  static constexpr size_t kBlockLines = 16;

  // `Sink` has OnLines(absl::Span<const absl::string_view>), at most kBlockLines at a time and
  // without newlines, and OnLongLine(absl::string_view head).
  template <typename Sink>
  void Feed(absl::string_view piece, Sink& sink);

  // The end of the input: hands on an unfinished last line. For datagrams; a TCP sender that is cut
  // off in a line did not mean it.
  template <typename Sink>
  void Finish(Sink& sink);

 private:
  template <typename Sink>
  absl::string_view FinishCarriedLine(absl::string_view piece, Sink& sink);
  template <typename Sink>
  void Carry(absl::string_view rest, Sink& sink);

  std::string carried_;       // the begin of a line whose end has not arrived
  bool is_skipping_ = false;  // within a line that is too long
};

template <typename Sink>
void LineCutter::Feed(absl::string_view piece, Sink& sink) {
  if (is_skipping_ || !carried_.empty()) piece = FinishCarriedLine(piece, sink);
  std::array<absl::string_view, kBlockLines> lines;
  size_t count = 0;
  while (!piece.empty()) {
    const void* const newline = std::memchr(piece.data(), '\n', piece.size());
    if (newline == nullptr) break;
    const size_t length = static_cast<size_t>(static_cast<const char*>(newline) - piece.data());
    if (length > metric::kLineBytesMax) {
      sink.OnLongLine(piece.substr(0, metric::kLineBytesMax));
    } else {
      lines[count++] = piece.substr(0, length);
    }
    piece.remove_prefix(length + 1);
    if (count == kBlockLines) {
      sink.OnLines(absl::MakeConstSpan(lines));
      count = 0;
    }
  }
  if (count > 0) sink.OnLines(absl::MakeConstSpan(lines.data(), count));
  if (!piece.empty()) Carry(piece, sink);
}

template <typename Sink>
void LineCutter::Finish(Sink& sink) {
  if (!carried_.empty()) {
    const absl::string_view line = carried_;
    sink.OnLines(absl::MakeConstSpan(&line, 1));
    carried_.clear();
  }
  is_skipping_ = false;
}

// Returns what follows the line that began in an earlier piece.
template <typename Sink>
absl::string_view LineCutter::FinishCarriedLine(absl::string_view piece, Sink& sink) {
  const size_t newline = piece.find('\n');
  const size_t length = newline == absl::string_view::npos ? piece.size() : newline;
  if (!is_skipping_ && carried_.size() + length > metric::kLineBytesMax) {
    sink.OnLongLine(carried_);
    is_skipping_ = true;
    carried_.clear();
  }
  if (!is_skipping_) carried_.append(piece.data(), length);
  if (newline == absl::string_view::npos) return {};
  if (!is_skipping_) {
    const absl::string_view line = carried_;
    sink.OnLines(absl::MakeConstSpan(&line, 1));
  }
  carried_.clear();
  is_skipping_ = false;
  return piece.substr(newline + 1);
}

template <typename Sink>
void LineCutter::Carry(absl::string_view rest, Sink& sink) {
  if (rest.size() > metric::kLineBytesMax) {
    sink.OnLongLine(rest.substr(0, metric::kLineBytesMax));
    is_skipping_ = true;
    return;
  }
  carried_.assign(rest.data(), rest.size());
}

}  // namespace plumbago::relay
