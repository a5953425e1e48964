#include "session.h"

#include "base/status.h"

namespace plumbago::whisper_tool {

absl::StatusOr<OpenedFile> Session::Open(const std::string& path, Access access) {
  OpenedFile opened{.path = path, .file = nullptr, .header = {}, .base_times = {}};
  PLUMBAGO_ASSIGN_OR_RETURN(opened.file, access == Access::kRead
                                             ? file_system->OpenForRead(path)
                                             : file_system->OpenForUpdate(path));
  auto header = whisper::ReadHeader(*opened.file);
  if (!header.ok()) return base::Annotate(header.status(), path);
  opened.header = *std::move(header);
  return opened;
}

}  // namespace plumbago::whisper_tool
