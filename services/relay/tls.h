// TLS for listeners and for foreign destinations, over OpenSSL: a context of the process for each
// and a session for each connection.
//
// Sessions read from a non-blocking socket as recv does, the handshake included. TLS 1.2 and later.
// The listeners' certificate can be read anew; connections keep the one that they began with.
// A server's certificate has to be of the host that was asked for and signed by a CA that we trust.
// With a CA for clients, a certificate that it signed names the tenant by its common name; senders
// without one are taken as they would be without TLS.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/metrics.h"
#include "base/mutex.h"

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

  // For connections to others. `ca_path`: PEM with the CAs that are trusted; empty: the machine's.
  // InvalidArgument, as above.
  static absl::StatusOr<std::shared_ptr<TlsContext>> CreateClient(const std::string& ca_path);

  SSL_CTX* get() const { return context_.get(); }
  // When the certificate ends, in seconds of Unix time. 0: there is none.
  int64_t ExpiryUnixSeconds() const;

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, &SSL_CTX_free};
};

// The context of new connections to the listeners. Thread-safe.
class ListenerTls {
 public:
  // InvalidArgument as TlsContext::Create. `metrics` outlives the result.
  static absl::StatusOr<std::unique_ptr<ListenerTls>> Load(const TlsOptions& options,
                                                           base::Metrics& metrics);

  std::shared_ptr<TlsContext> current();

  // Reads the files again. Where one is faulty, what was there stays, and the log says why.
  void Reload();

 private:
  ListenerTls(const TlsOptions& options, base::Metrics& metrics);
  void Use(std::shared_ptr<TlsContext> context);

  const TlsOptions options_;
  base::Counter& applied_;
  base::Counter& refused_;
  base::Gauge& expiry_;
  base::Mutex mutex_;
  std::shared_ptr<TlsContext> context_ ABSL_GUARDED_BY(mutex_);  // shared with who uses it just now
};

// For one thread.
class TlsSession {
 public:
  // `descriptor` stays the caller's and has to outlive the session.
  TlsSession(TlsContext& context, int descriptor);
  // Of a client, which asks for `host`, a name or an address.
  static absl::StatusOr<TlsSession> ToServer(TlsContext& context, int descriptor,
                                             const std::string& host);

  // As recv with MSG_DONTWAIT: the number of bytes, 0 at the end, or -1 with errno (EAGAIN where
  // there is nothing yet; EPROTO where the peer does not keep to the protocol).
  ssize_t Read(char* buffer, size_t size);
  // Writes what fits at once.
  void TryWrite(absl::string_view bytes);

  // As send with MSG_DONTWAIT: the number of bytes, or -1 with errno (EAGAIN). After EAGAIN the
  // same bytes have to come again.
  ssize_t Write(absl::string_view bytes);
  // Bytes that the kernel has taken for the peer so far, records and handshake included.
  uint64_t written_bytes() const;

  enum class Handshake { kDone, kWantsRead, kWantsWrite };
  // Goes on with the handshake as far as the socket allows. Unavailable says why it failed.
  absl::StatusOr<Handshake> ContinueHandshake();
  // Tells the peer that nothing more comes.
  void TryShutdown();

  bool is_established() const { return SSL_is_init_finished(session_.get()) == 1; }
  // Bytes that were received already and that no further event of the socket announces.
  bool has_pending() const { return SSL_has_pending(session_.get()) == 1; }
  // The common name of the verified client certificate, or empty.
  std::string ClientName() const;

 private:
  std::unique_ptr<SSL, decltype(&SSL_free)> session_;
};

}  // namespace plumbago::relay
