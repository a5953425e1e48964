#include "base/failpoint.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace plumbago::base::internal {
namespace {

constexpr const char* kVariable = "PLUMBAGO_FAILPOINT";
constexpr int kKilledExitCode = 137;  // what a shell shows after SIGKILL

struct Plan {
  std::string name;
  int nth = 1;
};

const Plan& ThePlan() {
  static const Plan plan = [] {
    const absl::string_view text = std::getenv(kVariable);
    const size_t colon = text.find(':');
    Plan parsed{.name = std::string(text.substr(0, colon))};
    if (colon != absl::string_view::npos &&
        !absl::SimpleAtoi(text.substr(colon + 1), &parsed.nth)) {
      parsed.nth = 1;
    }
    return parsed;
  }();
  return plan;
}

}  // namespace

const bool has_failpoint = std::getenv(kVariable) != nullptr;

void HitFailpoint(const char* name) {
  static std::atomic<int> hit_count{0};
  if (ThePlan().name != name) return;
  // Nothing is flushed, no destructor runs.
  if (hit_count.fetch_add(1) + 1 == ThePlan().nth) _exit(kKilledExitCode);
}

}  // namespace plumbago::base::internal
