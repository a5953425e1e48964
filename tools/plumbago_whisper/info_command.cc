// info: text and JSON as whisper-info prints them.
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "commands.h"
#include "python_text.h"
#include "whisper/compressed_header.h"

namespace plumbago::whisper_tool {
namespace {

struct InfoOptions {
  std::string path;
  std::string field;
  bool is_json = false;
};

using Fields = std::vector<std::pair<std::string, uint64_t>>;

// What a file says of itself, in whisper's words.
struct FileInfo {
  std::string method;
  uint64_t max_retention = 0;
  std::string x_files_factor;
  std::vector<Fields> archives;
  uint64_t file_bytes = 0;
};

Fields FieldsOf(const whisper::Archive& archive, uint64_t size_bytes) {
  return {{"offset", archive.offset},
          {"secondsPerPoint", archive.seconds_per_point},
          {"points", archive.point_count},
          {"retention", archive.retention_seconds()},
          {"size", size_bytes}};
}

absl::StatusOr<FileInfo> ReadInfo(const OpenedFile& opened) {
  FileInfo info{.method = std::string(whisper::MethodName(opened.header.method)),
                .max_retention = opened.header.max_retention_seconds(),
                .x_files_factor = PythonFloat(double{opened.header.x_files_factor}),
                .archives = {}};
  PLUMBAGO_ASSIGN_OR_RETURN(info.file_bytes, opened.file->Size());
  if (!opened.is_compressed()) {
    for (const whisper::Archive& archive : opened.header.archives) {
      info.archives.push_back(FieldsOf(archive, archive.size_bytes()));
    }
    return info;
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const auto compressed, whisper::ReadCompressedHeader(*opened.file));
  info.method = std::string(whisper::MethodName(compressed.method));
  for (const whisper::CompressedArchive& archive : compressed.archives) {
    info.archives.push_back(
        FieldsOf(archive.archive, uint64_t{archive.block_bytes} * archive.blocks.size()));
  }
  return info;
}

void PrintText(const FileInfo& info) {
  std::cout << "aggregationMethod: " << info.method << "\nmaxRetention: " << info.max_retention
            << "\nxFilesFactor: " << info.x_files_factor << "\nfileSize: " << info.file_bytes
            << "\n\n";
  for (size_t i = 0; i < info.archives.size(); ++i) {
    std::cout << "Archive " << i << "\n";
    for (const auto& [name, value] : info.archives[i]) std::cout << name << ": " << value << "\n";
    std::cout << "\n";
  }
}

// As many dictionaries, each between `open` and `close`, their entries as `quote`name`quote`:
// value.
std::string Dictionaries(const std::vector<Fields>& archives, absl::string_view open,
                         absl::string_view close, absl::string_view separator,
                         absl::string_view quote) {
  std::vector<std::string> dictionaries;
  for (const Fields& fields : archives) {
    std::vector<std::string> entries;
    for (const auto& [name, value] : fields) {
      entries.push_back(absl::StrCat(quote, name, quote, ": ", value));
    }
    dictionaries.push_back(absl::StrCat(open, absl::StrJoin(entries, separator), close));
  }
  return absl::StrJoin(dictionaries, quote == "'" ? ", " : ",\n");
}

void PrintJson(const FileInfo& info) {
  std::cout << "{\n  \"aggregationMethod\": \"" << info.method
            << "\",\n  \"maxRetention\": " << info.max_retention
            << ",\n  \"xFilesFactor\": " << info.x_files_factor << ",\n  \"archives\": [\n"
            << Dictionaries(info.archives, "    {\n      ", "\n    }", ",\n      ", "\"")
            << "\n  ],\n  \"fileSize\": " << info.file_bytes << "\n}\n";
}

absl::Status PrintField(const FileInfo& info, const std::string& field) {
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"aggregationMethod", info.method},
      {"maxRetention", absl::StrCat(info.max_retention)},
      {"xFilesFactor", info.x_files_factor},
      {"archives", absl::StrCat("[", Dictionaries(info.archives, "{", "}", ", ", "'"), "]")},
      {"fileSize", absl::StrCat(info.file_bytes)}};
  std::vector<std::string> names;
  for (const auto& [name, value] : fields) {
    if (name == field) {
      std::cout << value << "\n";
      return absl::OkStatus();
    }
    names.push_back(name);
  }
  return absl::InvalidArgumentError(absl::StrCat("Unknown field \"", base::Excerpt(field),
                                                 "\". Valid fields are ",
                                                 absl::StrJoin(names, ",")));
}

absl::Status Info(Session& session, const InfoOptions& options) {
  PLUMBAGO_ASSIGN_OR_RETURN(const OpenedFile opened, session.Open(options.path, Access::kRead));
  const auto info = ReadInfo(opened);
  if (!info.ok()) return base::Annotate(info.status(), options.path);
  if (!options.field.empty()) return PrintField(*info, options.field);
  if (options.is_json) {
    PrintJson(*info);
  } else {
    PrintText(*info);
  }
  return absl::OkStatus();
}

}  // namespace

void AddInfoCommand(CLI::App& app, Session& session) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* command = app.add_subcommand("info", "Prints what the header of a file says");
  command->add_option("path", options->path, "whisper file, also one compressed by go-carbon")
      ->required();
  command->add_option("field", options->field,
                      "prints this one only: aggregationMethod, maxRetention, xFilesFactor, "
                      "archives or fileSize");
  command->add_flag("--json", options->is_json, "JSON instead of text");
  command->callback([&session, options] {
    session.action = [&session, options] { return Info(session, *options); };
  });
}

}  // namespace plumbago::whisper_tool
