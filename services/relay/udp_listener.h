// One reactor's share of a listener for datagrams, plaintext or StatsD, with recvmmsg.
//
// Used on the reactor's thread, except Open and port, which come before it runs. Memory: room for
// kDatagramsPerRead of the largest datagrams, of which only the pages in use count.
#pragma once

#include <boost/asio/ip/udp.hpp>
#include <memory>

#include "absl/status/status.h"
#include "reactor_host.h"
#include "relay/line_cutter.h"

namespace plumbago::relay {

class UdpListener {
 public:
  // `host` and `spec` outlive the listener.
  UdpListener(ReactorHost& host, const ListenerSpec& spec, size_t receive_buffer_bytes);
  ~UdpListener();

  // Unavailable: the address cannot be bound.
  absl::Status Open();
  uint16_t port() const { return socket_.local_endpoint().port(); }

  // Waits for datagrams, unless it does already.
  void Read();
  // For the drain: takes what the kernel holds. False where there is more.
  bool TakeAll();
  // Asks the kernel how many datagrams it had no room for, and counts the new ones. To be called
  // from time to time: no later datagram need come that could tell of them.
  void CountLost();
  void Close();

 private:
  struct Buffers;

  // The number of datagrams; 0 where the socket is empty.
  int ReceiveSome();
  void Handle(absl::string_view datagram, const sockaddr_storage& from);

  ReactorHost& host_;
  const ListenerSpec& spec_;
  const size_t receive_buffer_bytes_;
  boost::asio::ip::udp::socket socket_;
  std::unique_ptr<Buffers> buffers_;
  Source source_;
  bool is_source_known_ = false;
  LineCutter cutter_;
  bool is_waiting_ = false;
  uint32_t lost_count_ = 0;  // the kernel's own count, modulo 2^32, as of the last question
};

}  // namespace plumbago::relay
