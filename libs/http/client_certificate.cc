#include "http/client_certificate.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace plumbago::http {

std::string ClientNameOf(const ssl_st& session) {
  X509* const certificate = SSL_get0_peer_certificate(&session);
  if (certificate == nullptr || SSL_get_verify_result(&session) != X509_V_OK) return {};
  char name[256];
  const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                               name, sizeof(name));
  return length > 0 ? std::string(name, static_cast<size_t>(length)) : std::string();
}

}  // namespace plumbago::http
