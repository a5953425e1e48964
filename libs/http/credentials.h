// The API key that a request brings. Pure.
#pragma once

#include <string>

#include "http/message.h"

namespace plumbago::http {

// X-Api-Key, else a bearer token, else the password of basic authentication, or its user where the
// password is empty. Empty where there is none.
std::string KeyOf(const Request& request);

}  // namespace plumbago::http
