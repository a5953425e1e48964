#include "base/status.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace plumbago::base {
namespace {

constexpr size_t kExcerptBytesMax = 128;
constexpr absl::string_view kReasonUrl = "plumbago/reason";
constexpr absl::string_view kDiskFull = "disk_full";

absl::StatusCode CodeOfErrno(int error) {
  switch (error) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EACCES:
    case EPERM:
      return absl::StatusCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

std::string Excerpt(absl::string_view text) {
  if (text.size() <= kExcerptBytesMax) return absl::CHexEscape(text);
  return absl::StrCat(absl::CHexEscape(text.substr(0, kExcerptBytesMax)), "...");
}

absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload([&annotated](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

absl::Status ErrnoStatus(int error, absl::string_view what) {
  char buffer[128];
  absl::Status status(CodeOfErrno(error),
                      absl::StrCat(what, ": ", strerror_r(error, buffer, sizeof(buffer))));
  if (error == ENOSPC || error == EDQUOT) return WithReason(std::move(status), kDiskFull);
  return status;
}

absl::Status WithReason(absl::Status status, absl::string_view reason) {
  status.SetPayload(kReasonUrl, absl::Cord(reason));
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  const auto reason = status.GetPayload(kReasonUrl);
  return reason.has_value() ? std::string(*reason) : std::string();
}

bool IsDiskFull(const absl::Status& status) { return ReasonOf(status) == kDiskFull; }

}  // namespace plumbago::base
