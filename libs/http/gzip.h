// Compression of answers.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "http/message.h"

namespace plumbago::http {

// Whether the client takes gzip (Accept-Encoding, a quality of 0 refuses).
bool AcceptsGzip(const Request& request);

// `body` in gzip's format, quickly rather than tightly.
std::string Gzip(absl::string_view body);

}  // namespace plumbago::http
