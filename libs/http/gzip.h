// Compression of answers.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "http/message.h"

namespace plumbago::http {

// Whether the client takes gzip (Accept-Encoding, a quality of 0 refuses).
bool AcceptsGzip(const Request& request);

// `body` in gzip's format, quickly rather than tightly.
std::string Gzip(absl::string_view body);

// The same in parts.
class GzipStream {
 public:
  enum class Position { kInside, kLast };

  GzipStream();
  ~GzipStream();
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  // Appends to `out` what is ready, which may be nothing before the last part.
  void Append(absl::string_view part, Position position, std::string& out);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace plumbago::http
