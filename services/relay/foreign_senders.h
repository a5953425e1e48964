// The relay's ways to foreign destinations: makes the BatchStreams, and owns the two threads that
// serve them, one for all sockets and one for all files, which may block.
//
// A batch is accepted when the peer's kernel has acknowledged its bytes (docs/routing.md says what
// that promises). Start and the destructor belong to one owner; MakeStream is thread-safe.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/file_system.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "foreign_destination.h"
#include "relay/batch.h"
#include "routing/destination.h"
#include "tls.h"

namespace plumbago::relay {

struct ForeignOptions {
  absl::Duration connect_timeout = absl::Seconds(5);  // of each address, the handshake included
  std::string tls_ca_path = "";                       // empty: the CAs of the machine
};

class ForeignSenders {
 public:
  // All must outlive it. `held` counts the points in memory.
  ForeignSenders(const ForeignOptions& options, base::FileSystem& file_system,
                 base::Metrics& metrics, base::Gauge& held);
  // After the last of its streams.
  ~ForeignSenders();

  // InvalidArgument: the file with the CAs.
  absl::Status Start();

  // InvalidArgument, with what to do instead, where nothing can be sent to one of them.
  static absl::Status Check(absl::Span<const routing::Endpoint> endpoints);

  // To an endpoint that Check() has let pass.
  std::unique_ptr<BatchStream> MakeStream(const routing::Endpoint& endpoint);

  // Of which there has been a stream. They live as long as this. Thread-safe.
  std::vector<const ForeignDestination*> Destinations();

 private:
  // A thread that runs handlers.
  struct Worker {
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        context.get_executor()};
    std::thread thread;

    void Start(const char* name);
    void Stop();
  };

  ForeignDestination& DestinationOf(const routing::Endpoint& endpoint);

  const ForeignOptions options_;
  base::FileSystem& file_system_;
  base::Metrics& metrics_;
  base::Gauge& points_held_;
  std::shared_ptr<TlsContext> tls_;

  base::Mutex mutex_;
  // By the name of the spool.
  std::map<std::string, std::unique_ptr<ForeignDestination>> destinations_ ABSL_GUARDED_BY(mutex_);

  Worker sockets_;
  Worker files_;
};

}  // namespace plumbago::relay
