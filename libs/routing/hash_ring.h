// Which of several carbon hosts take a metric: carbon's and carbon-c-relay's consistent hashing, so
// that a relay of ours can stand beside or instead of theirs and every series stays where it is.
//
// The two differ. carbon moves a position that is taken to the next free one, so its ring depends
// on the order of the hosts; carbon-c-relay leaves both there and lets the first by name win. They
// also build other key texts for fnv1a_ch. "fast" is carbon's fast-hashing: no ring, the hosts in
// the order of their hash, beginning at hash(metric) modulo their number.
//
// Immutable and thread-safe once made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "routing/ring_hash.h"

namespace plumbago::routing {

enum class RingHash { kCarbon, kFnv1a, kMurmur3, kJumpFnv1a };
enum class RingFlavour { kCarbon, kCarbonFast, kCarbonCRelay };

struct RingNode {
  std::string server = {};  // as configured: the text is hashed, "localhost" is not 127.0.0.1
  uint16_t port = 2003;
  std::optional<std::string> instance = {};
};

class HashRing {
 public:
  static constexpr uint32_t kReplicasPerNode = 100;  // wired into both programs
  static constexpr size_t kNodesMax = 1024;

  struct Options {
    RingHash hash = RingHash::kCarbon;
    RingFlavour flavour = RingFlavour::kCarbon;
    uint32_t replication_factor = 1;
    // carbon's DIVERSE_REPLICAS: at most one instance of a server. carbon-c-relay has no such
    // thing.
    enum class Replicas { kAnyNode, kDiverseServers };
    Replicas replicas = Replicas::kAnyNode;
  };

  // InvalidArgument: no nodes or too many, a hash that the flavour does not have, a replication
  // factor of 0 or (carbon-c-relay) above the number of nodes with places, the same node twice, a
  // name that could not be written in a configuration.
  static absl::StatusOr<HashRing> Make(const Options& options, std::vector<RingNode> nodes);

  // Appends the indexes of the nodes for `key`, the preferred one first, all different.
  void Choose(absl::string_view key, std::vector<uint32_t>* chosen) const;

  const std::vector<RingNode>& nodes() const { return nodes_; }
  const Options& options() const { return options_; }

 private:
  struct Entry {
    int64_t position;
    uint32_t node;
  };

  HashRing(const Options& options, std::vector<RingNode> nodes);
  absl::Status Check() const;
  absl::Status CheckPlaces() const;
  void Build();
  void BuildFast();
  void AddCarbonNode(uint32_t node);
  void BuildCarbonCRelay();
  void BuildJump();
  int64_t Position(absl::string_view key) const;
  std::string ReplicaKey(const RingNode& node, uint32_t replica) const;
  bool ComesFirst(const Entry& left, const Entry& right) const;
  size_t FirstEntry(absl::string_view key) const;
  void ChooseJump(absl::string_view key, std::vector<uint32_t>* chosen) const;
  void ChooseFast(absl::string_view key, std::vector<uint32_t>* chosen) const;
  void ChooseOnRing(absl::string_view key, std::vector<uint32_t>* chosen) const;

  Options options_;
  CharKind char_kind_;
  std::vector<RingNode> nodes_;
  std::vector<uint32_t> server_of_node_;  // equal where the servers are
  std::vector<Entry> ring_;               // by position; for jump and fast one entry per node
};

// "carbon_ch", "fnv1a_ch", "mmh3_ch", "jump_fnv1a_ch".
absl::StatusOr<RingHash> ParseRingHash(absl::string_view name);

}  // namespace plumbago::routing
