// Proves what the server promises on real loopback sockets: answers, keep-alive, limits, and 503
// when its places are taken.
#include "http/server.h"

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
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
  // To a server that may have closed.
  void TrySend(const std::string& text) {
    boost::system::error_code ignored;
    asio::write(socket_, asio::buffer(text), ignored);
  }
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
  // All that comes until the server closes.
  std::string ReadToEnd() {
    boost::system::error_code error;
    asio::read(socket_, asio::dynamic_buffer(data_), error);
    return data_;
  }

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

TEST_CASE("A client that sends a body far above the limit gets the answer", "[http]") {
  ServerOptions options;
  options.body_bytes_max = 10;
  auto server = Server::Start(options, Echo).value();
  Client client(server->port());
  const std::string body(16 << 20, 'x');
  // More than the socket's buffers hold: without a reader it would block, or be reset.
  client.TrySend("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
                 "\r\n\r\n" + body);
  CHECK(client.ReadHead().find("HTTP/1.1 413") == 0);
  CHECK(client.body().find("10 bytes") != std::string::npos);
  CHECK(client.ReadToEnd().empty());
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

// "first-1-2-3-", the second of these parts being empty.
Response Parts(const Request&) {
  Response response;
  response.body = "first-";
  response.more_parts = [count = 0](std::string& part) mutable {
    if (++count > 1) part = std::to_string(count - 1) + "-";
    return count < 4;
  };
  return response;
}

TEST_CASE("Server sends a body in parts as chunks and goes on with the next request", "[http]") {
  auto server = Server::Start({}, Parts).value();
  Client client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string all = client.ReadToEnd();
  const std::string chunks = "\r\n\r\n6\r\nfirst-\r\n2\r\n1-\r\n2\r\n2-\r\n2\r\n3-\r\n0\r\n\r\n";
  CAPTURE(all);
  const size_t first = all.find(chunks);
  REQUIRE(first != std::string::npos);
  CHECK(all.find("Transfer-Encoding: chunked") < first);
  // The answer to HEAD is a head alone, followed by the third answer.
  const size_t head_end = all.find("\r\n\r\nHTTP/1.1 200", first + chunks.size());
  REQUIRE(head_end != std::string::npos);
  CHECK(all.find(chunks, head_end) + chunks.size() == all.size());
}

TEST_CASE("Server sends a body in parts to HTTP/1.0 without chunks and closes", "[http]") {
  auto server = Server::Start({}, Parts).value();
  Client client(server->port());
  client.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string all = client.ReadToEnd();
  CHECK(all.substr(all.find("\r\n\r\n")) == "\r\n\r\nfirst-1-2-3-");
}

Response EndlessOrShort(const Request& request) {
  if (request.path == "/short") return Echo(request);
  Response response;
  response.more_parts = [](std::string& part) {
    part.assign(1 << 20, 'x');
    return true;
  };
  return response;
}

// The head of an answer other than 503, which a server gives while its places are taken.
std::string HeadWhenFree(Server& server) {
  Client client(server.port());
  std::string head;
  do {
    client.Send("GET /short HTTP/1.1\r\nHost: x\r\n\r\n");
    head = client.ReadHead();
  } while (head.find("HTTP/1.1 503") == 0);
  return head;
}

TEST_CASE("Server frees the place of a client that leaves within a body in parts", "[http]") {
  ServerOptions options;
  options.requests_max = 1;
  auto server = Server::Start(options, EndlessOrShort).value();
  {
    Client leaving(server->port());
    leaving.Send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    leaving.ReadHead();
  }
  CHECK(HeadWhenFree(*server).find("HTTP/1.1 200") == 0);
}

TEST_CASE("Server frees the place of a client that does not read its body in parts", "[http]") {
  ServerOptions options;
  options.requests_max = 1;
  options.write_timeout = absl::Milliseconds(100);
  auto server = Server::Start(options, EndlessOrShort).value();
  Client idle(server->port());
  idle.Send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.ReadHead();
  CHECK(HeadWhenFree(*server).find("HTTP/1.1 200") == 0);
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

// Takes `places` connections, and none from 192.0.2.66.
class CountingGate final : public ConnectionGate {
 public:
  explicit CountingGate(int places) : places_(std::make_shared<std::atomic<int>>(places)) {}
  Place Admit() override {
    if (places_->fetch_sub(1) <= 0) return nullptr;
    return Place(places_.get(), [places = places_](void*) { places->fetch_add(1); });
  }
  Place AdmitSource(const std::string& address) override {
    return address == "192.0.2.66" ? nullptr : std::make_shared<int>();
  }
  void OnFailedOpening(const std::string& reason) override { failed_.set_value(reason); }
  std::string WaitForFailure() { return failed_.get_future().get(); }

 private:
  const std::shared_ptr<std::atomic<int>> places_;  // shared with the places
  std::promise<std::string> failed_;
};

Response Whence(const Request& request) {
  Response response;
  response.body = request.remote_address + " " + std::to_string(request.listener);
  return response;
}

TEST_CASE("Server takes the address of a PROXY header, also in pieces, and from no other listener",
          "[http]") {
  ServerOptions options;
  options.listeners = {{}, {.has_proxy_header = true}};
  auto server = Server::Start(options, Whence).value();
  Client proxied(server->port(1));
  proxied.Send("PROXY TCP4 192.0.2.7 192.0.");
  proxied.Send("2.1 5555 80\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(proxied.ReadHead().find("HTTP/1.1 200") == 0);
  CHECK(proxied.body() == "192.0.2.7 1");
  Client checking(server->port(1));
  checking.Send("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  checking.ReadHead();
  CHECK(checking.body() == "127.0.0.1 1");
  Client plain(server->port(0));
  plain.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  plain.ReadHead();
  CHECK(plain.body() == "127.0.0.1 0");
  Client forging(server->port(0));
  forging.Send("PROXY TCP4 192.0.2.7 192.0.2.1 5555 80\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(forging.ReadToEnd().find("HTTP/1.1 200") == std::string::npos);
}

TEST_CASE("Server closes whom its gate does not admit, and gives places back", "[http]") {
  ServerOptions options;
  options.listeners = {{.has_proxy_header = true}};
  const auto gate = std::make_shared<CountingGate>(1);  // shared with the server
  options.gate = gate;
  auto server = Server::Start(options, Whence).value();
  {
    Client refused_source(server->port());
    refused_source.Send("PROXY TCP4 192.0.2.66 192.0.2.1 5555 80\r\n");
    CHECK(refused_source.ReadToEnd().empty());
  }
  {
    // Until the place of the first one is free again, connections are closed.
    std::string answer;
    while (answer.empty()) {
      Client client(server->port());
      client.TrySend(
          "PROXY TCP4 192.0.2.7 192.0.2.1 5555 80\r\n"
          "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      answer = client.ReadToEnd();
    }
    CHECK(answer.find("192.0.2.7 0") != std::string::npos);
  }
}

TEST_CASE("Server closes a connection whose opening takes too long", "[http]") {
  ServerOptions options;
  options.listeners = {{.has_proxy_header = true}};
  options.opening_timeout = absl::Milliseconds(50);
  const auto gate = std::make_shared<CountingGate>(1);  // shared with the server
  options.gate = gate;
  auto server = Server::Start(options, Whence).value();
  Client slow(server->port());
  slow.Send("PROXY TCP4 ");
  CHECK(slow.ReadToEnd().empty());
  CHECK(gate->WaitForFailure() == "opening_timeout");
}

TEST_CASE("Server tells its gate of a connection without the header that it expects", "[http]") {
  ServerOptions options;
  options.listeners = {{.has_proxy_header = true}};
  const auto gate = std::make_shared<CountingGate>(1);  // shared with the server
  options.gate = gate;
  auto server = Server::Start(options, Whence).value();
  Client bare(server->port());
  bare.Send("GET / HTTP/1.1\r\n\r\n");
  CHECK(bare.ReadToEnd().empty());
  CHECK(gate->WaitForFailure() == "proxy_header");
}

TEST_CASE("Server names the address that is in use", "[http]") {
  auto first = Server::Start({}, Echo).value();
  ServerOptions options;
  const std::string address = "127.0.0.1:" + std::to_string(first->port());
  options.listeners = {{.address = address}};
  const absl::Status status = Server::Start(options, Echo).status();
  CHECK(absl::IsUnavailable(status));
  CHECK(std::string(status.message()).find(address) != std::string::npos);
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
