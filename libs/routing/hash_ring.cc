#include "routing/hash_ring.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::routing {
namespace {

// What Python's repr() would escape cannot be in a key text here.
bool IsPlainName(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '\'' && c != '"' && c != '\\';
  });
}

// str((server, instance)) in Python.
std::string PythonTuple(const RingNode& node) {
  const std::string instance =
      node.instance.has_value() ? absl::StrCat("'", *node.instance, "'") : "None";
  return absl::StrCat("('", node.server, "', ", instance, ")");
}

std::string Describe(const RingNode& node) {
  return absl::StrCat(node.server, ":", node.port, node.instance.has_value() ? ":" : "",
                      node.instance.value_or(""));
}

// A whole decimal number, as strtol(3) takes all of it.
std::optional<long> WholeNumber(const std::string& text) {
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (*end != '\0') return std::nullopt;
  return value;
}

// entrycmp_jump_fnv1a of carbon-c-relay: instances first, as numbers where both are.
bool InstanceComesFirst(const RingNode& left, const RingNode& right) {
  if (!left.instance.has_value() || !right.instance.has_value()) {
    return left.instance.has_value() && !right.instance.has_value();
  }
  const auto left_number = WholeNumber(*left.instance);
  const auto right_number = WholeNumber(*right.instance);
  if (left_number.has_value() && right_number.has_value()) return *left_number < *right_number;
  return *left.instance < *right.instance;
}

bool Contains(const std::vector<uint32_t>& list, uint32_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

absl::StatusOr<HashRing> HashRing::Make(const Options& options, std::vector<RingNode> nodes) {
  HashRing ring(options, std::move(nodes));
  PLUMBAGO_RETURN_IF_ERROR(ring.Check());
  ring.Build();
  PLUMBAGO_RETURN_IF_ERROR(ring.CheckPlaces());
  return ring;
}

HashRing::HashRing(const Options& options, std::vector<RingNode> nodes)
    : options_(options),
      char_kind_(options.flavour == RingFlavour::kCarbonCRelay ? CharKind::kSigned
                                                               : CharKind::kUnsigned),
      nodes_(std::move(nodes)) {}

void HashRing::Choose(absl::string_view key, std::vector<uint32_t>* chosen) const {
  if (options_.hash == RingHash::kJumpFnv1a) return ChooseJump(key, chosen);
  if (options_.flavour == RingFlavour::kCarbonFast) return ChooseFast(key, chosen);
  ChooseOnRing(key, chosen);
}

absl::Status HashRing::Check() const {
  const bool is_c_relay = options_.flavour == RingFlavour::kCarbonCRelay;
  if (nodes_.empty() || nodes_.size() > kNodesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a hash ring has 1 to ", kNodesMax, " destinations, not ", nodes_.size()));
  }
  if (options_.hash == (is_c_relay ? RingHash::kMurmur3 : RingHash::kJumpFnv1a)) {
    return absl::InvalidArgumentError(is_c_relay ? "carbon-c-relay has no mmh3_ch"
                                                 : "jump_fnv1a_ch is carbon-c-relay's only");
  }
  if (options_.replication_factor == 0 ||
      (is_c_relay && options_.replication_factor > nodes_.size())) {
    return absl::InvalidArgumentError(absl::StrCat("replication ", options_.replication_factor,
                                                   " with ", nodes_.size(), " destinations"));
  }
  std::set<std::string> known;
  for (const RingNode& node : nodes_) {
    if (!IsPlainName(node.server) || (node.instance.has_value() && !IsPlainName(*node.instance))) {
      return absl::InvalidArgumentError(absl::StrCat(
          "destination \"", base::Excerpt(Describe(node)),
          "\" has a host or instance with a quote, a backslash, a blank or non-ASCII byte"));
    }
    if (!known.insert(is_c_relay ? Describe(node) : PythonTuple(node)).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "destination ", base::Excerpt(Describe(node)), " is there twice",
          is_c_relay ? "" : "; the port does not count: give each an instance of its own"));
    }
  }
  return absl::OkStatus();
}

