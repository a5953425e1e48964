// Proves what the server promises on real loopback sockets: answers, keep-alive, limits, and 503
// when its places are taken.
#include "http/server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <string>

#include "http/address.h"

namespace plumbago::http {
namespace {

namespace asio = boost::asio;

class Client {
 public:
  explicit Client(int port) : socket_(context_) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), static_cast<uint16_t>(port)});
  }
  void Send(const std::string& text) { asio::write(socket_, asio::buffer(text)); }
  // The head of the next answer; its body (of the announced length) is dropped from the socket.
  std::string ReadHead() {
    const size_t size = asio::read_until(socket_, asio::dynamic_buffer(data_), "\r\n\r\n");
    std::string head = data_.substr(0, size);
    data_.erase(0, size);
    const size_t field = head.find("Content-Length: ");
    const size_t length = field == std::string::npos ? 0 : std::stoul(head.substr(field + 16));
    while (data_.size() < length) {
      char more[4096];
      data_.append(more, socket_.read_some(asio::buffer(more)));
    }
    body_ = data_.substr(0, length);
    data_.erase(0, length);
    return head;
  }
  const std::string& body() const { return body_; }

 private:
  asio::io_context context_;
  asio::ip::tcp::socket socket_;
  std::string data_;
  std::string body_;
};

Response Echo(const Request& request) {
  Response response;
  response.body = request.method + " " + request.path + " " + request.query + " " + request.body;
  return response;
}

TEST_CASE("Server answers several requests on one connection", "[http]") {
  auto server = Server::Start({}, Echo).value();
  Client client(server->port());
  client.Send("GET /a/b?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.ReadHead().find("HTTP/1.1 200") == 0);
  CHECK(client.body() == "GET /a/b x=1 ");
  client.Send("POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
  CHECK(client.ReadHead().find("HTTP/1.1 200") == 0);
  CHECK(client.body() == "POST /c  body");
}

TEST_CASE("Server refuses a body above its limit and says which", "[http]") {
  ServerOptions options;
  options.body_bytes_max = 10;
  auto server = Server::Start(options, Echo).value();
  Client client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n12345678901");
  CHECK(client.ReadHead().find("HTTP/1.1 413") == 0);
  CHECK(client.body().find("10 bytes") != std::string::npos);
}

TEST_CASE("Server refuses headers above their limit", "[http]") {
  ServerOptions options;
  options.header_bytes_max = 1024;
  auto server = Server::Start(options, Echo).value();
  Client client(server->port());
  client.Send("GET / HTTP/1.1\r\nX: " + std::string(2000, 'x') + "\r\n\r\n");
  CHECK(client.ReadHead().find("HTTP/1.1 431") == 0);
}

TEST_CASE("Server answers 503 while all its places are taken, and serves again after", "[http]") {
  std::promise<void> entered;
  std::promise<void> leave;
  std::shared_future<void> may_leave = leave.get_future().share();
  ServerOptions options;
  options.requests_max = 1;
  auto server = Server::Start(options, [&](const Request& request) {
                  if (request.path == "/slow") {
                    entered.set_value();
                    may_leave.wait();
                  }
                  return Echo(request);
                }).value();
  Client slow(server->port());
  slow.Send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  entered.get_future().wait();
  Client other(server->port());
  other.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(other.ReadHead().find("HTTP/1.1 503") == 0);
  leave.set_value();
  CHECK(slow.ReadHead().find("HTTP/1.1 200") == 0);
  other.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(other.ReadHead().find("HTTP/1.1 200") == 0);
}

TEST_CASE("Server tells a handler that its client is gone, and serves on", "[http]") {
  auto server = Server::Start({}, Echo).value();
  // A client that waits is no client that is gone, even with its next request sent already.
  Client patient(server->port());
  patient.Send("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  patient.ReadHead();
  patient.ReadHead();
  CHECK(patient.body() == "GET /b  ");

  std::promise<void> cancelled;
  auto blocking = Server::Start({}, [&](const Request& request) {
                    request.cancellation->Add([&] { cancelled.set_value(); });
                    cancelled.get_future().wait();
                    return Echo(request);
                  }).value();
  {
    Client leaving(blocking->port());
    leaving.Send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  blocking->Stop(absl::Seconds(20));  // returns because the handler does
}

TEST_CASE("Server names the address that is in use", "[http]") {
  auto first = Server::Start({}, Echo).value();
  ServerOptions options;
  options.listen = "127.0.0.1:" + std::to_string(first->port());
  const absl::Status status = Server::Start(options, Echo).status();
  CHECK(absl::IsUnavailable(status));
  CHECK(std::string(status.message()).find(options.listen) != std::string::npos);
}

TEST_CASE("ParseAddress accepts host:port forms and names what it refuses", "[http]") {
  CHECK(ParseAddress("127.0.0.1:80")->port == 80);
  CHECK(ParseAddress("localhost:80")->host == "127.0.0.1");
  CHECK(ParseAddress("[::1]:80")->host == "::1");
  CHECK(ParseAddress(":80")->host == "0.0.0.0");
  CHECK_FALSE(ParseAddress("127.0.0.1").ok());
  CHECK_FALSE(ParseAddress("127.0.0.1:65536").ok());
  CHECK_FALSE(ParseAddress("some.name:80").ok());
  CHECK(IsLoopback(*ParseAddress("127.0.0.1:80")));
  CHECK_FALSE(IsLoopback(*ParseAddress(":80")));
}

}  // namespace
}  // namespace plumbago::http
