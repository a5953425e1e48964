#include "store/incoming_series.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "whisper/file.h"
#include "whisper/resize.h"

namespace plumbago::store {

absl::Status Staging::Clear() {
  PLUMBAGO_RETURN_IF_ERROR(base::RemoveTree(file_system_, directory_));
  return file_system_.CreateDirectories(directory_);
}

std::string Staging::NewPath() { return absl::StrCat(directory_, "/", next_.fetch_add(1)); }

IncomingSeries::~IncomingSeries() {
  // Gone already, where it was put in.
  tree_.file_system().Remove(path_).IgnoreError();
  tree_.file_system().Remove(converted_path_).IgnoreError();
}

absl::Status IncomingSeries::Append(absl::string_view bytes) {
  if (size_bytes_ + bytes.size() > kFileBytesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the file has more than ", kFileBytesMax, " bytes; no whisper file has"));
  }
  if (file_ == nullptr) {
    PLUMBAGO_ASSIGN_OR_RETURN(file_, tree_.file_system().CreateExclusive(path_));
  }
  PLUMBAGO_RETURN_IF_ERROR(file_->WriteAt(size_bytes_, bytes));
  size_bytes_ += bytes.size();
  return absl::OkStatus();
}

absl::StatusOr<PutOutcome> IncomingSeries::Commit(const SeriesName& name, PutMode mode) {
  if (file_ == nullptr) return absl::DataLossError("the file is empty");
  auto header = whisper::ReadHeader(*file_);
  if (absl::IsNotFound(header.status())) return absl::DataLossError(header.status().message());
  if (!header.ok()) return header.status();
  file_.reset();
  if (header->format == whisper::Format::kClassic) return tree_.Put(name, path_, mode);
  whisper::ResizeOptions options;
  options.now = tree_.clock().UnixSeconds();
  for (const whisper::Archive& archive : header->archives) {
    options.archives.push_back({archive.seconds_per_point, archive.point_count});
  }
  PLUMBAGO_RETURN_IF_ERROR(
      whisper::ResizeInto(tree_.file_system(), path_, converted_path_, options).status());
  return tree_.Put(name, converted_path_, mode);
}

}  // namespace plumbago::store
