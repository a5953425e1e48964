// fetch and dump: text and JSON as whisper-fetch and whisper-dump print them.
#include <algorithm>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "commands.h"
#include "python_text.h"
#include "whisper/internal/encoding.h"
#include "whisper/slot_values.h"

namespace plumbago::whisper_tool {
namespace {

using whisper::Archive;
using whisper::SlotValues;

// ---- fetch --------------------------------------------------------------------------------

constexpr int64_t kDaySeconds = 86400;

struct FetchOptions {
  std::string path;
  std::optional<int64_t> from;
  std::optional<int64_t> until;
  bool is_json = false;
  bool is_pretty = false;
  std::string time_format;
  std::string drop;
};

std::string TimeText(int64_t time, bool is_pretty, const std::string& time_format) {
  return is_pretty ? PythonTime(time, time_format) : absl::StrCat(time);
}

// As whisper-fetch: with "zeroes" a slot without a value stays.
void Drop(const std::string& what, std::vector<std::optional<double>>* values) {
  const bool drops_zeroes = what == "zeroes" || what == "empty";
  const bool drops_nulls = what == "nulls" || what == "empty";
  const auto is_dropped = [&](const std::optional<double>& value) {
    return value.has_value() ? drops_zeroes && *value == 0 : drops_nulls;
  };
  values->erase(std::remove_if(values->begin(), values->end(), is_dropped), values->end());
}

void PrintFetchJson(const SlotValues& slots, int64_t end) {
  std::cout << "{\n    \"start\" : " << slots.start << ",\n    \"end\" : " << end
            << ",\n    \"step\" : " << slots.step << ",\n    \"values\" : ["
            << absl::StrJoin(slots.values, ", ",
                             [](std::string* out, const std::optional<double>& value) {
                               out->append(value.has_value() ? PythonFloat(*value) : "null");
                             })
            << "]\n  }\n";
}

absl::Status Fetch(Session& session, const FetchOptions& options) {
  PLUMBAGO_ASSIGN_OR_RETURN(OpenedFile opened, session.Open(options.path, Access::kRead));
  const int64_t now = session.Now();
  auto fetched =
      whisper::FetchSlots(opened.open(), {.from = options.from.value_or(now - kDaySeconds),
                                          .until = options.until.value_or(now),
                                          .now = now});
  if (!fetched.ok()) return base::Annotate(fetched.status(), options.path);
  if (fetched->values.empty()) return absl::NotFoundError("No data in selected timerange");
  const int64_t end = fetched->end();
  Drop(options.drop, &fetched->values);
  if (options.is_json) {
    PrintFetchJson(*fetched, end);
    return absl::OkStatus();
  }
  int64_t time = fetched->start;
  for (const std::optional<double>& value : fetched->values) {
    std::cout << TimeText(time, options.is_pretty, options.time_format) << "\t"
              << (value.has_value() ? PythonFixed(*value) : "None") << "\n";
    time += fetched->step;
  }
  return absl::OkStatus();
}

void AddPretty(CLI::App* command, bool* is_pretty, std::string* time_format) {
  command->add_flag("--pretty", *is_pretty, "local time instead of Unix time");
  command->add_option("-t,--time-format", *time_format,
                      "form of the time with --pretty, as of strftime: %H:%M");
}

void AddFetch(CLI::App& app, Session& session) {
  auto options = std::make_shared<FetchOptions>();
  CLI::App* command = app.add_subcommand(
      "fetch",
      "Prints the values of a time range, from the finest archive that reaches back to "
      "its beginning");
  command->add_option("path", options->path, "whisper file")->required();
  command->add_option("--from", options->from,
                      "Unix time, exclusive at the step of the archive; default: 24 h ago");
  command->add_option("--until", options->until,
                      "Unix time, inclusive at the step of the archive; default: now");
  command->add_flag("--json", options->is_json, "JSON instead of text");
  AddPretty(command, &options->is_pretty, &options->time_format);
  command
      ->add_option("--drop", options->drop,
                   "leaves out nulls, zeroes or both (empty). As with whisper-fetch, the values "
                   "that are left are printed at consecutive times, not at their own")
      ->check(CLI::IsMember({"nulls", "zeroes", "empty"}));
  command->callback([&session, options] {
    session.action = [&session, options] { return Fetch(session, *options); };
  });
}

// ---- dump ---------------------------------------------------------------------------------

constexpr uint64_t kSlotsPerRead = 4096;

struct DumpOptions {
  std::string path;
  bool is_pretty = false;
  std::string time_format;
  bool is_raw = false;
};

void PrintDumpHeader(const whisper::Header& header) {
  std::cout << "Meta data:\n  aggregation method: "
            << std::string(whisper::MethodName(header.method))
            << "\n  max retention: " << header.max_retention_seconds()
            << absl::StrFormat("\n  xFilesFactor: %g\n\n", header.x_files_factor);
  for (size_t i = 0; i < header.archives.size(); ++i) {
    const Archive& archive = header.archives[i];
    std::cout << "Archive " << i << " info:\n  offset: " << archive.offset
              << "\n  seconds per point: " << archive.seconds_per_point
              << "\n  points: " << archive.point_count
              << "\n  retention: " << archive.retention_seconds()
              << "\n  size: " << archive.size_bytes() << "\n\n";
  }
}

void PrintSlot(const DumpOptions& options, uint64_t index, uint32_t time, double value) {
  // Without the sign that C prints on some NaNs.
  if (value != value) value = std::numeric_limits<double>::quiet_NaN();
  if (!options.is_raw) {
    std::cout << index << ": " << TimeText(time, options.is_pretty, options.time_format)
              << absl::StrFormat(", %10.35g\n", value);
  } else if (time != 0) {
    std::cout << time << absl::StrFormat(":%.35g\n", value);
  }
}

absl::Status DumpArchive(const OpenedFile& opened, const Archive& archive,
                         const DumpOptions& options) {
  std::string bytes;
  for (uint64_t first = 0; first < archive.point_count; first += kSlotsPerRead) {
    const uint64_t count = std::min(kSlotsPerRead, archive.point_count - first);
    bytes.resize(count * whisper::kPointBytes);
    PLUMBAGO_ASSIGN_OR_RETURN(const size_t read,
                              opened.file->ReadAt(archive.offset + first * whisper::kPointBytes,
                                                  bytes.data(), bytes.size()));
    if (read < bytes.size()) {
      return absl::DataLossError(absl::StrCat(options.path, " was truncated while it was read"));
    }
    for (uint64_t i = 0; i < count; ++i) {
      const char* slot = bytes.data() + i * whisper::kPointBytes;
      PrintSlot(options, first + i, whisper::internal::LoadU32(slot),
                whisper::internal::LoadDouble(slot + 4));
    }
  }
  return absl::OkStatus();
}

absl::Status Dump(Session& session, const DumpOptions& options) {
  PLUMBAGO_ASSIGN_OR_RETURN(const OpenedFile opened, session.Open(options.path, Access::kRead));
  if (opened.is_compressed()) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.path, " is compressed by go-carbon and has no slots; use fetch"));
  }
  if (!options.is_raw) PrintDumpHeader(opened.header);
  for (size_t i = 0; i < opened.header.archives.size(); ++i) {
    if (!options.is_raw) std::cout << "Archive " << i << " data:\n";
    PLUMBAGO_RETURN_IF_ERROR(DumpArchive(opened, opened.header.archives[i], options));
  }
  return absl::OkStatus();
}

void AddDump(CLI::App& app, Session& session) {
  auto options = std::make_shared<DumpOptions>();
  CLI::App* command = app.add_subcommand("dump", "Prints every slot of every archive as it is");
  command->add_option("path", options->path, "whisper file")->required();
  AddPretty(command, &options->is_pretty, &options->time_format);
  command->add_flag("-r,--raw", options->is_raw,
                    "only time:value of the slots that are not empty, as update reads them");
  command->callback([&session, options] {
    session.action = [&session, options] { return Dump(session, *options); };
  });
}

}  // namespace

void AddReadCommands(CLI::App& app, Session& session) {
  AddFetch(app, session);
  AddDump(app, session);
}

}  // namespace plumbago::whisper_tool
