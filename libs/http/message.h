// What an HTTP handler sees and answers: plain values, no Beast types.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "base/cancellation.h"

namespace plumbago::http {

// In the order received or to send; a name may repeat. Names compare without case.
class Headers {
 public:
  void Add(std::string name, std::string value) {
    entries_.emplace_back(std::move(name), std::move(value));
  }
  // The first value, or an empty view.
  absl::string_view Get(absl::string_view name) const {
    for (const auto& [key, value] : entries_) {
      if (absl::EqualsIgnoreCase(key, name)) return value;
    }
    return {};
  }
  const std::vector<std::pair<std::string, std::string>>& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

struct Request {
  std::string method;  // GET, POST, ...
  std::string path;    // raw, percent-encoded, without the query
  std::string query;   // raw, without the question mark
  Headers headers;
  std::string body;
  std::string remote_address;  // without the port; where there is a PROXY header, the one it names
  size_t listener = 0;         // which of the server's listeners it came to
  std::string client_name;     // by a verified TLS certificate; empty: none
  // Cancelled when the client goes away before its answer. Shared with the server; may be null.
  std::shared_ptr<base::Cancellation> cancellation = nullptr;
};

// Appends the next part of a body; false when it was the last one. Called from one thread at a
// time, though not always the same one.
using BodyParts = std::function<bool(std::string& part)>;

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  Headers headers;  // besides Content-Type, Content-Length and Connection
  std::string body;
  // Where set: what follows `body`. It is asked for each part only when the one before is written,
  // so a slow client costs the memory of one part.
  BodyParts more_parts = {};
};

}  // namespace plumbago::http
