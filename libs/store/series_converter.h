// Files that are not what the storage policy says, and giving them its layout while points go on
// arriving.
//
// A conversion runs on the thread that writes the series, between two batches: it makes the new
// file beside the old one (<file>.tmp), syncs it and puts it in its place, so that a crash at any
// point leaves the old file or the complete new one; the first scan removes what else is left. What
// it keeps is written down in whisper/convert.h. The time of the file's last update stays.
//
// Thread-safe; blocks on the disk, and Convert for the writer to come to it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "index/series_index.h"
#include "store/series_name.h"
#include "store/storage_policies.h"
#include "store/store.h"
#include "whisper/convert.h"

namespace plumbago::store {

struct SeriesLayout {
  whisper::Header header;
  uint64_t file_bytes = 0;
};

struct SeriesDrift {
  SeriesLayout present;
  SeriesLayout wanted;
  whisper::ConversionCounts counts;  // not of a Convert that changed method and factor only
};

struct SeriesExplanation {
  std::string schema_rule;  // whisper::StorageRules::Explanation
  std::string aggregation_rule;
  PolicySource source = PolicySource::kBuiltIn;
  SeriesLayout wanted;
  std::optional<SeriesLayout> present;  // absent: there is no file
  std::string path;                     // below the directory of the whisper files
};

class SeriesConverter {
 public:
  struct Dependencies {
    base::Clock& clock;
    base::FileSystem& file_system;
    index::SeriesIndex& index;
    Store& store;
    const StoragePolicies& policies;
  };

  // `directory` is that of the whisper files. All must outlive this.
  SeriesConverter(const Dependencies& dependencies, std::string directory)
      : dependencies_(dependencies), directory_(std::move(directory)) {}

  // InvalidArgument: no series can have this name. DataLoss: its file is damaged.
  absl::StatusOr<SeriesExplanation> Explain(const SeriesName& name) const;

  // What Convert would do; absent where the file is as the policy wants it. The header is read, and
  // where it has drifted the rest too. NotFound: there is no file. Errors as above.
  absl::StatusOr<std::optional<SeriesDrift>> Inspect(const SeriesName& name) const;

  // Absent: there was nothing to do. After an error the file is as it was. Errors as above;
  // ResourceExhausted: no space for the new file beside the old one; Unavailable: draining.
  absl::StatusOr<std::optional<SeriesDrift>> Convert(const SeriesName& name);

 private:
  struct Opened {
    std::string path;
    base::FileInfo info;
    std::unique_ptr<base::File> file;
    whisper::Header header;
  };
  absl::StatusOr<Opened> Open(const SeriesName& name) const;
  whisper::Header WantedHeader(const SeriesName& name) const;
  // For the thread that writes the series.
  absl::StatusOr<std::optional<SeriesDrift>> ConvertNow(const SeriesName& name);
  absl::StatusOr<whisper::ConversionCounts> Replace(const Opened& present,
                                                    const whisper::Header& wanted);
  absl::Status WriteMetadata(const SeriesName& name, const Opened& present,
                             const whisper::Header& wanted);

  const Dependencies dependencies_;
  const std::string directory_;
};

}  // namespace plumbago::store
