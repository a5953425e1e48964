// Where points go besides our own shards: foreign hosts and files, in groups that decide together
// which of them takes a metric.
//
// Plain values; nothing here connects. Whoever sends keeps one connection per Endpoint, equal ones
// shared, and follows HostGroup::on_failure while one of them is down.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "routing/hash_ring.h"

namespace plumbago::routing {

enum class Protocol {
  kPlaintext,  // "metric value timestamp\n"
  kPickle,     // carbon's: a length and a list of (metric, (timestamp, value))
  kOpenTsdb,   // telnet "put", of OpenTSDB and KairosDB
  kFile,       // plaintext lines, appended
  kFileIp,     // the same with the sender's address in front
};

enum class Network { kTcp, kUdp };
enum class Compression { kNone, kGzip, kSnappy };
enum class Encryption { kNone, kTls };

struct Endpoint {
  Protocol protocol = Protocol::kPlaintext;
  std::string host = {};  // of kFile and kFileIp: the path
  uint16_t port = 2003;
  std::optional<std::string> instance = {};
  Network network = Network::kTcp;
  Compression compression = Compression::kNone;
  Encryption encryption = Encryption::kNone;

  bool operator==(const Endpoint& other) const = default;
};

// "10.0.0.1:2004:a", "[::1]:2003", "opentsdb://tsdb:4242", "file:/var/log/points". Equal for equal
// endpoints, different for others that can be told apart by host, port, instance and protocol.
std::string Describe(const Endpoint& endpoint);

enum class GroupKind {
  kShards,    // our own cluster: by slot, not by anything here
  kForward,   // all of the endpoints
  kAnyOf,     // one of them, by hash
  kFailover,  // the first that is up
  kHashRing,
};

// What becomes of points while the chosen endpoint is down.
enum class OnFailure {
  kQueue,     // they wait for it
  kAnyOther,  // another endpoint of the group takes them: any_of, and rings with `dynamic`
  kNextUp,    // the first endpoint of the group that is up takes them: failover
};

struct HostGroup {
  std::string name = {};  // of the cluster, or where the rule stands
  GroupKind kind = GroupKind::kForward;
  OnFailure on_failure = OnFailure::kQueue;
  std::vector<uint32_t> endpoints =
      {};                             // indexes into the table's endpoints, in the configured order
  std::optional<HashRing> ring = {};  // of kHashRing; its nodes are `endpoints`
};

// Carbon's "host:port[:instance]", "[v6]:port[:instance]", with an optional "plaintext://",
// "pickle://", "opentsdb://" or "kairosdb://" in front, or "file:PATH". `protocol` is of those
// without. InvalidArgument.
absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text, Protocol protocol);

// "line" or "plaintext", "pickle"; carbon's DESTINATION_PROTOCOL.
absl::StatusOr<Protocol> ParseProtocol(absl::string_view text);

}  // namespace plumbago::routing
