// What the commands of plumbago-whisper share: the options of all, the files and the clock.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "whisper/file.h"

namespace plumbago::whisper_tool {

// A whisper file and all that reading and writing it needs.
struct OpenedFile {
  std::string path;
  std::unique_ptr<base::File> file;
  whisper::Header header;
  whisper::BaseTimes base_times;

  bool is_compressed() const { return header.format == whisper::Format::kCompressed; }
  whisper::OpenFile open() { return {*file, header, base_times}; }
};

enum class Access { kRead, kUpdate };

struct Session {
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  base::SystemClock clock;
  std::optional<int64_t> fixed_now;  // --now
  // The command that was given; set while the command line is parsed, run after it.
  std::function<absl::Status()> action;

  int64_t Now() { return fixed_now.has_value() ? *fixed_now : clock.UnixSeconds(); }
  // Errors name the path.
  absl::StatusOr<OpenedFile> Open(const std::string& path, Access access);
};

}  // namespace plumbago::whisper_tool
