#include "http/server.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status.h"
#include "http/address.h"
#include "http/internal/client_stream.h"
#include "protocols/proxy_header.h"

namespace plumbago::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

using BeastRequest = beast::http::request<beast::http::string_body>;
using BeastResponse = beast::http::response<beast::http::string_body>;
using BeastHeader = beast::http::response<beast::http::empty_body>;

// A body in parts may take this many times as long as a body that is there at once.
constexpr int kPartsTimeouts = 5;
constexpr size_t kProxyReadBytes = 512;
// How long, and how much, is read from a client whose request was refused before it was whole.
constexpr auto kLingerTimeout = std::chrono::seconds(2);
constexpr size_t kLingerBytesMax = 64 << 20;
constexpr size_t kLingerReadBytes = 64 << 10;
// A client that does not answer to the end of a TLS session is not waited for.
constexpr std::chrono::seconds kTlsGoodbyeTimeout{2};

std::chrono::steady_clock::duration ToSteady(absl::Duration duration) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      absl::ToChronoNanoseconds(duration));
}

std::string ToString(beast::string_view text) { return std::string(text.data(), text.size()); }

Request FromBeast(BeastRequest& request) {
  Request result;
  result.method = ToString(request.method_string());
  const beast::string_view target = request.target();
  const size_t question = target.find('?');
  result.path = ToString(target.substr(0, question));
  if (question != beast::string_view::npos) result.query = ToString(target.substr(question + 1));
  for (const auto& field : request) {
    result.headers.Add(ToString(field.name_string()), ToString(field.value()));
  }
  result.body = std::move(request.body());
  return result;
}

// JSON, because Grafana shows the member `message`; `message` needs no escaping.
Response ErrorResponse(int status, const std::string& message) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = absl::StrCat("{\"message\":\"", message, "\",\"error\":\"", message, "\"}\n");
  return response;
}

// Decides about requests: how many run, what runs them. Shared by the server and its connections,
// which may outlive the server's last reference to them inside Asio.
class Dispatcher {
 public:
  Dispatcher(const ServerOptions& options, Handler handler)
      : options_(options), handler_(std::move(handler)), pool_(options.handler_threads) {}

  const ServerOptions& options() const { return options_; }
  bool is_stopping() const { return is_stopping_.load(); }
  void BeginStop() { is_stopping_.store(true); }

  // Takes a place for a request, or refuses it.
  bool Admit() {
    base::MutexLock lock(mutex_);
    if (running_count_ >= options_.requests_max) return false;
    ++running_count_;
    return true;
  }

  // Called once for each admitted request, when its answer is written or its client is gone.
  void Finish() {
    base::MutexLock lock(mutex_);
    --running_count_;
    finished_.NotifyAll();
  }

  template <typename Work>
  void Post(Work work) {
    asio::post(pool_, std::move(work));
  }

  Response Handle(const Request& request) { return handler_(request); }