// Nodes with one instance name have the same places in fnv1a_ch of carbon-c-relay, and one gets
// them all. It looks for a further node forever where too few have any.
absl::Status HashRing::CheckPlaces() const {
  std::set<uint32_t> placed;
  for (const Entry& entry : ring_) placed.insert(entry.node);
  if (options_.flavour != RingFlavour::kCarbonCRelay ||
      placed.size() >= options_.replication_factor) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("replication ", options_.replication_factor, ", but only ", placed.size(),
                   " destinations have places on the ring; give each an instance of its own"));
}

void HashRing::Build() {
  for (size_t node = 0; node < nodes_.size(); ++node) {
    const auto same = std::find_if(nodes_.begin(), nodes_.end(), [&](const RingNode& other) {
      return other.server == nodes_[node].server;
    });
    server_of_node_.push_back(static_cast<uint32_t>(same - nodes_.begin()));
  }
  if (options_.hash == RingHash::kJumpFnv1a) return BuildJump();
  if (options_.flavour == RingFlavour::kCarbonFast) return BuildFast();
  if (options_.flavour == RingFlavour::kCarbonCRelay) return BuildCarbonCRelay();
  for (uint32_t node = 0; node < nodes_.size(); ++node) AddCarbonNode(node);
}

// FastHashRing of carbon/routers.py.
void HashRing::BuildFast() {
  for (uint32_t node = 0; node < nodes_.size(); ++node) {
    ring_.push_back({.position = Position(PythonTuple(nodes_[node])), .node = node});
  }
  std::stable_sort(ring_.begin(), ring_.end(), [](const Entry& left, const Entry& right) {
    return left.position < right.position;
  });
}

// ConsistentHashRing.add_node of carbon/hashing.py.
void HashRing::AddCarbonNode(uint32_t node) {
  const auto by_position = [](const Entry& entry, int64_t position) {
    return entry.position < position;
  };
  for (uint32_t replica = 0; replica < kReplicasPerNode; ++replica) {
    int64_t position = Position(ReplicaKey(nodes_[node], replica));
    auto place = std::lower_bound(ring_.begin(), ring_.end(), position, by_position);
    for (; place != ring_.end() && place->position == position; ++place) ++position;
    ring_.insert(place, {.position = position, .node = node});
  }
}

// ch_addnode of carbon-c-relay's consistent-hash.c.
void HashRing::BuildCarbonCRelay() {
  for (uint32_t node = 0; node < nodes_.size(); ++node) {
    for (uint32_t replica = 0; replica < kReplicasPerNode; ++replica) {
      ring_.push_back({.position = Position(ReplicaKey(nodes_[node], replica)), .node = node});
    }
  }
  std::stable_sort(ring_.begin(), ring_.end(), [this](const Entry& left, const Entry& right) {
    return ComesFirst(left, right);
  });
  for (size_t i = 1; i < ring_.size(); ++i) {
    if (ring_[i].position == ring_[i - 1].position) ring_[i].node = ring_[i - 1].node;
  }
}

void HashRing::BuildJump() {
  for (uint32_t node = 0; node < nodes_.size(); ++node) {
    ring_.push_back({.position = node, .node = node});
  }
  std::stable_sort(ring_.begin(), ring_.end(), [this](const Entry& left, const Entry& right) {
    return InstanceComesFirst(nodes_[left.node], nodes_[right.node]);
  });
}

int64_t HashRing::Position(absl::string_view key) const {
  switch (options_.hash) {
    case RingHash::kFnv1a:
      return FnvPosition(key, char_kind_);
    case RingHash::kMurmur3:
      return Murmur3(key);
    case RingHash::kCarbon:
    case RingHash::kJumpFnv1a:
      break;
  }
  return CarbonPosition(key);
}

std::string HashRing::ReplicaKey(const RingNode& node, uint32_t replica) const {
  if (options_.hash != RingHash::kFnv1a) return absl::StrCat(PythonTuple(node), ":", replica);
  if (node.instance.has_value()) return absl::StrCat(replica, "-", *node.instance);
  if (options_.flavour == RingFlavour::kCarbon) return absl::StrCat(replica, "-None");
  return absl::StrCat(replica, "-", node.server, ":", node.port);
}

