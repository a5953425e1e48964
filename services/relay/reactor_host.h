// What connections and listeners need of the reactor that they live on. Used on its thread only.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "connection_limits.h"
#include "listener_spec.h"
#include "protocols/statsd_aggregator.h"
#include "relay/point_router.h"
#include "relay/relay_metrics.h"
#include "tenant_networks.h"
#include "tls.h"
#include "topology/snapshot.h"

namespace plumbago::relay {

class Connection;
using StreamSocket = boost::asio::generic::stream_protocol::socket;

inline constexpr size_t kReadBufferBytes = 256 << 10;

// Shared by the reactors of a process; outlives them.
struct SharedParts {
  base::Clock& clock;
  RelayMetrics& metrics;
  ConnectionLimits& limits;
  const TenantNetworks& networks;
  ListenerTls* tls = nullptr;  // null: no listener wants it
};

// For Source.
inline Sender SenderOf(const std::optional<boost::asio::ip::address>& address) {
  if (!address.has_value()) return {};
  using boost::asio::ip::make_address_v6;
  const auto v6 = address->is_v6() ? address->to_v6()
                                   : make_address_v6(boost::asio::ip::v4_mapped, address->to_v4());
  return {.address = v6.to_bytes(), .is_known = true};
}

class ReactorHost {
 public:
  virtual ~ReactorHost() = default;

  virtual boost::asio::io_context& context() = 0;
  virtual const SharedParts& shared() const = 0;
  virtual PointRouter& router() = 0;
  // kReadBufferBytes for whoever reads next.
  virtual char* read_buffer() = 0;
  virtual protocols::StatsdAggregator* statsd() = 0;
  // Monotonic, as of the last tick; BeginReading() sees to it that this is not long ago.
  virtual absl::Duration now() const = 0;

  // Before a socket that has become readable is read: a reactor that had nothing to do wakes up.
  virtual void BeginReading() = 0;
  // True while nothing may be read; everybody is resumed later.
  virtual bool PauseIfBacklogged() = 0;
  // The same for datagrams, whose senders cannot wait: while only some shards are full, the router
  // is told to refuse the points for those. The caller tells it to hold them again.
  virtual bool MayReadDatagrams() = 0;
  virtual bool is_draining() const = 0;

  // Takes a new client, or closes it over a limit. `address` is empty for Unix sockets.
  virtual void Adopt(StreamSocket socket, const ListenerSpec& spec,
                     const std::optional<boost::asio::ip::address>& address) = 0;
  virtual void Forget(const std::shared_ptr<Connection>& connection) = 0;
};

}  // namespace plumbago::relay
