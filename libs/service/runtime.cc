#include "service/runtime.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "service/version.h"

namespace plumbago::service {
namespace {

sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

void BlockSignals() {
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void AddBuildMetrics(base::Metrics& metrics, const std::string& name) {
  metrics
      .AddGauge("plumbago_build_info", "Always 1; the labels tell what runs",
                {{"service", name}, {"version", kVersion}})
      .Set(1);
}

}  // namespace

void AddCommonFlags(CommandLine& flags, CommonOptions& options) {
  flags.Add("--listen", options.grpc_listen, "Address of the gRPC server, host:port");
  flags.Add("--admin-listen", options.admin_listen,
            "Address of /metrics, /healthz and /readyz, host:port");
  flags.Add("--data-dir", options.data_dir, "Directory for everything this process keeps");
  flags.Add("--log-level", options.log_level, "debug, info, warning or error");
  flags.AddDuration(
      "--drain-timeout", options.drain_timeout,
      "Longest orderly stop after SIGTERM; keep it below what your supervisor allows");
}

Runtime::Runtime(std::string name, const CommonOptions& options)
    : name_(std::move(name)), options_(options), file_system_(base::MakePosixFileSystem()) {
  AddBuildMetrics(metrics_, name_);
}

Runtime::~Runtime() {
  if (admin_server_ != nullptr) admin_server_->Stop(absl::Seconds(1));
  if (data_directory_lock_ >= 0) close(data_directory_lock_);
}

absl::Status Runtime::LockDataDirectory() {
  if (options_.data_dir.empty()) {
    return absl::InvalidArgumentError("--data-dir is empty; name a directory");
  }
  PLUMBAGO_RETURN_IF_ERROR(file_system_->CreateDirectories(options_.data_dir));
  const std::string path = absl::StrCat(options_.data_dir, "/lock");
  data_directory_lock_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (data_directory_lock_ < 0) return base::ErrnoStatus(errno, absl::StrCat("open ", path));
  if (flock(data_directory_lock_, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("another process uses --data-dir ", options_.data_dir,
                     "; stop it, or give this one a directory of its own"));
  }
  NotePreviousStop();
  return absl::OkStatus();
}

// The lock file has content while a process runs that has not stopped in order.
void Runtime::NotePreviousStop() {
  struct stat info {};
  const bool was_unclean = fstat(data_directory_lock_, &info) == 0 && info.st_size > 0;
  if (was_unclean) {
    base::LogWarning(absl::StrCat("the process that used ", options_.data_dir,
                                  " before was killed or has crashed"));
  }
  metrics_
      .AddGauge("plumbago_previous_stop_was_unclean",
                "1 where the process before this one was killed or crashed", {{"service", name_}})
      .Set(was_unclean ? 1 : 0);
  constexpr char kRunning[] = "running\n";
  if (pwrite(data_directory_lock_, kRunning, sizeof(kRunning) - 1, 0) < 0) {
    base::LogWarning(base::ErrnoStatus(errno, "write of the lock file").ToString());
  }
}

void Runtime::MarkCleanStop() {
  if (data_directory_lock_ >= 0 && ftruncate(data_directory_lock_, 0) != 0) {
    base::LogWarning(base::ErrnoStatus(errno, "truncation of the lock file").ToString());
  }
}

void Runtime::RequestStop() { kill(getpid(), SIGTERM); }

absl::Status Runtime::ServeAdmin() {
  http::ServerOptions options;
  options.listeners = {{.address = options_.admin_listen}};
  options.body_bytes_max = 1 << 20;
  options.connections_max = 256;
  auto server = http::Server::Start(
      options, [this](const http::Request& request) { return HandleAdmin(request); });
  if (!server.ok()) return base::Annotate(server.status(), "--admin-listen");
  admin_server_ = std::move(server).value();
  return absl::OkStatus();
}

absl::Status Runtime::ServeGrpc(const std::vector<grpc::Service*>& services) {
  auto server = rpc::Server::Start({.listen = options_.grpc_listen}, services);
  if (!server.ok()) return base::Annotate(server.status(), "--listen");
  grpc_server_ = std::move(server).value();
  const auto publish = [this](const absl::Status& readiness) {
    grpc_server_->SetServing(readiness.ok() ? rpc::Server::Serving::kYes
                                            : rpc::Server::Serving::kNo);
  };
  health_.OnChange(publish);
  publish(health_.readiness());
  base::LogInfo(absl::StrCat(kVersion, " serves gRPC on port ", grpc_server_->port(),
                             ", admin HTTP on port ", admin_server_->port()));
  return absl::OkStatus();
}

bool Runtime::IsStopRequested() const {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

void Runtime::WaitForStop(const std::function<void()>& reload) {
  const sigset_t signals = HandledSignals();
  for (;;) {
    int received = 0;
    if (sigwait(&signals, &received) != 0) continue;
    if (received == SIGHUP) {
      base::LogInfo("SIGHUP: reloading");
      reload();
      continue;
    }
    base::LogInfo(absl::StrCat(received == SIGTERM ? "SIGTERM" : "SIGINT", ": draining"));
    health_.SetNotReady("draining");
    stop_deadline_ = clock_.Monotonic() + options_.drain_timeout;
    return;
  }
}

void Runtime::StopGrpc() {
  if (grpc_server_ == nullptr) return;
  // What the drain has used of its time is gone, except for a moment to say goodbye.
  grpc_server_->Shutdown(std::max(absl::Seconds(1), stop_deadline_ - clock_.Monotonic()));
  health_.OnChange({});
}

http::Response Runtime::HandleAdmin(const http::Request& request) {
  http::Response response;
  if (request.path == "/metrics") {
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics_.Scrape();
  } else if (request.path == "/healthz") {
    response.body = "ok\n";
  } else if (request.path == "/readyz") {
    const absl::Status readiness = health_.readiness();
    response.status = readiness.ok() ? 200 : 503;
    response.body = readiness.ok()
                        ? "ready\n"
                        : absl::StrCat("not ready: ", std::string(readiness.message()), "\n");
  } else {
    response.status = 404;
    response.body = absl::StrCat(name_, " serves /metrics, /healthz and /readyz here\n");
  }
  return response;
}

int Run(const std::string& name, const CommonOptions& options,
        const std::function<absl::Status(Runtime&)>& body) {
  BlockSignals();
  absl::Status status = base::InitialiseLog(name, options.log_level);
  if (status.ok()) {
    Runtime runtime(name, options);
    status = body(runtime);
    if (status.ok()) runtime.MarkCleanStop();
  }
  if (!status.ok()) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), std::string(status.message()).c_str());
    return 1;
  }
  base::LogInfo("stopped");
  return 0;
}

}  // namespace plumbago::service
