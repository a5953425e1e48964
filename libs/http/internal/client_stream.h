// The bytes of one client, in TLS or not, as Asio's and Beast's operations read and write them.
// Internal.
//
// A timeout holds for the operations that are pending or begin later, until the next one is set.
// For one thread.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>
#include <string>
#include <utility>

#include "http/client_certificate.h"

namespace plumbago::http {

class ClientStream {
 public:
  using executor_type = boost::beast::tcp_stream::executor_type;

  explicit ClientStream(boost::asio::ip::tcp::socket socket) : tcp_(std::move(socket)) {}

  executor_type get_executor() { return tcp_.get_executor(); }
  boost::beast::tcp_stream& tcp() { return tcp_; }
  boost::asio::ip::tcp::socket& socket() { return tcp_.socket(); }

  // From here on the stream is a TLS server's. `received`, which has to live until then, is what
  // the client has sent of it already. done(error, used), where `used` of these bytes were taken.
  template <typename Done>
  void StartTls(SSL_CTX& context, boost::asio::const_buffer received, Done done) {
    SSL_CTX_up_ref(&context);
    boost::asio::ssl::context shared(&context);  // takes one reference; the session has its own
    tls_ = std::make_unique<Tls>(tcp_, shared);
    tls_->async_handshake(Tls::server, received, std::move(done));
  }
  bool is_tls() const { return tls_ != nullptr; }
  std::string ClientName() const {
    return tls_ == nullptr ? std::string() : ClientNameOf(*tls_->native_handle());
  }
  // Tells the client that nothing more comes. Only in TLS.
  template <typename Done>
  void ShutDownTls(Done done) {
    tls_->async_shutdown(std::move(done));
  }

  template <typename Buffers, typename Done>
  void async_read_some(const Buffers& buffers, Done&& done) {
    if (tls_ != nullptr) return tls_->async_read_some(buffers, std::forward<Done>(done));
    tcp_.async_read_some(buffers, std::forward<Done>(done));
  }
  template <typename Buffers, typename Done>
  void async_write_some(const Buffers& buffers, Done&& done) {
    if (tls_ != nullptr) return tls_->async_write_some(buffers, std::forward<Done>(done));
    tcp_.async_write_some(buffers, std::forward<Done>(done));
  }

 private:
  using Tls = boost::asio::ssl::stream<boost::beast::tcp_stream&>;

  boost::beast::tcp_stream tcp_;
  std::unique_ptr<Tls> tls_;  // null: plain
};

}  // namespace plumbago::http
