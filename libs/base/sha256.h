// SHA-256, as it is kept instead of a secret.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace plumbago::base {

// 32 bytes. Thread-safe.
std::string Sha256(absl::string_view bytes);

}  // namespace plumbago::base
