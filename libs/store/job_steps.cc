#include "store/job_steps.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::store {
namespace {

std::string Line(const SeriesName& name, const absl::Status& status) {
  return absl::StrCat(std::string(name.metric()), ": ", std::string(status.message()));
}

}  // namespace

absl::Status ForEachSeries(JobProgress& progress, absl::string_view tenant,
                           absl::Span<const std::string> metrics,
                           absl::FunctionRef<absl::Status(const SeriesName& name)> step) {
  for (const std::string& metric : metrics) {
    PLUMBAGO_RETURN_IF_ERROR(progress.CheckCancelled());
    const SeriesName name(tenant, metric);
    const absl::Status status = step(name);
    switch (status.code()) {
      case absl::StatusCode::kOk:
        progress.AddDone();
        break;
      case absl::StatusCode::kNotFound:
      case absl::StatusCode::kAlreadyExists:
        progress.AddSkipped();
        progress.AddItem(Line(name, status));
        break;
      case absl::StatusCode::kUnavailable:
      case absl::StatusCode::kCancelled:
        return status;
      default:
        progress.AddFailed();
        progress.AddItem(Line(name, status));
    }
  }
  return absl::OkStatus();
}

}  // namespace plumbago::store
