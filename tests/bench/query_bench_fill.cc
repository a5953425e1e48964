// Whisper files of many series for ./plumbago bench query, each in the tree of the shard that owns
// it.
//
//   query_bench_fill SNAPSHOT PREFIX FIRST COUNT POINTS END TREE...
//
// Series number FIRST up to FIRST + COUNT of the names below get POINTS points, one a minute, the
// last one at END. SNAPSHOT is the file that a service keeps of the controller's; the trees stand
// for its shards, in their order. Half of the series are counters' rates with decimals, half are
// integers.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/base/casts.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/check.h"
#include "base/file_system.h"
#include "topology/snapshot.h"
#include "whisper/header.h"

namespace plumbago {
namespace {

constexpr size_t kMetricsPerService = 200;
constexpr uint32_t kStep = 60;
constexpr size_t kLinksPerFile = 30'000;  // ext4 has at most 65,000
const char* const kTenant = "default";

// Shaped as in index_bench, with fewer directories.
std::string NameOf(const std::string& prefix, size_t i) {
  const size_t service = i / kMetricsPerService;
  return absl::StrCat(prefix, ".dc", service % 2, ".rack", service / 2 % 5, ".host",
                      service / 10 % 10, ".service", service / 100, ".values.metric",
                      i % kMetricsPerService);
}

// A walk of its own for each series, the same in each run.
class Walk {
 public:
  explicit Walk(size_t series) : state_(series * 2654435761 + 1), has_decimals_(series % 2 == 1) {}

  double Next() {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    level_ += static_cast<int64_t>(state_ >> 33) % 1001 - 500;
    return has_decimals_ ? static_cast<double>(level_) / 100 : static_cast<double>(level_ / 10);
  }

 private:
  uint64_t state_;
  const bool has_decimals_;
  int64_t level_ = 100'000;
};

template <typename T>
void PutBigEndian(T number, char* out) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out[i] = static_cast<char>(number >> (8 * (sizeof(T) - 1 - i)));
  }
}

std::string FileOf(const whisper::Header& header, size_t series, uint32_t end) {
  std::string file = whisper::EncodeHeader(header);
  const uint32_t count = header.archives[0].point_count;
  const size_t first = file.size();
  file.resize(header.file_bytes());
  Walk walk(series);
  for (uint32_t i = 0; i < count; ++i) {
    char* point = &file[first + i * whisper::kPointBytes];
    const double value = walk.Next();
    PutBigEndian(uint32_t{end - (count - 1 - i) * kStep}, point);
    PutBigEndian(absl::bit_cast<uint64_t>(value), point + sizeof(uint32_t));
  }
  return file;
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out << bytes;
  out.close();
  PLUMBAGO_CHECK(out.good());
}

int Main(const std::vector<std::string>& words) {
  PLUMBAGO_CHECK(words.size() >= 6);
  const auto file_system = base::MakePosixFileSystem();
  const auto snapshot = topology::LoadSnapshot(*file_system, words[0]);
  PLUMBAGO_CHECK(snapshot.ok());
  const topology::SlotMap& slot_map = *(*snapshot)->slot_map();
  const size_t count = std::stoul(words[2]);
  const auto points = static_cast<uint32_t>(std::stoul(words[3]));
  const auto end = static_cast<uint32_t>(std::stoul(words[4]));
  const auto header = whisper::MakeHeader({{kStep, std::max(points, 1U)}}, 0.5F,
                                          whisper::AggregationMethod::kAverage);
  PLUMBAGO_CHECK(header.ok());
  const std::vector<std::string> trees(words.begin() + 5, words.end());
  std::string linked;
  for (size_t i = 0; i < count; ++i) {
    const std::string name = NameOf(words[1], i);
    const auto replicas = slot_map.ReplicasOf(topology::SlotOf(kTenant, name));
    PLUMBAGO_CHECK(!replicas.empty() && replicas[0] < trees.size());
    const std::filesystem::path path =
        absl::StrCat(trees[replicas[0]], "/", absl::StrReplaceAll(name, {{".", "/"}}), ".wsp");
    std::filesystem::create_directories(path.parent_path());
    const bool is_link = points == 0 && i % kLinksPerFile != 0;
    if (is_link) {
      std::filesystem::create_hard_link(linked, path);
    } else {
      WriteFile(path, FileOf(*header, i, end));
      linked = path;
    }
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace plumbago

int main(int argc, char** argv) { return plumbago::Main({argv + 1, argv + argc}); }