  void WaitUntilIdle(absl::Duration limit) {
    const auto deadline = std::chrono::steady_clock::now() + ToSteady(limit);
    base::MutexLock lock(mutex_);
    while (running_count_ > 0) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left.count() <= 0) return;
      finished_.WaitFor(lock, std::chrono::nanoseconds(left).count());
    }
  }

  // What has not begun by now is not done any more.
  void JoinPool() {
    pool_.stop();
    pool_.join();
  }

 private:
  const ServerOptions options_;
  const Handler handler_;
  asio::thread_pool pool_;
  std::atomic<bool> is_stopping_{false};
  base::Mutex mutex_;
  base::CondVar finished_;
  size_t running_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One client. Lives as long as an operation on its socket is pending (shared with Asio's handlers
// and with the pool while a request runs). Members are used on the socket's thread
// unless they say otherwise.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `place` is the gate's, or null without one.
  Connection(tcp::socket socket, size_t listener, std::shared_ptr<Dispatcher> dispatcher,
             std::shared_ptr<std::atomic<size_t>> open_count, ConnectionGate::Place place)
      : stream_(std::move(socket)),
        listener_(listener),
        dispatcher_(std::move(dispatcher)),
        open_count_(std::move(open_count)),
        place_(std::move(place)) {}
  ~Connection() { open_count_->fetch_sub(1); }

  void Open() {
    boost::system::error_code error;
    const auto endpoint = stream_.socket().remote_endpoint(error);
    if (!error) remote_address_ = endpoint.address().to_string();
    stream_.tcp().expires_after(ToSteady(dispatcher_->options().opening_timeout));
    if (listener().has_proxy_header) return ReadProxyHeader();
    OnSourceKnown();
  }

 private:
  const ListenerOptions& listener() const { return dispatcher_->options().listeners[listener_]; }

  // What comes behind the header is kept in `buffer_`.
  void ReadProxyHeader() {
    stream_.tcp().async_read_some(
        buffer_.prepare(kProxyReadBytes),
        [self = shared_from_this()](beast::error_code error, size_t size) {
          // A balancer that only looks whether somebody listens is no fault.
          if (error == asio::error::eof) return self->stream_.tcp().close();
          if (error) return self->FailOpening(error, "proxy_header");
          self->buffer_.commit(size);
          self->ParseProxyHeader();
        });
  }

  void ParseProxyHeader() {
    const absl::string_view received(static_cast<const char*>(buffer_.data().data()),
                                     buffer_.size());
    protocols::ProxyHeader header;
    size_t header_size = 0;
    const auto result = protocols::ParseProxyHeader(received, &header, &header_size);
    if (result == protocols::ProxyHeaderResult::kIncomplete) return ReadProxyHeader();
    boost::system::error_code error;
    if (result == protocols::ProxyHeaderResult::kInvalid) error = asio::error::invalid_argument;
    if (!error && header.has_source) {
      remote_address_ = asio::ip::make_address(header.source_ip, error).to_string();
    }
    if (error) return FailOpening(error, "proxy_header");
    buffer_.consume(header_size);
    OnSourceKnown();
  }

  void OnSourceKnown() {
    ConnectionGate* const gate = dispatcher_->options().gate.get();
    if (gate != nullptr) source_place_ = gate->AdmitSource(remote_address_);
    if (gate != nullptr && source_place_ == nullptr) return stream_.tcp().close();
    if (listener().tls == nullptr) return ReadRequest();
    const std::shared_ptr<SSL_CTX> context = listener().tls();
    stream_.StartTls(*context, buffer_.data(),
                     [self = shared_from_this()](beast::error_code error, size_t used) {
                       // A client does not send what the server has not prepared it for.
                       if (!error && used != self->buffer_.size()) {
                         error = asio::error::invalid_argument;
                       }
                       if (error) return self->FailOpening(error, "tls");
                       self->buffer_.consume(used);
                       self->client_name_ = self->stream_.ClientName();
                       self->ReadRequest();
                     });
  }

  void FailOpening(const beast::error_code& error, const char* reason) {
    if (dispatcher_->options().gate != nullptr && error != asio::error::operation_aborted) {
      dispatcher_->options().gate->OnFailedOpening(
          error == beast::error::timeout ? "opening_timeout" : reason);
    }
    stream_.tcp().close();
  }

  void ReadRequest() {
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(dispatcher_->options().header_bytes_max));
    parser_->body_limit(dispatcher_->options().body_bytes_max);
    stream_.tcp().expires_after(ToSteady(dispatcher_->options().idle_timeout));
    beast::http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->OnRead(error); });
  }

  void OnRead(beast::error_code error) {
    if (error == beast::http::error::body_limit) {
      return Refuse(413, absl::StrCat("request body is larger than ",
                                      dispatcher_->options().body_bytes_max, " bytes"));
    }
    if (error == beast::http::error::header_limit) {
      return Refuse(431, absl::StrCat("request headers are larger than ",
                                      dispatcher_->options().header_bytes_max, " bytes"));
    }
    if (error) return Close();
    if (!dispatcher_->Admit()) {
      Response response = ErrorResponse(503, "too many requests are running; try again");
      response.headers.Add("Retry-After", "1");
      return Write(std::move(response));
    }
    RunHandler();
  }

  void RunHandler() {
    stream_.tcp().expires_never();
    auto request = std::make_shared<Request>(FromBeast(parser_->get()));
    request->remote_address = remote_address_;
    request->listener = listener_;
    request->client_name = client_name_;
    request->cancellation = std::make_shared<base::Cancellation>();
    WatchClient(request->cancellation);
    dispatcher_->Post([self = shared_from_this(), request = std::move(request)] {
      Response response = self->dispatcher_->Handle(*request);
      asio::post(self->stream_.get_executor(), [self, response = std::move(response)]() mutable {
        self->is_admitted_ = true;
        self->Write(std::move(response));
      });
    });
  }

  // While the handler runs nothing is read, but a client that is gone needs no answer.
  void WatchClient(std::shared_ptr<base::Cancellation> cancellation) {
    stream_.socket().async_wait(
        tcp::socket::wait_read, [self = shared_from_this(), cancellation = std::move(cancellation)](
                                    boost::system::error_code error) {
          if (error) return;  // the answer is there
          char byte = 0;
          boost::system::error_code gone;
          self->stream_.socket().receive(asio::buffer(&byte, 1), tcp::socket::message_peek, gone);
          // Otherwise it is the next request, which can wait.
          if (gone) cancellation->Cancel();
        });
  }

  // Answers and closes: what follows on the socket cannot be read any more.
  void Refuse(int status, const std::string& message) {
    must_close_ = true;
    Write(ErrorResponse(status, message));
  }

  void Write(Response response) {
    boost::system::error_code ignored;
    stream_.socket().cancel(ignored);  // the watch for the client's end
    const bool is_head = parser_->get().method() == beast::http::verb::head;
    response_ = BeastResponse(static_cast<beast::http::status>(response.status),
                              parser_->get().version() == 10 ? 10 : 11);
    response_.set(beast::http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers.entries()) response_.insert(name, value);
    response_.keep_alive(!must_close_ && !dispatcher_->is_stopping() &&
                         parser_->get().keep_alive());
    if (response.more_parts != nullptr) return WriteParts(std::move(response));
    response_.content_length(response.body.size());
    if (!is_head) response_.body() = std::move(response.body);
    serializer_.emplace(response_);
    serializer_->split(false);
    stream_.tcp().expires_after(ToSteady(dispatcher_->options().write_timeout));
    beast::http::async_write(
        stream_, *serializer_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->OnWritten(error); });
  }

  // A body of unknown length: in chunks, or to the end of the connection for HTTP/1.0.
  void WriteParts(Response response) {
    is_chunked_ = response_.version() == 11;
    if (!is_chunked_) response_.keep_alive(false);
    head_ = BeastHeader(response_.base());
    head_.chunked(is_chunked_);
    const bool has_body = parser_->get().method() != beast::http::verb::head;
    part_ = std::move(response.body);
    if (has_body) more_parts_ = std::move(response.more_parts);
    head_serializer_.emplace(head_);
    parts_deadline_ = std::chrono::steady_clock::now() +
                      kPartsTimeouts * ToSteady(dispatcher_->options().write_timeout);
    LimitWrite();
    beast::http::async_write_header(
        stream_, *head_serializer_,
        [self = shared_from_this(), has_body](beast::error_code error, size_t) {
          if (error || !has_body) return self->OnWritten(error);
          self->WritePart();
        });
  }

  // A client that takes a part now and then must not hold its place, and the data of its answer,
  // for hours.
  void LimitWrite() {
    const auto part_deadline =
        std::chrono::steady_clock::now() + ToSteady(dispatcher_->options().write_timeout);
    stream_.tcp().expires_at(std::min(part_deadline, parts_deadline_));
  }

  // Sends a part while the next one is made on the pool, like the answer itself.
  void WritePart() {
    if (more_parts_ != nullptr) MakePart();
    if (part_.empty()) return OnPartStep();  // an empty chunk would end the body
    LimitWrite();
    is_writing_part_ = true;
    const auto done = [self = shared_from_this()](beast::error_code error, size_t) {
      self->is_writing_part_ = false;
      self->part_error_ = error;
      self->OnPartStep();
    };
    if (is_chunked_) {
      asio::async_write(stream_, beast::http::make_chunk(asio::buffer(part_)), done);
    } else {
      asio::async_write(stream_, asio::buffer(part_), done);
    }
  }

  void MakePart() {
    is_making_part_ = true;
    dispatcher_->Post([self = shared_from_this()] {
      const bool has_more = self->more_parts_(self->next_part_);
      asio::post(self->stream_.get_executor(), [self, has_more] {
        if (!has_more) self->more_parts_ = nullptr;
        self->is_making_part_ = false;
        self->OnPartStep();
      });
    });
  }

  // One part is sent, and the next one made; or only one of both yet.
  void OnPartStep() {
    if (is_writing_part_ || is_making_part_) return;
    if (part_error_) return OnWritten(part_error_);
    const bool is_last = next_part_.empty() && more_parts_ == nullptr;
    part_.clear();
    std::swap(part_, next_part_);
    if (is_last) return EndParts();
    stream_.tcp().expires_never();
    WritePart();
  }

  void EndParts() {
    if (!is_chunked_) return OnWritten({});
    LimitWrite();
    asio::async_write(
        stream_, beast::http::make_chunk_last(),
        [self = shared_from_this()](beast::error_code error, size_t) { self->OnWritten(error); });
  }

  void OnWritten(beast::error_code error) {
    more_parts_ = nullptr;
    if (std::exchange(is_admitted_, false)) dispatcher_->Finish();
    if (error || !response_.keep_alive()) return Close();
    response_.body().clear();
    response_.body().shrink_to_fit();
    ReadRequest();
  }

  void Close() {
    if (!stream_.is_tls()) return CloseSocket();
    stream_.tcp().expires_after(kTlsGoodbyeTimeout);
    stream_.ShutDownTls([self = shared_from_this()](beast::error_code) { self->CloseSocket(); });
  }

  void CloseSocket() {
    beast::error_code ignored;  // the peer may be gone already
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    if (!must_close_) return stream_.tcp().close();
    // A client that is still sending would lose the answer: to close with unread bytes resets the
    // connection. What it sends is dropped for a while.
    stream_.tcp().expires_after(kLingerTimeout);
    DropInput(kLingerBytesMax);
  }

  void DropInput(size_t bytes_left) {
    part_.resize(kLingerReadBytes);
    stream_.tcp().async_read_some(asio::buffer(part_), [self = shared_from_this(), bytes_left](
                                                           beast::error_code error, size_t size) {
      if (error || size >= bytes_left) return self->stream_.tcp().close();
      self->DropInput(bytes_left - size);
    });
  }

  ClientStream stream_;
  const size_t listener_;
  const std::shared_ptr<Dispatcher> dispatcher_;
  const std::shared_ptr<std::atomic<size_t>> open_count_;
  const ConnectionGate::Place place_;
  ConnectionGate::Place source_place_;
  std::string remote_address_;
  std::string client_name_;
  beast::flat_buffer buffer_;
  boost::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  BeastResponse response_;
  boost::optional<beast::http::response_serializer<beast::http::string_body>> serializer_;
  // Of a body in parts. While the pool makes one, it alone uses next_part_ and the source.
  BeastHeader head_;
  boost::optional<beast::http::response_serializer<beast::http::empty_body>> head_serializer_;
  BodyParts more_parts_;
  std::string part_;       // being sent
  std::string next_part_;  // being made
  bool is_writing_part_ = false;
  bool is_making_part_ = false;
  beast::error_code part_error_;
  bool is_chunked_ = false;
  std::chrono::steady_clock::time_point parts_deadline_;
  bool must_close_ = false;
  bool is_admitted_ = false;  // the answer of a request that Admit() counted is being written
};

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerOptions& options, Handler handler)
      : dispatcher_(std::make_shared<Dispatcher>(options, std::move(handler))) {}

  absl::Status Listen() {
    for (const ListenerOptions& listener : dispatcher_->options().listeners) {
      PLUMBAGO_RETURN_IF_ERROR(Bind(listener.address));
    }
    return absl::OkStatus();
  }

  void Run() {
    for (size_t i = 0; i < listeners_.size(); ++i) Accept(i);
    thread_ = std::thread([this] { context_.run(); });
  }

  int port(size_t listener) const { return listeners_[listener]->port; }

  void Stop(absl::Duration drain) {
    if (!thread_.joinable()) return;
    dispatcher_->BeginStop();
    asio::post(context_, [this] {
      boost::system::error_code ignored;
      for (const auto& listener : listeners_) listener->acceptor.close(ignored);
    });
    dispatcher_->WaitUntilIdle(drain);
    dispatcher_->JoinPool();
    context_.stop();
    thread_.join();
  }

 private:
  struct Listener {
    explicit Listener(asio::io_context& context) : acceptor(context), accept_timer(context) {}

    tcp::acceptor acceptor;
    asio::steady_timer accept_timer;
    int port = 0;
  };

  absl::Status Bind(const std::string& where) {
    PLUMBAGO_ASSIGN_OR_RETURN(const Address address, ParseAddress(where));
    const tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
    auto listener = std::make_unique<Listener>(context_);
    tcp::acceptor& acceptor = listener->acceptor;
    boost::system::error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", where, " (HTTP): ", error.message()));
    }
    listener->port = acceptor.local_endpoint().port();
    listeners_.push_back(std::move(listener));
    return absl::OkStatus();
  }

  void Accept(size_t index) {
    tcp::acceptor& acceptor = listeners_[index]->acceptor;
    acceptor.async_accept(
        [this, index, &acceptor](boost::system::error_code error, tcp::socket socket) {
          if (error == asio::error::operation_aborted || !acceptor.is_open()) return;
          if (error) return AcceptLater(index);
          Serve(std::move(socket), index);
          Accept(index);
        });
  }

  // Most likely the process is out of file descriptors: trying again at once would only spin.
  void AcceptLater(size_t index) {
    Listener& listener = *listeners_[index];
    listener.accept_timer.expires_after(std::chrono::milliseconds(200));
    listener.accept_timer.async_wait([this, index, &listener](boost::system::error_code cancelled) {
      if (!cancelled && listener.acceptor.is_open()) Accept(index);
    });
  }

  // Whom it does not take, it closes.
  void Serve(tcp::socket socket, size_t index) {
    const ServerOptions& options = dispatcher_->options();
    if (open_count_->load() >= options.connections_max) return;
    ConnectionGate::Place place = options.gate == nullptr ? nullptr : options.gate->Admit();
    if (options.gate != nullptr && place == nullptr) return;
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    open_count_->fetch_add(1);
    std::make_shared<Connection>(std::move(socket), index, dispatcher_, open_count_,
                                 std::move(place))
        ->Open();
  }

  asio::io_context context_{1};
  std::vector<std::unique_ptr<Listener>> listeners_;  // they never move
  // Shared with connections and pool work that may still be running while the server stops.
  const std::shared_ptr<Dispatcher> dispatcher_;
  const std::shared_ptr<std::atomic<size_t>> open_count_ = std::make_shared<std::atomic<size_t>>(0);
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      Handler handler) {
  auto impl = std::make_unique<Impl>(options, std::move(handler));
  PLUMBAGO_RETURN_IF_ERROR(impl->Listen());
  impl->Run();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { impl_->Stop(absl::ZeroDuration()); }

int Server::port(size_t listener) const { return impl_->port(listener); }

void Server::Stop(absl::Duration drain) { impl_->Stop(drain); }

}  // namespace plumbago::http
