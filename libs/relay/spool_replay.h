// Takes the spool of one destination back to it, the newest segment first, at a bounded rate.
//
// Where a point belongs is asked anew for each series of a segment: points that belong elsewhere by
// now go to the spools of their present owners, and past a spool that has no room to its owner
// itself: two full spools could wait for each other's room for ever. A segment is removed when all
// that was sent of it is acknowledged, and the other spools have the rest on their disks; after an
// interruption it is read again from its begin, which changes nothing but work.
//
// For one thread. Blocks on the disk, never on the network. Holds the names of one segment and
// `window_bytes` of batches.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "journal/point_records.h"
#include "relay/batch.h"
#include "relay/spool_files.h"

namespace plumbago::relay {

// Who a series belongs to, as seen from the spool that it is in.
struct SpoolOwners {
  bool is_own = false;              // the destination of this spool is (still) one of them
  std::vector<SpoolFiles*> others;  // where it is not: their spools
};

// Decides for the replay where points belong.
class SpoolRouting {
 public:
  virtual ~SpoolRouting() = default;

  // False where nobody can be told to take the series for now.
  virtual bool OwnersOf(absl::string_view tenant, absl::string_view metric,
                        SpoolOwners* owners) = 0;
  // A way to the destination of the spool `files`, for points that have no room there. Null where
  // there is none for now.
  virtual std::unique_ptr<BatchStream> StreamPast(const SpoolFiles& files) = 0;
  // The same text, with the life of the routing: names of batches refer to it.
  virtual absl::string_view StableTenant(absl::string_view tenant) = 0;
  // Of the slot map that decides; for the batches.
  virtual uint64_t epoch() const = 0;
};

struct ReplayOptions {
  double points_per_second = 200'000;
  size_t window_bytes = size_t{1} << 20;  // unacknowledged, at most
};

class SpoolReplay {
 public:
  // What a replay has done since it was made.
  struct Totals {
    // Acknowledged; some twice, after an interruption or where the cache had no memory for them.
    uint64_t replayed_points = 0;
    uint64_t returned_points = 0;  // of these, in the spool again: the cache had no memory for them
    uint64_t rerouted_points = 0;  // given to the spools of other destinations
    uint64_t damaged_points = 0;   // their names were in a damaged part of the segment
  };
  enum class Mode {
    kPaused,
    kProbe,  // one batch at a time, to see whether the destination is back
    kRun,
  };

  // `files`, `routing` and `clock` must outlive the replay. `name` is the destination's, for logs.
  SpoolReplay(std::string name, SpoolFiles& files, SpoolRouting& routing, base::Clock& clock,
              const ReplayOptions& options);
  ~SpoolReplay();

  // The way to the destination; null where there is none any more. Drops what is on the way of the
  // one before, to be read again.
  void SetStream(std::unique_ptr<BatchStream> stream);

  // Sends what rate and window allow and removes a segment that is done. Call it again and again.
  // True where it went on. An error is that of a sync.
  absl::StatusOr<bool> Step(Mode mode);

  // Reads the present segment again from its begin: the routing has changed.
  void Restart();

  const Totals& totals() const { return totals_; }
  uint64_t acknowledged_count() const;  // batches, by the destination itself
  // Points that are on their way, and in the spool until they are acknowledged.
  size_t in_flight_point_count() const { return in_flight_point_count_; }
  // Points that the cache has refused and that wait here: not in the spool, as far as is counted.
  size_t refused_point_count() const { return refused_point_count_; }
  bool is_stream_failing() const { return own_.stream != nullptr && own_.stream->is_failing(); }

 private:
  static constexpr uint32_t kNotOwn = UINT32_MAX;
  // A destination of points: that of this spool, or of another one.
  struct Target {
    SpoolFiles* files = nullptr;                 // its spool
    std::shared_ptr<NameTable> names = nullptr;  // for the present segment
    std::unique_ptr<Batch> batch = nullptr;      // collected; null while empty
    // Null: there is none; to others also until it is needed.
    std::unique_ptr<BatchStream> stream = nullptr;
    // Of the batches on their way; 0 for those that are sent again after a refusal.
    std::deque<size_t> sent_point_counts = {};
    uint64_t seen_acknowledged = 0;
  };
  // A series of the present segment.
  struct Series {
    uint32_t own_id = kNotOwn;
    bool is_known = false;
    std::vector<std::pair<Target*, uint32_t>> others;  // and the id in the names for it
  };
  struct Refused {
    std::unique_ptr<Batch> batch;
    Target* target = nullptr;
  };

  absl::StatusOr<bool> Begin();
  void OnOpenFailed(const absl::Status& status);
  void ForgetSegment();
  bool MaySend(Mode mode);
  void CollectAcknowledged();
  void TakeRefused();
  // Brings what a cache has no memory for to its spool, or to the cache again where the spool is
  // full. False where neither is possible yet.
  bool ReturnRefused(Mode mode);
  absl::StatusOr<bool> SendNext();
  // False where a series has no owner for now.
  bool Define(absl::string_view payload);
  void Split(absl::string_view payload);
  std::unique_ptr<Batch> NewBatch(const Target& target, int64_t unix_ms);
  Target& OtherOf(SpoolFiles* files);
  std::vector<Target*> Targets();
  size_t unacknowledged_bytes();
  // Brings what was collected for others to their spools, or past them. False where neither is
  // possible for now.
  bool GiveToOthers();
  bool SendPastSpool(Target& target);
  void Send(Target& target, std::unique_ptr<Batch> batch, size_t counted_point_count);
  absl::StatusOr<bool> Finish();
  void SetAside(const std::string& damage);

  const std::string name_;
  SpoolFiles& files_;
  SpoolRouting& routing_;
  base::Clock& clock_;
  const ReplayOptions options_;
  Target own_;
  std::deque<Target> others_;
  Totals totals_;

  double allowance_points_ = 1;
  absl::Duration allowed_at_;                            // monotonic
  absl::Duration retry_at_ = -absl::InfiniteDuration();  // monotonic: a cache was short of memory
  std::deque<Refused> refused_;                          // of the present segment, to be kept safe
  size_t refused_point_count_ = 0;                       // the sum of these
  bool has_returned_ = false;  // something is back in the spool and not synced yet
  bool waits_for_owners_ = false;
  bool is_open_failing_ = false;  // said in the log

  // Of the present segment.
  uint64_t segment_ = 0;
  std::unique_ptr<journal::SegmentReader> reader_;        // null: there is none
  bool is_read_ = false;                                  // to its end
  std::string damage_;                                    // met while reading; empty: none
  std::vector<Series> series_;                            // by number
  size_t in_flight_point_count_ = 0;                      // the sum of all sent_point_counts
  journal::PointColumns columns_;                         // scratch
  std::vector<journal::NumberedSeries> numbered_series_;  // scratch
};

}  // namespace plumbago::relay
