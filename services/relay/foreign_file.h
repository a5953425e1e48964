// A ForeignLink to a file: plaintext lines, appended. The file is opened for each piece, so that it
// can be renamed away at any time. A batch is accepted when it is written; the kernel brings it to
// the disk when it likes. Blocks its thread.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "base/file_system.h"
#include "foreign_link.h"
#include "relay/batch_encoder.h"

namespace plumbago::relay {

class ForeignFile final : public ForeignLink, public std::enable_shared_from_this<ForeignFile> {
 public:
  // Both must outlive it.
  ForeignFile(boost::asio::io_context& context, LinkParts parts, base::FileSystem& file_system);

  void Wake() override;
  void Close() override;

 private:
  void OnWake();
  // False where there is nothing to write, or it failed.
  bool WriteBatch();
  void Fail(const absl::Status& why);

  boost::asio::io_context& context_;
  const LinkParts parts_;
  base::FileSystem& file_system_;
  std::atomic<bool> is_wake_posted_{false};

  // Of the I/O thread.
  boost::asio::steady_timer timer_;
  BatchEncoder encoder_;
  std::string piece_;
  int failure_count_ = 0;  // since something was accepted
  bool is_waiting_ = false;
  bool is_closed_ = false;
};

}  // namespace plumbago::relay
