// Proves for each format that what was compressed comes out whatever the pieces, that damage at any
// byte is noticed or harmless, and that a bomb is stopped at its bound. The compressors are the
// libraries' own; for snappy's framing a small one is written here after the format's description.
#include "protocols/decompressor.h"

#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "protocols/internal/crc32c.h"

namespace plumbago::protocols {
namespace {

std::string LittleEndian(uint32_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::string SnappyChunk(uint8_t type, const std::string& body) {
  return std::string(1, static_cast<char>(type)) +
         LittleEndian(static_cast<uint32_t>(body.size()), 3) + body;
}

std::string MaskedCrc(const std::string& data) {
  const uint32_t crc = internal::Crc32c(data);
  return LittleEndian((crc >> 15 | crc << 17) + 0xa282ead8, 4);
}

const std::string kSnappyBegin = SnappyChunk(0xff, "sNaPpY");

std::string CompressSnappy(const std::string& text) {
  std::string stream = kSnappyBegin;
  for (size_t at = 0; at < text.size(); at += 65536) {
    const std::string block = text.substr(at, 65536);
    std::string compressed;
    snappy::Compress(block.data(), block.size(), &compressed);
    stream += SnappyChunk(0, MaskedCrc(block) + compressed);
  }
  return stream;
}

std::string CompressGzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string CompressZstd(const std::string& text, int window_log = 20) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const size_t size = ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size());
  ZSTD_freeCCtx(context);
  REQUIRE_FALSE(ZSTD_isError(size));
  out.resize(size);
  return out;
}

std::string Compress(Compression compression, const std::string& text) {
  switch (compression) {
    case Compression::kGzip:
      return CompressGzip(text);
    case Compression::kSnappy:
      return CompressSnappy(text);
    case Compression::kZstd:
      return CompressZstd(text);
  }
  return {};
}

struct Inflated {
  std::string text;
  absl::Status status;
};

Inflated Inflate(Compression compression, const std::string& bytes, size_t piece_bytes,
                 const DecompressorLimits& limits = {}) {
  Inflated inflated;
  const auto decompressor = MakeDecompressor(compression, limits);
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) {
    inflated.status = decompressor->Feed(absl::string_view(bytes).substr(at, piece_bytes),
                                         [&](absl::string_view piece) {
                                           CHECK(piece.size() <= kDecompressedPieceBytesMax);
                                           inflated.text.append(piece.data(), piece.size());
                                         });
  }
  if (inflated.status.ok()) inflated.status = decompressor->Finish();
  return inflated;
}

std::string SampleText(size_t lines) {
  std::string text;
  for (size_t i = 0; i < lines; ++i) {
    text += "servers.web" + std::to_string(i % 97) + ".cpu " + std::to_string(i * 7919 % 10007) +
            " 1700000000\n";
  }
  return text;
}

const Compression kAll[] = {Compression::kGzip, Compression::kSnappy, Compression::kZstd};

TEST_CASE("Decompressor gives back what was compressed, however the bytes are cut", "[protocols]") {
  const std::string text = SampleText(20'000);  // several blocks of each format
  for (const Compression compression : kAll) {
    const std::string once = Compress(compression, text);
    const std::string stream = once + Compress(compression, "") + Compress(compression, "end\n");
    for (const size_t piece_bytes : {size_t{1}, size_t{13}, size_t{4096}, stream.size()}) {
      const Inflated inflated = Inflate(compression, stream, piece_bytes);
      INFO(static_cast<int>(compression) << " by " << piece_bytes << ": " << inflated.status);
      REQUIRE(inflated.status.ok());
      REQUIRE((inflated.text == text + "end\n"));
    }
  }
}

TEST_CASE("Decompressor notices an end at every byte", "[protocols]") {
  const std::string text = SampleText(5);
  for (const Compression compression : kAll) {
    const std::string stream = Compress(compression, text);
    for (size_t size = 1; size < stream.size(); ++size) {
      if (compression == Compression::kSnappy && size == kSnappyBegin.size()) continue;
      const Inflated inflated = Inflate(compression, stream.substr(0, size), 7);
      INFO(static_cast<int>(compression) << " cut at " << size);
      CHECK(absl::IsInvalidArgument(inflated.status));
      CHECK(text.compare(0, inflated.text.size(), inflated.text) == 0);
    }
  }
}

TEST_CASE("Decompressor never calls damaged data good", "[protocols]") {
  const std::string text = SampleText(5);
  for (const Compression compression : kAll) {
    const std::string stream = Compress(compression, text);
    for (size_t i = 0; i < stream.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string damaged = stream;
        damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
        const Inflated inflated = Inflate(compression, damaged, 1000);
        INFO(static_cast<int>(compression) << " bit " << bit << " of byte " << i);
        // A flag of a header may be of no consequence: then the text is the same. A snappy block
        // whose type became one to be skipped is gone, as its format has it.
        const bool is_harmless =
            inflated.text == text || (compression == Compression::kSnappy && inflated.text.empty());
        CHECK((!inflated.status.ok() || is_harmless));
      }
    }
  }
}

