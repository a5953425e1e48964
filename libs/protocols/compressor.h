// Compresses a stream for a receiver that inflates while it reads: gzip, or snappy's framing
// format. What decompressor.h reads.
//
// Everything appended can be inflated at once from what was put out (gzip: a sync flush for each
// piece). A stream has no end of its own: it ends with its connection, as carbon-c-relay's do. For
// one thread; about 270 KiB for gzip.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "protocols/decompressor.h"

namespace plumbago::protocols {

class Compressor {
 public:
  virtual ~Compressor() = default;
  // Adds `bytes`, compressed, to `out`. Pieces of 16 KiB and more compress well.
  virtual void Append(absl::string_view bytes, std::string* out) = 0;
};

// kGzip or kSnappy.
std::unique_ptr<Compressor> MakeCompressor(Compression compression);

}  // namespace plumbago::protocols
