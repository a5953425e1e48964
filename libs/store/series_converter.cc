#include "store/series_converter.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::store {
namespace {

SeriesLayout LayoutOf(whisper::Header wanted) {
  const uint64_t file_bytes = wanted.file_bytes();
  return {.header = std::move(wanted), .file_bytes = file_bytes};
}

}  // namespace

absl::StatusOr<SeriesExplanation> SeriesConverter::Explain(const SeriesName& name) const {
  PLUMBAGO_ASSIGN_OR_RETURN(std::string path, SeriesPath(name));
  const auto policies = dependencies_.policies.Current();
  const StoragePolicy& policy = policies->Of(name.tenant());
  auto rules = policy.rules.Explain(name.metric());
  SeriesExplanation explanation{.schema_rule = std::move(rules.schema_rule),
                                .aggregation_rule = std::move(rules.aggregation_rule),
                                .source = policy.source,
                                .wanted = LayoutOf(std::move(rules.header)),
                                .present = std::nullopt,
                                .path = std::move(path)};
  auto present = Open(name);
  if (absl::IsNotFound(present.status())) return explanation;
  if (!present.ok()) return present.status();
  explanation.present = {.header = std::move(present->header),
                         .file_bytes = present->info.size_bytes};
  return explanation;
}

absl::StatusOr<std::optional<SeriesDrift>> SeriesConverter::Inspect(const SeriesName& name) const {
  PLUMBAGO_ASSIGN_OR_RETURN(Opened present, Open(name));
  whisper::Header wanted = WantedHeader(name);
  if (!whisper::HasDrifted(present.header, wanted)) return std::optional<SeriesDrift>();
  whisper::BaseTimes base_times;
  auto counts = whisper::PreviewConversion({*present.file, present.header, base_times}, wanted,
                                           dependencies_.clock.UnixSeconds());
  if (!counts.ok()) return base::Annotate(counts.status(), present.path);
  return SeriesDrift{
      .present = {.header = std::move(present.header), .file_bytes = present.info.size_bytes},
      .wanted = LayoutOf(std::move(wanted)),
      .counts = *counts};
}

absl::StatusOr<std::optional<SeriesDrift>> SeriesConverter::Convert(const SeriesName& name) {
  std::optional<SeriesDrift> drift;
  PLUMBAGO_RETURN_IF_ERROR(dependencies_.store.RunExclusive(name, [&]() -> absl::Status {
    PLUMBAGO_ASSIGN_OR_RETURN(drift, ConvertNow(name));
    return absl::OkStatus();
  }));
  return drift;
}

absl::StatusOr<SeriesConverter::Opened> SeriesConverter::Open(const SeriesName& name) const {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string path, SeriesPath(name));
  Opened opened{.path = absl::StrCat(directory_, "/", path), .info = {}, .file = {}, .header = {}};
  PLUMBAGO_ASSIGN_OR_RETURN(opened.info, dependencies_.file_system.Stat(opened.path));
  if (!opened.info.is_regular) {
    return absl::DataLossError(absl::StrCat(opened.path, " is no regular file; it is left alone"));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(opened.file, dependencies_.file_system.OpenForRead(opened.path));
  auto header = whisper::ReadHeader(*opened.file);
  if (!header.ok()) return base::Annotate(header.status(), opened.path);
  opened.header = *std::move(header);
  return opened;
}

whisper::Header SeriesConverter::WantedHeader(const SeriesName& name) const {
  const auto policies = dependencies_.policies.Current();
  return policies->Of(name.tenant()).rules.HeaderFor(name.metric());
}

absl::StatusOr<std::optional<SeriesDrift>> SeriesConverter::ConvertNow(const SeriesName& name) {
  // As for an update: what may not be written, such as a file behind a link, is refused here.
  PLUMBAGO_RETURN_IF_ERROR(dependencies_.store.files().Open(name).status());
  PLUMBAGO_ASSIGN_OR_RETURN(Opened present, Open(name));
  whisper::Header wanted = WantedHeader(name);
  if (!whisper::HasDrifted(present.header, wanted)) return std::optional<SeriesDrift>();
  SeriesDrift drift;
  if (whisper::NeedsConversion(present.header, wanted)) {
    PLUMBAGO_ASSIGN_OR_RETURN(drift.counts, Replace(present, wanted));
  } else {
    PLUMBAGO_RETURN_IF_ERROR(WriteMetadata(name, present, wanted));
  }
  drift.present = {.header = std::move(present.header), .file_bytes = present.info.size_bytes};
  drift.wanted = LayoutOf(std::move(wanted));
  const auto info = dependencies_.index.Get(name.tenant(), name.metric());
  if (info.has_value()) {
    // The file is right whatever the index says; the next scan repeats this.
    dependencies_.index
        .UpdateMany(name.tenant(), {{std::string(name.metric()),
                                     {drift.wanted.file_bytes, info->last_update_unix_seconds}}})
        .IgnoreError();
  }
  return drift;
}

absl::StatusOr<whisper::ConversionCounts> SeriesConverter::Replace(const Opened& present,
                                                                   const whisper::Header& wanted) {
  base::FileSystem& file_system = dependencies_.file_system;
  const std::string new_path = absl::StrCat(present.path, ".tmp");
  whisper::BaseTimes base_times;
  auto counts = whisper::ConvertInto(file_system, {*present.file, present.header, base_times},
                                     new_path, wanted, dependencies_.clock.UnixSeconds());
  if (!counts.ok()) return base::Annotate(counts.status(), present.path);
  absl::Status status = file_system.SetModifiedTime(new_path, present.info.modified_unix_seconds);
  if (status.ok()) status = file_system.Rename(new_path, present.path);
  if (status.ok()) return counts;
  file_system.Remove(new_path).IgnoreError();  // the first error is the one to report
  return status;
}

absl::Status SeriesConverter::WriteMetadata(const SeriesName& name, const Opened& present,
                                            const whisper::Header& wanted) {
  // So opened, a file that has other names, as those of a snapshot, gets copied first.
  PLUMBAGO_ASSIGN_OR_RETURN(const auto opened, dependencies_.store.files().OpenForUpdate(name));
  PLUMBAGO_RETURN_IF_ERROR(whisper::WriteMetadata(opened.file->file(), wanted));
  // It is done; without this the series only looks fresher than it is.
  dependencies_.file_system.SetModifiedTime(present.path, present.info.modified_unix_seconds)
      .IgnoreError();
  return absl::OkStatus();
}

}  // namespace plumbago::store
