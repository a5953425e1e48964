#include "routing/carbon_c_relay.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "metric/glob.h"
#include "routing/internal/c_relay_parser.h"

namespace plumbago::routing {
namespace {

constexpr int kIncludeDepthMax = 8;
constexpr int kFilesMax = 1000;
constexpr uint64_t kFileBytesMax = 16 << 20;

// Reads a file and, through the parser, what it includes.
class FileReader {
 public:
  explicit FileReader(base::FileSystem& file_system) : file_system_(file_system) {}

  absl::Status Read(CRelayParser& parser, const std::string& path) {
    if (metric::HasWildcards(path)) return ReadMatching(parser, path);
    if (depth_ == kIncludeDepthMax || ++file_count_ > kFilesMax) {
      return absl::InvalidArgumentError(absl::StrCat("includes are more than ", kIncludeDepthMax,
                                                     " deep or ", kFilesMax,
                                                     " in all; does a file include itself?"));
    }
    PLUMBAGO_ASSIGN_OR_RETURN(const std::string text,
                              base::ReadWholeFile(file_system_, path, kFileBytesMax));
    ++depth_;
    const absl::Status status = parser.Parse(text, path);
    --depth_;
    return status;
  }

 private:
  // In the order of their names. As there, it is an error that none matches.
  absl::Status ReadMatching(CRelayParser& parser, const std::string& path) {
    const size_t slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const std::string pattern = slash == std::string::npos ? path : path.substr(slash + 1);
    if (metric::HasWildcards(directory)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "include \"", base::Excerpt(path), "\": wildcards can be in the file's name only"));
    }
    PLUMBAGO_ASSIGN_OR_RETURN(const metric::Glob glob, metric::Glob::Compile(pattern));
    PLUMBAGO_ASSIGN_OR_RETURN(const auto entries, file_system_.ListDirectory(directory));
    std::vector<std::string> names;
    for (const base::DirectoryEntry& entry : entries) {
      if (!entry.is_directory && entry.name.front() != '.' && glob.Matches(entry.name)) {
        names.push_back(entry.name);
      }
    }
    if (names.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("include \"", base::Excerpt(path), "\" matches no file"));
    }
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      const std::string file = slash == std::string::npos ? name : absl::StrCat(directory, name);
      PLUMBAGO_RETURN_IF_ERROR(ReadOne(parser, file));
    }
    return absl::OkStatus();
  }

  // A name from the directory is a name, whatever is in it.
  absl::Status ReadOne(CRelayParser& parser, const std::string& path) {
    if (!metric::HasWildcards(path)) return Read(parser, path);
    return absl::InvalidArgumentError(
        absl::StrCat("file \"", base::Excerpt(path), "\" has a wildcard in its name"));
  }

  base::FileSystem& file_system_;
  int depth_ = 0;
  int file_count_ = 0;
};

}  // namespace

absl::StatusOr<CRelayConfig> ReadCarbonCRelayConfig(base::FileSystem& file_system,
                                                    const std::string& path,
                                                    const CRelayOptions& options) {
  FileReader reader(file_system);
  CRelayParser parser(options, [&reader](CRelayParser& includer, const std::string& included) {
    return reader.Read(includer, included);
  });
  PLUMBAGO_RETURN_IF_ERROR(reader.Read(parser, path));
  return parser.Finish();
}

absl::StatusOr<CRelayConfig> ParseCarbonCRelayConfig(absl::string_view text,
                                                     absl::string_view file_name,
                                                     const CRelayOptions& options) {
  CRelayParser parser(options, [](CRelayParser&, const std::string&) {
    return absl::InvalidArgumentError("include is not possible here");
  });
  PLUMBAGO_RETURN_IF_ERROR(parser.Parse(text, file_name));
  return parser.Finish();
}

}  // namespace plumbago::routing
