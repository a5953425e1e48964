#include "whisper/begun_file.h"

#include <algorithm>
#include <cstring>

namespace plumbago::whisper {

absl::StatusOr<size_t> BegunFile::ReadAt(uint64_t offset, char* buffer, size_t size) {
  const bool is_known = offset <= beginning_.size() && size <= beginning_.size() - offset;
  if (!is_known) return file_.ReadAt(offset, buffer, size);
  std::memcpy(buffer, beginning_.data() + offset, size);
  return size;
}

absl::Status BegunFile::WriteAt(uint64_t offset, absl::string_view data) {
  const absl::Status status = file_.WriteAt(offset, data);
  if (!status.ok()) {
    beginning_.clear();  // who knows what has reached the file
  } else if (offset < beginning_.size()) {
    const size_t count = std::min<uint64_t>(data.size(), beginning_.size() - offset);
    std::memcpy(beginning_.data() + offset, data.data(), count);
  }
  return status;
}

}  // namespace plumbago::whisper
