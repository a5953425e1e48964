#include "progress.h"

#include <unistd.h>

#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace plumbago::ctl {
namespace {

constexpr std::chrono::milliseconds kOnTerminal{100};
constexpr std::chrono::milliseconds kAsLines{5000};

}  // namespace

ProgressLine::ProgressLine() : is_terminal_(isatty(STDERR_FILENO) != 0) {}

bool ProgressLine::IsDue() const {
  return Clock::now() - shown_at_ >= (is_terminal_ ? kOnTerminal : kAsLines);
}

void ProgressLine::Show(const std::string& text) {
  shown_at_ = Clock::now();
  if (!is_terminal_) {
    std::cerr << text << "\n";
    return;
  }
  std::cerr << "\r" << text;
  if (text.size() < shown_bytes_) std::cerr << std::string(shown_bytes_ - text.size(), ' ');
  std::cerr.flush();
  shown_bytes_ = text.size();
}

void ProgressLine::Finish() {
  if (is_terminal_ && shown_bytes_ > 0) std::cerr << "\n";
  shown_bytes_ = 0;
}

std::string FormatBytes(uint64_t byte_count) {
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (byte_count < 1024) return absl::StrCat(byte_count, " B");
  double value = static_cast<double>(byte_count) / 1024;
  size_t unit = 0;
  while (value >= 1024) {
    value /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string FormatShare(uint64_t part, uint64_t total) {
  if (total == 0) return "-";
  return absl::StrFormat("%.0f %%", 100.0 * static_cast<double>(part) / static_cast<double>(total));
}

}  // namespace plumbago::ctl