// entrycmp_carbon and entrycmp_fnv1a of carbon-c-relay.
bool HashRing::ComesFirst(const Entry& left, const Entry& right) const {
  if (left.position != right.position) return left.position < right.position;
  const RingNode& a = nodes_[left.node];
  const RingNode& b = nodes_[right.node];
  if (a.server != b.server) return a.server < b.server;
  if (options_.hash == RingHash::kFnv1a) return a.port < b.port;
  if (!a.instance.has_value() || !b.instance.has_value()) {
    return a.instance.has_value() && !b.instance.has_value();
  }
  return *a.instance < *b.instance;
}

size_t HashRing::FirstEntry(absl::string_view key) const {
  const auto found = std::lower_bound(
      ring_.begin(), ring_.end(), Position(key),
      [](const Entry& entry, int64_t position) { return entry.position < position; });
  return found == ring_.end() ? 0 : static_cast<size_t>(found - ring_.begin());
}

void HashRing::ChooseJump(absl::string_view key, std::vector<uint32_t>* chosen) const {
  uint64_t hash = Fnv1a64(key, char_kind_);
  std::vector<uint32_t> left;
  for (const Entry& entry : ring_) left.push_back(entry.node);
  for (uint32_t i = 0; i < options_.replication_factor; ++i) {
    const uint32_t bucket = JumpBucket(hash, static_cast<uint32_t>(left.size()));
    chosen->push_back(left[bucket]);
    left[bucket] = left.back();
    left.pop_back();
    hash = NextJumpKey(hash);
  }
}

void HashRing::ChooseFast(absl::string_view key, std::vector<uint32_t>* chosen) const {
  const auto count = static_cast<int64_t>(ring_.size());
  const int64_t seed = ((Position(key) % count) + count) % count;  // Python's modulo
  std::vector<uint32_t> servers;
  const size_t before = chosen->size();
  for (int64_t i = 0; i < count && chosen->size() - before < options_.replication_factor; ++i) {
    const uint32_t node = ring_[static_cast<size_t>((seed + i) % count)].node;
    const uint32_t server = server_of_node_[node];
    if (options_.replicas == Options::Replicas::kDiverseServers && Contains(servers, server)) {
      continue;
    }
    servers.push_back(server);
    chosen->push_back(node);
  }
}

// ConsistentHashRing.get_nodes, which never looks at the entry before the first, and
// ConsistentHashingRouter.getDestinations; for carbon-c-relay ch_get_nodes.
void HashRing::ChooseOnRing(absl::string_view key, std::vector<uint32_t>* chosen) const {
  const size_t before = chosen->size();
  const size_t first = FirstEntry(key);
  const bool is_carbon = options_.flavour == RingFlavour::kCarbon;
  const size_t steps = is_carbon && nodes_.size() > 1 ? ring_.size() - 1 : ring_.size();
  std::vector<uint32_t> seen;
  for (size_t i = 0; i < steps && chosen->size() - before < options_.replication_factor; ++i) {
    const uint32_t node = ring_[(first + i) % ring_.size()].node;
    const bool is_diverse = options_.replicas == Options::Replicas::kDiverseServers;
    const uint32_t identity = is_diverse ? server_of_node_[node] : node;
    if (Contains(seen, identity)) continue;
    seen.push_back(identity);
    chosen->push_back(node);
  }
}

absl::StatusOr<RingHash> ParseRingHash(absl::string_view name) {
  if (name == "carbon_ch") return RingHash::kCarbon;
  if (name == "fnv1a_ch") return RingHash::kFnv1a;
  if (name == "mmh3_ch") return RingHash::kMurmur3;
  if (name == "jump_fnv1a_ch") return RingHash::kJumpFnv1a;
  return absl::InvalidArgumentError(
      absl::StrCat("hash \"", base::Excerpt(name),
                   "\" is unknown; known are carbon_ch, fnv1a_ch, mmh3_ch and jump_fnv1a_ch"));
}

}  // namespace plumbago::routing
