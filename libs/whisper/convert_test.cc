// Proves what a conversion keeps: on examples, and on random files and layouts by what must hold
// for each point of the old file and each slot of the new one.
#include "whisper/convert.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "whisper/internal/encoding.h"
#include "whisper/testing/every_fault.h"
#include "whisper/testing/test_file.h"
#include "whisper/verify.h"

namespace plumbago::whisper {
namespace {

constexpr int64_t kNow = 1'700'000'100;  // a multiple of 300

// A converted file beside its source.
class Converted {
 public:
  Converted(testing::TestFile& source, const Header& wanted, int64_t now)
      : path_(source.path() + ".tmp"), header_(wanted) {
    counts_ = ConvertInto(source.file_system(), source.open(), path_, wanted, now).value();
    file_ = source.file_system().OpenForUpdate(path_).value();
    CHECK(ReadHeader(*file_).value() == wanted);
    CHECK(Verify(*file_).value().is_sound());
  }

  std::optional<double> ValueAt(size_t archive_index, int64_t time) {
    return FetchArchive({*file_, header_, base_times_}, archive_index, time - 1, time - 1)
        .value()
        .values[0];
  }
  const ConversionCounts& counts() const { return counts_; }

 private:
  std::string path_;
  Header header_;
  ConversionCounts counts_;
  std::unique_ptr<base::File> file_;
  BaseTimes base_times_;
};

Header MakeWanted(std::vector<ArchiveSpec> archives, AggregationMethod method,
                  float factor = 0.5F) {
  return MakeHeader(std::move(archives), factor, method).value();
}

TEST_CASE("Same steps with longer retentions keep every slot as it is", "[whisper]") {
  testing::TestFile old({{60, 5}, {300, 6}}, 0.5F, AggregationMethod::kSum);
  old.Update({{kNow - 1200, 5}, {kNow - 60, 1}, {kNow, 2}}, kNow);
  Converted converted(old, MakeWanted({{60, 50}, {300, 60}}, AggregationMethod::kMax), kNow);
  CHECK(converted.ValueAt(0, kNow) == 2);
  CHECK(converted.ValueAt(0, kNow - 60) == 1);
  CHECK(converted.ValueAt(1, kNow - 1200) == 5);
  // Its own rollup was too sparse and stays empty.
  CHECK_FALSE(converted.ValueAt(1, kNow - 300).has_value());
  // The coarse point is found where a query for that time will look.
  CHECK(converted.ValueAt(0, kNow - 1200) == 5);
  CHECK(converted.counts().points_kept == 3);
  CHECK(converted.counts().points_dropped == 0);
}

TEST_CASE("Points of an archive that goes are aggregated, however few they are", "[whisper]") {
  testing::TestFile old({{60, 30}}, 0.5F, AggregationMethod::kSum);
  old.Update({{kNow - 540, 5}, {kNow - 300, 1}, {kNow - 240, 2}}, kNow);
  Converted converted(old, MakeWanted({{300, 12}}, AggregationMethod::kSum), kNow);
  CHECK(converted.ValueAt(0, kNow - 600) == 5);
  CHECK(converted.ValueAt(0, kNow - 300) == 3);
  CHECK(converted.counts().points_dropped == 3);
}

TEST_CASE("A finer layout shows each coarse point once, and its rollup still", "[whisper]") {
  testing::TestFile old({{300, 12}}, 0.5F, AggregationMethod::kAverage);
  old.Update({{kNow - 600, 5}, {kNow - 300, 1}}, kNow);
  Converted converted(old, MakeWanted({{60, 30}, {300, 12}}, AggregationMethod::kAverage), kNow);
  CHECK(converted.ValueAt(0, kNow - 600) == 5);
  for (int64_t time = kNow - 540; time < kNow - 300; time += 60) {
    CHECK_FALSE(converted.ValueAt(0, time).has_value());
  }
  CHECK(converted.ValueAt(1, kNow - 600) == 5);
  CHECK(converted.ValueAt(1, kNow - 300) == 1);
  CHECK(converted.counts().points_kept == 2);
}

TEST_CASE("A sum stays the same total over a coarser layout", "[whisper]") {
  // The fine archive reaches only a part of a coarse step at its end.
  testing::TestFile old({{60, 12}, {300, 12}}, 0, AggregationMethod::kSum);
  double total = 0;
  for (int64_t time = kNow - 2700; time <= kNow + 60; time += 60) {
    old.Update({{static_cast<uint32_t>(time), 1}}, time);
    ++total;
  }
  Converted converted(old, MakeWanted({{900, 8}}, AggregationMethod::kSum), kNow + 60);
  double converted_total = 0;
  for (int64_t time = kNow - kNow % 900 - 3600; time <= kNow + 60; time += 900) {
    converted_total += converted.ValueAt(0, time).value_or(0);
  }
  CHECK(converted_total == total);
}

TEST_CASE("Averages of unequal steps weigh by their steps", "[whisper]") {
  testing::TestFile old({{60, 5}, {300, 12}}, 0, AggregationMethod::kAverage);
  old.Update({{kNow - 300, 10}}, kNow);  // only its rollup is left: it stands for five minutes
  old.Update({{kNow, 4}}, kNow);         // for one
  Converted converted(old, MakeWanted({{600, 8}}, AggregationMethod::kAverage), kNow + 240);
  // kNow - 300 is a multiple of 600.
  CHECK(converted.ValueAt(0, kNow - 300) == Approx((10.0 * 300 + 4 * 60) / 360));
}

TEST_CASE("Points in the future are kept where their slots are free", "[whisper]") {
  testing::TestFile old({{60, 10}}, 0, AggregationMethod::kAverage);
  old.Update({{kNow, 1}, {kNow + 60, 2}, {kNow + 300, 3}}, kNow);
  Converted longer(old, MakeWanted({{60, 20}}, AggregationMethod::kAverage), kNow);
  CHECK(longer.ValueAt(0, kNow + 300) == 3);
  CHECK(longer.ValueAt(0, kNow + 60) == 2);
  Converted shorter(old, MakeWanted({{60, 5}}, AggregationMethod::kAverage), kNow);
  CHECK(shorter.ValueAt(0, kNow) == 1);  // kNow + 300 wants its slot
  CHECK(shorter.ValueAt(0, kNow + 60) == 2);
}

TEST_CASE("A conversion that fails at any call leaves the source and no target", "[whisper]") {
  const Header wanted = MakeWanted({{60, 20}, {300, 10}}, AggregationMethod::kSum);
  testing::ForEveryFault([&](const base::testing::FaultFileSystem::Plan& plan) {
    testing::TestFile old({{60, 10}}, 0.5F, AggregationMethod::kSum);
    old.Update({{kNow - 60, 1}, {kNow, 2}}, kNow);
    const std::string old_bytes = old.bytes();
    base::testing::FaultFileSystem faults(old.file_system());
    const std::string target = old.path() + ".tmp";
    faults.Set(plan);
    const auto converted = ConvertInto(faults, old.open(), target, wanted, kNow);
    const bool has_failed = faults.has_failed();
    INFO("call " << plan.nth << ": " << converted.status());
    CHECK(converted.ok() == !has_failed);
    CHECK(old.bytes() == old_bytes);
    if (plan.after == base::testing::FaultFileSystem::After::kRecovered) {
      CHECK(old.file_system().Stat(target).ok() == !has_failed);
    }
    return has_failed;
  });
}

// ---- random files ----

class Dice {
 public:
  explicit Dice(uint32_t seed) : generator_(seed) {}
  // 0 to end - 1.
  uint32_t Roll(uint32_t end) { return static_cast<uint32_t>(generator_() % end); }

