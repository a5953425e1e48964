// Who a TLS client is by its certificate.
#pragma once

#include <string>

struct ssl_st;  // OpenSSL's SSL

namespace plumbago::http {

// The common name of the client's certificate where it was verified, else empty.
std::string ClientNameOf(const ssl_st& session);

}  // namespace plumbago::http
