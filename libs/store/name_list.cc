#include "store/name_list.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "store/series_name.h"

namespace plumbago::store {
namespace {

constexpr size_t kPieceBytes = 256 << 10;
static_assert(kPieceBytes > 2 * kMetricBytesMax);

bool CanBeName(absl::string_view line) {
  return !line.empty() && line.size() <= kMetricBytesMax &&
         std::none_of(line.begin(), line.end(), [](char byte) {
           return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
         });
}

}  // namespace

absl::Status AppendNames(base::FileSystem& file_system, const std::string& path,
                         absl::Span<const std::string> names) {
  // The first line end closes a line that a crash tore; empty lines are no names.
  std::string text = "\n";
  for (const std::string& name : names) absl::StrAppend(&text, name, "\n");
  absl::Status status = file_system.Append(path, text);
  if (!absl::IsNotFound(status)) return status;
  PLUMBAGO_RETURN_IF_ERROR(file_system.CreateDirectories(path.substr(0, path.rfind('/'))));
  return file_system.Append(path, text);
}

absl::Status ReadNames(base::FileSystem& file_system, const std::string& path,
                       absl::FunctionRef<bool(absl::string_view)> visit) {
  const auto file = file_system.OpenForRead(path);
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  if (!file.ok()) return file.status();
  std::string piece(kPieceBytes, '\0');
  size_t kept = 0;  // of a line whose end has not been read yet
  bool is_overlong = false;
  for (uint64_t offset = 0;;) {
    PLUMBAGO_ASSIGN_OR_RETURN(const size_t count,
                              (*file)->ReadAt(offset, piece.data() + kept, piece.size() - kept));
    if (count == 0) return absl::OkStatus();  // a last line without its end is a torn one
    offset += count;
    absl::string_view rest(piece.data(), kept + count);
    for (size_t end = rest.find('\n'); end != absl::string_view::npos; end = rest.find('\n')) {
      const absl::string_view line = rest.substr(0, end);
      if (!is_overlong && CanBeName(line) && !visit(line)) return absl::OkStatus();
      is_overlong = false;
      rest.remove_prefix(end + 1);
    }
    if (rest.size() > kMetricBytesMax) {
      is_overlong = true;
      rest = {};
    }
    kept = rest.size();
    std::copy(rest.begin(), rest.end(), piece.begin());
  }
}

}  // namespace plumbago::store
