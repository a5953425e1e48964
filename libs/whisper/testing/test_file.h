// A whisper file of its own directory, with the calls that tests make of it. Tests only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/testing/temporary_directory.h"
#include "whisper/file.h"
#include "whisper/slot_values.h"
#include "whisper/updater.h"

namespace plumbago::whisper::testing {

class TestFile {
 public:
  TestFile(std::vector<ArchiveSpec> archives, float x_files_factor, AggregationMethod method)
      : header_(MakeHeader(std::move(archives), x_files_factor, method).value()),
        file_(Create(*file_system_, path(), header_, Existing::kRefuse).value()) {}

  std::string path() const { return directory_.path() + "/a.wsp"; }
  base::FileSystem& file_system() { return *file_system_; }
  const Header& header() const { return header_; }
  base::File& file() { return *file_; }
  OpenFile open() { return {*file_, header_, base_times_}; }

  void Update(const std::vector<Point>& points, int64_t now) {
    PLUMBAGO_CHECK(Updater().UpdateMany(open(), points, now, Duplicates::kLastWins).ok());
  }
  // One slot of one archive.
  std::optional<double> ValueAt(size_t archive_index, int64_t time) {
    return FetchArchive(open(), archive_index, time - 1, time - 1).value().values[0];
  }
  std::string bytes() { return base::ReadWholeFile(*file_system_, path(), 1 << 20).value(); }

 private:
  base::testing::TemporaryDirectory directory_;
  std::unique_ptr<base::FileSystem> file_system_ = base::MakePosixFileSystem();
  Header header_;
  std::unique_ptr<base::File> file_;
  BaseTimes base_times_;
};

}  // namespace plumbago::whisper::testing
