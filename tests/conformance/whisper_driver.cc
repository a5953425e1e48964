// Runs whisper operations given line by line on standard input, one answer line each, for
// whisper_differential_test.py. A file stays open, with what a store remembers of it, until another
// one is named or it is closed. Doubles travel as C hexadecimal floats, so that no bit is lost.
//
//   create PATH METHOD XFF STEP:POINTS[,STEP:POINTS...]   ok
//   update PATH NOW TIME VALUE                            ok
//   many PATH NOW TIME:VALUE...                           ok UNCOVERED
//   fetch PATH FROM UNTIL NOW                             ok START STEP VALUE... | ok none
//   close                                                 ok
//   anything refused                                      error MESSAGE
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/file_system.h"
#include "base/status.h"
#include "whisper/file.h"
#include "whisper/updater.h"

namespace plumbago::whisper {
namespace {

using Words = std::vector<std::string>;

int64_t Integer(const std::string& word) { return std::strtoll(word.c_str(), nullptr, 10); }
double Real(const std::string& word) { return std::strtod(word.c_str(), nullptr); }

class Driver {
 public:
  absl::StatusOr<std::string> Run(const Words& words) {
    if (words.size() == 5 && words[0] == "create") return Create(words);
    if (words.size() == 5 && words[0] == "update") return Update(words);
    if (words.size() >= 3 && words[0] == "many") return UpdateMany(words);
    if (words.size() == 5 && words[0] == "fetch") return FetchRangeOf(words);
    if (words.size() == 1 && words[0] == "close") return Close();
    return absl::InvalidArgumentError("unknown operation");
  }

 private:
  struct Opened {
    std::string path;
    std::unique_ptr<base::File> file;
    Header header;
    BaseTimes base_times;
    RecentArchives recent;

    OpenFile open() { return {*file, header, base_times, &recent}; }
  };

  absl::StatusOr<OpenFile> Open(const std::string& path) {
    if (opened_ != nullptr && opened_->path == path) return opened_->open();
    auto opened = std::make_unique<Opened>();
    opened->path = path;
    PLUMBAGO_ASSIGN_OR_RETURN(opened->file, file_system_->OpenForUpdate(path));
    PLUMBAGO_ASSIGN_OR_RETURN(opened->header, ReadHeader(*opened->file));
    opened_ = std::move(opened);
    return opened_->open();
  }

  absl::StatusOr<std::string> Close() {
    opened_.reset();
    return "ok";
  }

  absl::StatusOr<std::string> Create(const Words& words) {
    std::vector<ArchiveSpec> archives;
    for (const absl::string_view part : absl::StrSplit(words[4], ',')) {
      const Words numbers = absl::StrSplit(part, ':');
      archives.push_back({.seconds_per_point = static_cast<uint32_t>(Integer(numbers[0])),
                          .point_count = static_cast<uint32_t>(Integer(numbers[1]))});
    }
    PLUMBAGO_ASSIGN_OR_RETURN(const AggregationMethod method, ParseMethod(words[2]));
    PLUMBAGO_ASSIGN_OR_RETURN(
        const Header header,
        MakeHeader(std::move(archives), static_cast<float>(Real(words[3])), method));
    auto opened = std::make_unique<Opened>();
    PLUMBAGO_ASSIGN_OR_RETURN(
        opened->file, whisper::Create(*file_system_, words[1], header, Existing::kRefuse));
    opened->path = words[1];
    opened->header = header;
    opened->recent = NoPoints(header);
    opened_ = std::move(opened);
    return "ok";
  }

  absl::StatusOr<std::string> Update(const Words& words) {
    PLUMBAGO_ASSIGN_OR_RETURN(const OpenFile file, Open(words[1]));
    const Point point{.time = static_cast<uint32_t>(Integer(words[3])), .value = Real(words[4])};
    PLUMBAGO_RETURN_IF_ERROR(updater_.UpdateOne(file, point, Integer(words[2])));
    return "ok";
  }

  absl::StatusOr<std::string> UpdateMany(const Words& words) {
    PLUMBAGO_ASSIGN_OR_RETURN(const OpenFile file, Open(words[1]));
    std::vector<Point> points;
    for (size_t i = 3; i < words.size(); ++i) {
      const Words parts = absl::StrSplit(words[i], ':');
      points.push_back({.time = static_cast<uint32_t>(Integer(parts[0])), .value = Real(parts[1])});
    }
    PLUMBAGO_ASSIGN_OR_RETURN(
        const UpdateResult result,
        updater_.UpdateMany(file, points, Integer(words[2]), Duplicates::kFirstWins));
    return absl::StrCat("ok ", result.uncovered_count);
  }

  absl::StatusOr<std::string> FetchRangeOf(const Words& words) {
    PLUMBAGO_ASSIGN_OR_RETURN(const OpenFile file, Open(words[1]));
    const FetchRange range{
        .from = Integer(words[2]), .until = Integer(words[3]), .now = Integer(words[4])};
    PLUMBAGO_ASSIGN_OR_RETURN(const Series series, Fetch(file, range));
    if (series.values.empty()) return "ok none";
    std::string answer = absl::StrCat("ok ", series.start, " ", series.step);
    for (const double value : series.values) absl::StrAppendFormat(&answer, " %a", value);
    return answer;
  }

  std::unique_ptr<base::FileSystem> file_system_ = base::MakePosixFileSystem();
  Updater updater_;
  std::unique_ptr<Opened> opened_;
};

}  // namespace
}  // namespace plumbago::whisper

int main() {
  plumbago::whisper::Driver driver;
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto answer = driver.Run(absl::StrSplit(line, ' '));
    std::cout << (answer.ok() ? *answer : absl::StrCat("error ", answer.status().message()))
              << std::endl;
  }
  return 0;
}