  Header Layout() {
    static constexpr uint32_t kSteps[] = {5, 10, 30, 60, 300};  // each divides the next
    std::vector<ArchiveSpec> specs;
    uint64_t reach = 0;
    for (uint32_t i = Roll(4); i < std::size(kSteps) && specs.size() < 3; i += 1 + Roll(2)) {
      const uint32_t ratio = i + 1 < std::size(kSteps) ? 10 : 1;
      const auto count = static_cast<uint32_t>(reach / kSteps[i]) + ratio + Roll(20);
      specs.push_back({kSteps[i], count});
      reach = uint64_t{kSteps[i]} * count;
    }
    const auto method = static_cast<AggregationMethod>(1 + Roll(8));
    return MakeHeader(specs, static_cast<float>(Roll(3)) / 2, method).value();
  }

  double Value() { return static_cast<double>(Roll(2000)) - 1000; }

 private:
  std::mt19937 generator_;
};

struct Known {
  size_t archive_index;
  int64_t time;
  int64_t step;
  double value;
};

int64_t Oldest(const Archive& archive, int64_t now) {
  const int64_t step = archive.seconds_per_point;
  return internal::AlignDown(now, step) - (int64_t{archive.point_count} - 1) * step;
}

template <typename Reader>
std::vector<Known> ReadKnown(Reader& reader, const Header& header, int64_t now) {
  std::vector<Known> known;
  for (size_t i = 0; i < header.archives.size(); ++i) {
    const int64_t step = header.archives[i].seconds_per_point;
    for (int64_t time = Oldest(header.archives[i], now); time <= now; time += step) {
      if (const auto value = reader.ValueAt(i, time)) known.push_back({i, time, step, *value});
    }
  }
  return known;
}

void FillAtRandom(testing::TestFile& file, Dice& dice) {
  const auto reach = static_cast<uint32_t>(file.header().archives.back().retention_seconds());
  for (uint32_t i = 0, updates = dice.Roll(60); i < updates; ++i) {
    const int64_t now = kNow - dice.Roll(reach);
    std::vector<Point> points;
    for (uint32_t n = 1 + dice.Roll(8); n > 0; --n) {
      points.push_back({static_cast<uint32_t>(now) - 5 * dice.Roll(40), dice.Value()});
    }
    file.Update(points, now);
  }
  // Points that only one archive knows, as whisper-fill and merges leave them.
  for (uint32_t i = 0; i < dice.Roll(6); ++i) {
    const size_t index = dice.Roll(static_cast<uint32_t>(file.header().archives.size()));
    const uint32_t step = file.header().archives[index].seconds_per_point;
    const auto time = static_cast<uint32_t>(kNow - kNow % step) - step * dice.Roll(5);
    REQUIRE(
        Updater().UpdateArchive(file.open(), index, std::vector<Point>{{time, dice.Value()}}).ok());
  }
}

bool HasKnown(const std::vector<Known>& all, int64_t step, int64_t begin, int64_t end) {
  return std::any_of(all.begin(), all.end(), [&](const Known& k) {
    return k.step == step && k.time >= begin && k.time < end;
  });
}

bool HasFiner(const std::vector<Known>& all, const Known& of) {
  return std::any_of(all.begin(), all.end(), [&](const Known& k) {
    return k.step < of.step && k.time >= of.time && k.time < of.time + of.step;
  });
}

// Every point of the old file that the new archives can hold is in each of them.
void CheckKept(const std::vector<Known>& old, Converted& converted, const Header& wanted,
               const std::vector<Known>& fresh) {
  for (const Known& point : old) {
    for (size_t i = 0; i < wanted.archives.size(); ++i) {
      const int64_t step = wanted.archives[i].seconds_per_point;
      const int64_t slot = internal::AlignDown(point.time, step);
      if (slot < Oldest(wanted.archives[i], kNow)) continue;
      INFO("step " << point.step << " time -" << kNow - point.time << " into step " << step);
      const bool is_held_finer = i > 0 && slot >= Oldest(wanted.archives[i - 1], kNow);
      if (point.step == step) {
        CHECK(converted.ValueAt(i, slot) == point.value);
      } else if (point.step > step) {
        CHECK(HasKnown(fresh, step, point.time, point.time + point.step));
        if (!HasFiner(old, point)) CHECK(converted.ValueAt(i, slot) == point.value);
      } else if (!is_held_finer) {
        CHECK(HasKnown(fresh, step, slot, slot + 1));
      }
    }
  }
}

// Every slot of the new file comes from old points that begin in it, and lies between them.
void CheckNotInvented(const std::vector<Known>& old, const std::vector<Known>& fresh,
                      AggregationMethod method) {
  for (const Known& slot : fresh) {
    double lowest = method == AggregationMethod::kAverageZero ? 0 : HUGE_VAL;
    double highest = method == AggregationMethod::kAverageZero ? 0 : -HUGE_VAL;
    double positive = 0;
    double negative = 0;
    size_t count = 0;
    for (const Known& point : old) {
      if (point.time < slot.time || point.time >= slot.time + slot.step) continue;
      ++count;
      lowest = std::min(lowest, point.value);
      highest = std::max(highest, point.value);
      (point.value < 0 ? negative : positive) += point.value;
    }
    if (method == AggregationMethod::kSum) {
      lowest = std::min(lowest, negative);
      highest = std::max(highest, positive);
    }
    INFO("step " << slot.step << " time -" << kNow - slot.time << " value " << slot.value);
    CHECK(count > 0);
    CHECK(slot.value >= lowest - 1e-9);
    CHECK(slot.value <= highest + 1e-9);
  }
}

TEST_CASE("Random conversions keep what fits and invent nothing", "[whisper]") {
  const uint32_t first_seed = 20240501;
  for (uint32_t seed = first_seed; seed < first_seed + 300; ++seed) {
    INFO("seed " << seed);
    Dice dice(seed);
    const Header layout = dice.Layout();
    std::vector<ArchiveSpec> specs;
    for (const Archive& a : layout.archives) specs.push_back({a.seconds_per_point, a.point_count});
    testing::TestFile old(specs, layout.x_files_factor, layout.method);
    FillAtRandom(old, dice);
    const Header wanted = dice.Layout();
    const ConversionCounts preview = PreviewConversion(old.open(), wanted, kNow).value();
    Converted converted(old, wanted, kNow);
    CHECK(preview.points_kept == converted.counts().points_kept);
    CHECK(preview.points_dropped == converted.counts().points_dropped);
    const auto old_known = ReadKnown(old, old.header(), kNow);
    const auto fresh = ReadKnown(converted, wanted, kNow);
    CheckKept(old_known, converted, wanted, fresh);
    CheckNotInvented(old_known, fresh, wanted.method);
  }
}

}  // namespace
}  // namespace plumbago::whisper