TEST_CASE("Decompressor stops a bomb after its credit", "[protocols]") {
  const std::string bomb_text(64 << 20, '\0');
  for (const Compression compression : {Compression::kGzip, Compression::kZstd}) {
    const std::string bomb = Compress(compression, bomb_text);
    REQUIRE(bomb.size() * 100 < bomb_text.size());
    DecompressorLimits limits;
    const Inflated inflated = Inflate(compression, bomb, bomb.size(), limits);
    CHECK(absl::IsResourceExhausted(inflated.status));
    CHECK(inflated.text.size() <= bomb.size() * limits.ratio_max);
    // Good behaviour before saves up no more than the bound.
    limits.credit_bytes_max = 1 << 20;
    const std::string good = SampleText(500'000);
    const Inflated late = Inflate(compression, Compress(compression, good) + bomb, 1 << 20, limits);
    CHECK(absl::IsResourceExhausted(late.status));
    CHECK(late.text.size() <= good.size() + limits.credit_bytes_max + bomb.size() * 100);
  }
}

TEST_CASE("Decompressor takes a ratio up to its bound", "[protocols]") {
  const std::string text(50'000, 'x');
  for (const Compression compression : kAll) {
    const std::string stream = Compress(compression, text);
    DecompressorLimits limits;
    limits.ratio_max = static_cast<uint32_t>((text.size() + stream.size() - 1) / stream.size());
    CHECK(Inflate(compression, stream, stream.size(), limits).status.ok());
    --limits.ratio_max;
    CHECK(absl::IsResourceExhausted(Inflate(compression, stream, stream.size(), limits).status));
  }
}

TEST_CASE("A zstd window over the bound is refused before memory is taken for it", "[protocols]") {
  std::string text;
  std::mt19937 random(7);
  for (int i = 0; i < 3 << 20; ++i) text.push_back(static_cast<char>(random()));
  DecompressorLimits limits;
  limits.window_log_max = 21;
  CHECK(Inflate(Compression::kZstd, CompressZstd(text, 20), 65536, limits).status.ok());
  CHECK(Inflate(Compression::kZstd, CompressZstd(text, 21), 65536, limits).status.ok());
  CHECK(absl::IsResourceExhausted(
      Inflate(Compression::kZstd, CompressZstd(text, 22), 65536, limits).status));
}

TEST_CASE("Snappy's framing is read as its description says", "[protocols]") {
  const auto inflate = [](const std::string& stream) {
    return Inflate(Compression::kSnappy, stream, 5);
  };
  const std::string plain = SnappyChunk(1, MaskedCrc("hello") + "hello");
  CHECK(inflate(kSnappyBegin + plain).text == "hello");
  CHECK(inflate(kSnappyBegin + SnappyChunk(0xfe, std::string(100'000, '\0')) + plain).text ==
        "hello");
  CHECK(inflate(kSnappyBegin + SnappyChunk(0x80, "?") + kSnappyBegin + plain).text == "hello");
  CHECK(absl::IsInvalidArgument(inflate(plain).status));
  CHECK(absl::IsInvalidArgument(inflate(SnappyChunk(0xff, "sNaPpy")).status));
  CHECK(absl::IsInvalidArgument(inflate(SnappyChunk(0xff, "sNaPp")).status));
  CHECK(absl::IsInvalidArgument(inflate(kSnappyBegin + SnappyChunk(0x02, "xxxx")).status));
  CHECK(absl::IsInvalidArgument(inflate(kSnappyBegin + SnappyChunk(0x01, "xxx")).status));
  CHECK(absl::IsDataLoss(inflate(kSnappyBegin + SnappyChunk(1, "....hello")).status));
  const auto block = [&](size_t size) {
    const std::string data(size, 'x');
    return inflate(kSnappyBegin + SnappyChunk(1, MaskedCrc(data) + data));
  };
  CHECK(block(65535).status.ok());
  CHECK(block(65536).status.ok());
  CHECK(absl::IsInvalidArgument(block(65537).status));
  std::string compressed;
  const std::string large(65537, 'x');
  snappy::Compress(large.data(), large.size(), &compressed);
  CHECK(absl::IsInvalidArgument(
      inflate(kSnappyBegin + SnappyChunk(0, MaskedCrc(large) + compressed)).status));
}

TEST_CASE("Crc32c gives the values of RFC 3720", "[protocols]") {
  CHECK(internal::Crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(internal::Crc32c(std::string(32, '\xff')) == 0x62a8ab43);
  CHECK(internal::Crc32c("123456789") == 0xe3069283);
}

}  // namespace
}  // namespace plumbago::protocols
