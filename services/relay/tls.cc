#include "tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "http/client_certificate.h"

namespace plumbago::relay {
namespace {

constexpr char kReloadsHelp[] =
    "Times that certificate, key and CA of the listeners were read again: applied, or refused "
    "because of a fault";

absl::Status TlsError(absl::string_view flag, const std::string& path) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof(text));
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(flag, " ", path, ": ", text));
}

}  // namespace

absl::StatusOr<std::shared_ptr<TlsContext>> TlsContext::Create(const TlsOptions& options) {
  auto result = std::make_shared<TlsContext>();
  result->context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = result->get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // A client that only sends never reads a ticket, and a socket that is closed with something
  // unread resets the connection: what the client sent last would be lost.
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // idle connections hold none
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_path.c_str()) != 1) {
    return TlsError("--tls-certificate", options.certificate_path);
  }
  if (SSL_CTX_use_PrivateKey_file(context, options.key_path.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return TlsError("--tls-key", options.key_path);
  }
  if (options.client_ca_path.empty()) return result;
  if (SSL_CTX_load_verify_locations(context, options.client_ca_path.c_str(), nullptr) != 1) {
    return TlsError("--tls-client-ca", options.client_ca_path);
  }
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(options.client_ca_path.c_str()));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return result;
}

absl::StatusOr<std::shared_ptr<TlsContext>> TlsContext::CreateClient(const std::string& ca_path) {
  auto result = std::make_shared<TlsContext>();
  result->context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = result->get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const int loaded = ca_path.empty()
                         ? SSL_CTX_set_default_verify_paths(context)
                         : SSL_CTX_load_verify_locations(context, ca_path.c_str(), nullptr);
  if (loaded != 1) return TlsError("--destination-tls-ca", ca_path);
  return result;
}

int64_t TlsContext::ExpiryUnixSeconds() const {
  const X509* const certificate = SSL_CTX_get0_certificate(get());
  std::tm end{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) {
    return 0;
  }
  return timegm(&end);
}

absl::StatusOr<std::unique_ptr<ListenerTls>> ListenerTls::Load(const TlsOptions& options,
                                                               base::Metrics& metrics) {
  PLUMBAGO_ASSIGN_OR_RETURN(auto context, TlsContext::Create(options));
  std::unique_ptr<ListenerTls> result(new ListenerTls(options, metrics));
  result->Use(std::move(context));
  return result;
}

ListenerTls::ListenerTls(const TlsOptions& options, base::Metrics& metrics)
    : options_(options),
      applied_(metrics.AddCounter("plumbago_relay_tls_reloads_total", kReloadsHelp,
                                  {{"result", "applied"}})),
      refused_(metrics.AddCounter("plumbago_relay_tls_reloads_total", kReloadsHelp,
                                  {{"result", "refused"}})),
      expiry_(metrics.AddGauge("plumbago_relay_tls_certificate_expiry_timestamp_seconds",
                               "End of the listeners' certificate, in Unix time")) {}

std::shared_ptr<TlsContext> ListenerTls::current() {
  base::MutexLock lock(mutex_);
  return context_;
}

void ListenerTls::Use(std::shared_ptr<TlsContext> context) {
  expiry_.Set(static_cast<double>(context->ExpiryUnixSeconds()));
  base::MutexLock lock(mutex_);
  context_ = std::move(context);
}

void ListenerTls::Reload() {
  auto context = TlsContext::Create(options_);
  if (!context.ok()) {
    refused_.Increment();
    base::LogError(
        absl::StrCat("the certificate stays as it was: ", std::string(context.status().message())));
    return;
  }
  Use(*std::move(context));
  applied_.Increment();
  base::LogInfo(absl::StrCat("the certificate ", options_.certificate_path,
                             " was read again; new connections get it"));
}

TlsSession::TlsSession(TlsContext& context, int descriptor)
    : session_(SSL_new(context.get()), &SSL_free) {
  SSL_set_fd(session_.get(), descriptor);
  SSL_set_accept_state(session_.get());
}

absl::StatusOr<TlsSession> TlsSession::ToServer(TlsContext& context, int descriptor,
                                                const std::string& host) {
  TlsSession session(context, descriptor);
  SSL* const ssl = session.session_.get();
  SSL_set_connect_state(ssl);
  X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl);
  const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  const bool is_set = is_address || (SSL_set1_host(ssl, host.c_str()) == 1 &&
                                     SSL_set_tlsext_host_name(ssl, host.c_str()) == 1);
  ERR_clear_error();
  if (is_set) return session;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", base::Excerpt(host), "\" is no host that TLS can ask for"));
}

absl::StatusOr<TlsSession::Handshake> TlsSession::ContinueHandshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(session_.get());
  if (result == 1) return Handshake::kDone;
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Handshake::kWantsRead;
    case SSL_ERROR_WANT_WRITE:
      return Handshake::kWantsWrite;
    default:
      break;
  }
  const long verified = SSL_get_verify_result(session_.get());
  const char* const reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  if (verified != X509_V_OK) {
    return absl::UnavailableError(absl::StrCat("TLS: the server's certificate is not trusted: ",
                                               X509_verify_cert_error_string(verified)));
  }
  return absl::UnavailableError(
      absl::StrCat("TLS: ", reason != nullptr ? reason : "the server ended the handshake"));
}

ssize_t TlsSession::Write(absl::string_view bytes) {
  ERR_clear_error();
  const int limit = static_cast<int>(std::min(bytes.size(), size_t{INT_MAX}));
  const int result = SSL_write(session_.get(), bytes.data(), limit);
  if (result > 0) return result;
  const int error = SSL_get_error(session_.get(), result);
  ERR_clear_error();
  errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
  return -1;
}

uint64_t TlsSession::written_bytes() const {
  return BIO_number_written(SSL_get_wbio(session_.get()));
}

void TlsSession::TryShutdown() {
  ERR_clear_error();
  if (is_established()) SSL_shutdown(session_.get());
  ERR_clear_error();
}

ssize_t TlsSession::Read(char* buffer, size_t size) {
  ERR_clear_error();
  const int limit = static_cast<int>(std::min(size, size_t{INT_MAX}));
  const int result = SSL_read(session_.get(), buffer, limit);
  if (result > 0) return result;
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:  // a handshake fits into the socket's buffer
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      break;
  }
  // Many clients end without a close_notify.
  const bool is_plain_end =
      is_established() && ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  ERR_clear_error();
  errno = EPROTO;
  return is_plain_end ? 0 : -1;
}

void TlsSession::TryWrite(absl::string_view bytes) {
  ERR_clear_error();
  SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size()));
  ERR_clear_error();
}

std::string TlsSession::ClientName() const { return http::ClientNameOf(*session_); }

}  // namespace plumbago::relay
