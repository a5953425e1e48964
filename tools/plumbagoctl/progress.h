// How far a long command is, on standard error: one line that is rewritten on a terminal, else a
// line every few seconds. For one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace plumbago::ctl {

class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { Finish(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Whether a call of Show would print: false where the last one was a moment ago.
  bool IsDue() const;
  void Show(const std::string& text);
  // Leaves what was shown last, and goes to a new line.
  void Finish();

 private:
  using Clock = std::chrono::steady_clock;
  const bool is_terminal_;
  Clock::time_point shown_at_{};
  size_t shown_bytes_ = 0;
};

// "1.5 GiB", "312 B".
std::string FormatBytes(uint64_t byte_count);
// "12 %" of a total, "-" where that is 0.
std::string FormatShare(uint64_t part, uint64_t total);

}  // namespace plumbago::ctl
