#include "protocols/compressor.h"

#include <snappy.h>
#include <zlib.h>

#include <algorithm>

#include "base/check.h"
#include "protocols/internal/crc32c.h"

namespace plumbago::protocols {
namespace {

class GzipCompressor final : public Compressor {
 public:
  GzipCompressor() {
    // The fastest level: points shrink to a fifth with it. 16 asks for gzip's header.
    PLUMBAGO_CHECK(deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 8,
                                Z_DEFAULT_STRATEGY) == Z_OK);
  }
  ~GzipCompressor() override { deflateEnd(&stream_); }

  void Append(absl::string_view bytes, std::string* out) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      const size_t used = out->size();
      out->resize(used + kOutputBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(out->data() + used);
      stream_.avail_out = kOutputBytes;
      // Z_BUF_ERROR: there was nothing left to do.
      const int result = deflate(&stream_, Z_SYNC_FLUSH);
      PLUMBAGO_CHECK(result == Z_OK || result == Z_BUF_ERROR);
      out->resize(used + kOutputBytes - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

 private:
  static constexpr uInt kOutputBytes = 16 << 10;
  z_stream stream_{};
};

// https://github.com/google/snappy/blob/main/framing_format.txt
class SnappyCompressor final : public Compressor {
 public:
  void Append(absl::string_view bytes, std::string* out) override {
    if (!has_begun_) out->append("\xff\x06\0\0sNaPpY", 10);
    has_begun_ = true;
    while (!bytes.empty()) {
      const absl::string_view block = bytes.substr(0, kBlockBytesMax);
      AppendChunk(block, out);
      bytes.remove_prefix(block.size());
    }
  }

 private:
  static constexpr size_t kBlockBytesMax = 65536;
  static constexpr char kCompressedChunk = 0x00;

  static void AppendLittleEndian(uint32_t number, int size, std::string* out) {
    for (int i = 0; i < size; ++i) out->push_back(static_cast<char>(number >> (8 * i)));
  }

  void AppendChunk(absl::string_view block, std::string* out) {
    snappy::Compress(block.data(), block.size(), &compressed_);
    out->push_back(kCompressedChunk);
    AppendLittleEndian(static_cast<uint32_t>(4 + compressed_.size()), 3, out);
    const uint32_t crc = internal::Crc32c(block);
    AppendLittleEndian((crc >> 15 | crc << 17) + 0xa282ead8, 4, out);
    out->append(compressed_);
  }

  bool has_begun_ = false;
  std::string compressed_;  // scratch
};

}  // namespace

std::unique_ptr<Compressor> MakeCompressor(Compression compression) {
  if (compression == Compression::kSnappy) return std::make_unique<SnappyCompressor>();
  PLUMBAGO_CHECK(compression == Compression::kGzip);
  return std::make_unique<GzipCompressor>();
}

}  // namespace plumbago::protocols
