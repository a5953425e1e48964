// TLS for listeners, over OpenSSL: a context of the process and a session for each connection.
//
// Sessions read from a non-blocking socket as recv does, the handshake included. TLS 1.2 and later.
// With a CA for clients, a certificate that it signed names the tenant by its common name; senders
// without one are taken as they would be without TLS.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::relay {

struct TlsOptions {
  std::string certificate_path;  // PEM, with its chain
  std::string key_path;          // PEM
  std::string client_ca_path;    // PEM; empty: client certificates are not asked for
};

// Thread-safe.
class TlsContext {
 public:
  // InvalidArgument names the file and what is wrong with it.
  static absl::StatusOr<std::shared_ptr<TlsContext>> Create(const TlsOptions& options);

  SSL_CTX* get() const { return context_.get(); }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, &SSL_CTX_free};
};

// For one thread.
class TlsSession {
 public:
  // `descriptor` stays the caller's and has to outlive the session.
  TlsSession(TlsContext& context, int descriptor);

  // As recv with MSG_DONTWAIT: the number of bytes, 0 at the end, or -1 with errno (EAGAIN where
  // there is nothing yet; EPROTO where the peer does not keep to the protocol).
  ssize_t Read(char* buffer, size_t size);
  // Writes what fits at once.
  void TryWrite(absl::string_view bytes);

  bool is_established() const { return SSL_is_init_finished(session_.get()) == 1; }
  // Bytes that were received already and that no further event of the socket announces.
  bool has_pending() const { return SSL_has_pending(session_.get()) == 1; }
  // The common name of the verified client certificate, or empty.
  std::string ClientName() const;

 private:
  std::unique_ptr<SSL, decltype(&SSL_free)> session_;
};

}  // namespace plumbago::relay
