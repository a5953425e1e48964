#include "stream_listener.h"

#include <unistd.h>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "listener_socket.h"

namespace plumbago::relay {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Local = asio::local::stream_protocol;

constexpr absl::Duration kAcceptPause = absl::Milliseconds(200);

boost::system::error_code Bind(tcp::acceptor& acceptor, const ListenerSpec& spec) {
  return BindShared(acceptor, {asio::ip::make_address(spec.address.host), spec.address.port});
}

// A socket that nobody listens on any more is in the way of a new one.
boost::system::error_code Bind(Local::acceptor& acceptor, const ListenerSpec& spec) {
  const Local::endpoint endpoint(spec.path);
  boost::system::error_code error;
  Local::socket probe(acceptor.get_executor());
  probe.connect(endpoint, error);
  if (!error) return asio::error::address_in_use;
  if (error == asio::error::connection_refused) unlink(spec.path.c_str());
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.non_blocking(true, error);
  return error;
}

std::optional<asio::ip::address> AddressOf(const tcp::socket& socket) {
  boost::system::error_code error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return std::nullopt;  // gone already
  return peer.address();
}
std::optional<asio::ip::address> AddressOf(const Local::socket&) { return std::nullopt; }

void Prepare(tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
}
void Prepare(Local::socket&) {}

template <typename Stream>
class Listener final : public StreamListener {
 public:
  Listener(ReactorHost& host, const ListenerSpec& spec)
      : host_(host), spec_(spec), acceptor_(host.context()), timer_(host.context()) {}
  ~Listener() override {
    if (spec_.transport == Transport::kUnix) unlink(spec_.path.c_str());
  }

  absl::Status Open() {
    boost::system::error_code error = Bind(acceptor_, spec_);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    return error ? CannotListen(spec_, error.message()) : absl::OkStatus();
  }

  void Accept() override {
    acceptor_.async_accept([this](boost::system::error_code error, typename Stream::socket socket) {
      if (!acceptor_.is_open()) return;
      if (error) return AcceptLater(error);
      HandOn(std::move(socket));
      Accept();
    });
  }

  void Stop() override {
    while (acceptor_.is_open()) {
      boost::system::error_code error;
      typename Stream::socket socket(host_.context());
      acceptor_.accept(socket, error);
      if (error) break;  // none is waiting
      HandOn(std::move(socket));
    }
    boost::system::error_code ignored;
    acceptor_.close(ignored);
  }

  uint16_t port() const override {
    if constexpr (std::is_same_v<Stream, tcp>) return acceptor_.local_endpoint().port();
    return 0;
  }

 private:
  void HandOn(typename Stream::socket socket) {
    Prepare(socket);
    const std::optional<asio::ip::address> address = AddressOf(socket);
    host_.Adopt(StreamSocket(std::move(socket)), spec_, address);
  }

  // Most likely the process is out of file descriptors: trying again at once would only spin.
  void AcceptLater(const boost::system::error_code& error) {
    base::LogError(absl::StrCat("cannot accept a connection: ", error.message()));
    timer_.expires_after(absl::ToChronoNanoseconds(kAcceptPause));
    timer_.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled && acceptor_.is_open()) Accept();
    });
  }

  ReactorHost& host_;
  const ListenerSpec& spec_;
  typename Stream::acceptor acceptor_;
  asio::steady_timer timer_;
};

template <typename Stream>
absl::StatusOr<std::unique_ptr<StreamListener>> Open(ReactorHost& host, const ListenerSpec& spec) {
  auto listener = std::make_unique<Listener<Stream>>(host, spec);
  PLUMBAGO_RETURN_IF_ERROR(listener->Open());
  return std::unique_ptr<StreamListener>(std::move(listener));
}

}  // namespace

absl::StatusOr<std::unique_ptr<StreamListener>> StreamListener::Listen(ReactorHost& host,
                                                                       const ListenerSpec& spec) {
  return spec.transport == Transport::kUnix ? Open<Local>(host, spec) : Open<tcp>(host, spec);
}

}  // namespace plumbago::relay
