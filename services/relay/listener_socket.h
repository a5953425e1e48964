// Sockets that several reactors bind to the same address (SO_REUSEPORT).
#pragma once

#include <sys/socket.h>

#include <boost/asio/detail/socket_option.hpp>
#include <boost/asio/socket_base.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "listener_spec.h"

namespace plumbago::relay {

using ReusePort = boost::asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

template <typename Socket>
boost::system::error_code BindShared(Socket& socket, const typename Socket::endpoint_type& where) {
  boost::system::error_code error;
  socket.open(where.protocol(), error);
  if (!error) socket.set_option(boost::asio::socket_base::reuse_address(true), error);
  if (!error) socket.set_option(ReusePort(true), error);
  if (!error) socket.bind(where, error);
  if (!error) socket.non_blocking(true, error);
  return error;
}

inline absl::Status CannotListen(const ListenerSpec& spec, const std::string& reason) {
  return absl::UnavailableError(
      absl::StrCat(spec.flag, ": cannot listen on ", WhereOf(spec), ": ", reason));
}

}  // namespace plumbago::relay
