// Parameters of a request: its query string, then its form body (urlencoded or multipart), merged.
//
// Decoding never fails: "%" without two hexadecimal digits stays as it is, and a body of another
// kind counts as having no parameters. Pure; what is beyond kParametersMax is left out.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "http/message.h"

namespace plumbago::http {

inline constexpr size_t kParametersMax = 10'000;

// "+" is a space, %XX a byte.
std::string DecodeForm(absl::string_view text);
// %XX is a byte, "+" itself.
std::string DecodePath(absl::string_view text);

class Parameters {
 public:
  explicit Parameters(const Request& request);

  // The last value: a body wins over the query string. Null where there is none.
  const std::string* Find(absl::string_view name) const;
  // The last value, or empty.
  std::string Get(absl::string_view name) const;
  // All values, the query string's first.
  std::vector<std::string> All(absl::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& entries() const { return entries_; }

  // One more, after all others.
  void Add(std::string name, std::string value);

 private:
  void AddUrlEncoded(absl::string_view text);
  void AddMultipart(absl::string_view body, absl::string_view boundary);

  std::vector<std::pair<std::string, std::string>> entries_;
};

}  // namespace plumbago::http
