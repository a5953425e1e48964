// What every service's main shares: log, clock, files, metrics, health, the admin HTTP server
// (/metrics, /healthz, /readyz), the gRPC server with health and reflection, and signals.
//
//   int main(int argc, char** argv) {
//     CommandLine flags("plumbago-x", "...");
//     service::CommonOptions common{.grpc_listen = "127.0.0.1:7000", ...};
//     service::AddCommonFlags(flags, common);
//     if (auto code = flags.Parse(argc, argv)) return *code;
//     return service::Run(flags.name(), common, [&](service::Runtime& runtime) -> absl::Status {
//       ... build objects in dependency order ...
//       PLUMBAGO_RETURN_IF_ERROR(runtime.ServeAdmin());
//       PLUMBAGO_RETURN_IF_ERROR(runtime.ServeGrpc({&grpc_service}));
//       runtime.health().SetReady();
//       runtime.WaitForStop();     // SIGTERM or SIGINT
//       ... drain ...
//       runtime.StopGrpc();
//       return absl::OkStatus();
//     });
//   }
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "http/server.h"
#include "rpc/server.h"
#include "service/command_line.h"
#include "service/health.h"

namespace plumbago::service {

struct CommonOptions {
  std::string grpc_listen;
  std::string admin_listen;
  std::string data_dir;
  std::string log_level = "info";
  absl::Duration drain_timeout = absl::Seconds(25);  // Kubernetes kills after 30 s
};

// --listen, --admin-listen, --data-dir, --log-level, --drain-timeout.
void AddCommonFlags(CommandLine& flags, CommonOptions& options);

class Runtime {
 public:
  Runtime(std::string name, const CommonOptions& options);
  ~Runtime();

  base::Clock& clock() { return clock_; }
  base::FileSystem& file_system() { return *file_system_; }
  base::Metrics& metrics() { return metrics_; }
  Health& health() { return health_; }
  const CommonOptions& options() const { return options_; }

  // Creates the data directory and takes a lock on it for the life of the process. Says in the log
  // and in a metric whether the process that had it before ended without stopping.
  // FailedPrecondition: another process holds it.
  absl::Status LockDataDirectory();

  // Starts the admin HTTP server: call it first, so that /readyz can say what is going on.
  absl::Status ServeAdmin();
  // Starts the gRPC server. `services` must live until StopGrpc().
  absl::Status ServeGrpc(const std::vector<grpc::Service*>& services);

  // Blocks until SIGTERM or SIGINT; calls `reload` for each SIGHUP.
  void WaitForStop(const std::function<void()>& reload = [] {});

  // Whether SIGTERM or SIGINT has come and WaitForStop() has not seen it yet: for what takes long
  // before it is called.
  bool IsStopRequested() const;

  // Until when (monotonic) everything has to be saved: the signal plus --drain-timeout. After
  // WaitForStop().
  absl::Duration stop_deadline() const { return stop_deadline_; }

  // As SIGTERM does. Any thread.
  void RequestStop();

  // The stop has saved everything: the next start need not warn.
  void MarkCleanStop();

  // Closes the gRPC server by stop_deadline(). The admin server stays until the end, so that
  // the last metrics can be scraped.
  void StopGrpc();

 private:
  void NotePreviousStop();
  http::Response HandleAdmin(const http::Request& request);

  const std::string name_;
  const CommonOptions options_;
  base::SystemClock clock_;
  const std::unique_ptr<base::FileSystem> file_system_;
  base::Metrics metrics_;
  Health health_;
  int data_directory_lock_ = -1;
  absl::Duration stop_deadline_;  // monotonic; set by the signal
  std::unique_ptr<rpc::Server> grpc_server_;
  std::unique_ptr<http::Server> admin_server_;
};

// Blocks the signals for all threads, sets up the log, runs `body`, reports its error on standard
// error. Returns the exit code: 0, or 1 after an error.
int Run(const std::string& name, const CommonOptions& options,
        const std::function<absl::Status(Runtime&)>& body);

}  // namespace plumbago::service
