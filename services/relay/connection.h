// One client of a stream listener: socket, PROXY header, TLS, and the decoder of its protocol.
//
// Kept alive by the reactor's set and by the operation that waits for its data; used on the
// reactor's thread only. Memory: the decoder's, and a PROXY header while it is read.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "reactor_host.h"
#include "relay/stream_decoder.h"

namespace plumbago::relay {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `spec` outlives the connection. `place` is its place in the total.
  Connection(ReactorHost& host, StreamSocket socket, const ListenerSpec& spec,
             const std::optional<boost::asio::ip::address>& address, ConnectionLimits::Place place);

  // False where its source has too many connections already.
  bool TakeSourcePlace();

  void WaitForData();
  // Goes on after a pause.
  void Resume();
  // For the drain: one read. False where there was nothing.
  bool ReadSome();
  void Close();
  // Closes who has said nothing for `idle_timeout`, or is still shaking hands after
  // kOpeningTimeout.
  void CloseIfIdle(absl::Duration idle_timeout);

 private:
  enum class ReadResult { kData, kEmpty, kClosed };

  void ReadTurn();
  ReadResult ReadOnce();
  ReadResult ReadProxyHeader();
  // Tenant and decoder, when the first bytes of the protocol itself have come.
  bool Begin();
  bool Feed(absl::string_view bytes);
  // Says why in a counter. Always kClosed.
  ReadResult Refuse(const std::string& reason);
  // The tenant that the client certificate, the listener or the network names.
  Source ResolveSource();
  bool NameIsTenant(const std::string& name);
  void Reply(absl::string_view text);

  ReactorHost& host_;
  StreamSocket socket_;
  const ListenerSpec& spec_;
  std::optional<boost::asio::ip::address> address_;
  const ConnectionLimits::Place total_place_;
  std::optional<ConnectionLimits::Place> source_place_;
  std::optional<ConnectionLimits::Place> tenant_place_;

  bool is_proxy_header_due_;
  std::string proxy_header_;  // what has come of it
  std::unique_ptr<TlsSession> tls_;
  std::unique_ptr<StreamDecoder> decoder_;  // null before Begin
  Source source_;
  uint64_t unknown_keys_ = 0;
  absl::Duration last_data_;
  bool is_waiting_ = false;
};

}  // namespace plumbago::relay
