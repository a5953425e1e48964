#include "http/gzip.h"

#include <zlib.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/check.h"

namespace plumbago::http {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // 16: gzip's header and checksum instead of zlib's
constexpr int kMemoryLevel = 8;
// What zlib may hold back from one part to the next: its window and its pending buffer.
constexpr size_t kPendingBytesMax = 256 << 10;

}  // namespace

bool AcceptsGzip(const Request& request) {
  for (const absl::string_view coding :
       absl::StrSplit(request.headers.Get("Accept-Encoding"), ',')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(coding, absl::MaxSplits(';', 1));
    if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(parts.first), "gzip")) continue;
    absl::string_view quality = absl::StripAsciiWhitespace(parts.second);
    double value = 1;
    if (absl::ConsumePrefix(&quality, "q=") && !absl::SimpleAtod(quality, &value)) return false;
    return value > 0;
  }
  return false;
}

std::string Gzip(absl::string_view body) {
  std::string compressed;
  GzipStream().Append(body, GzipStream::Position::kLast, compressed);
  return compressed;
}

struct GzipStream::State {
  z_stream stream{};
};

GzipStream::GzipStream() : state_(std::make_unique<State>()) {
  PLUMBAGO_CHECK(deflateInit2(&state_->stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindowBits,
                              kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK);
}

GzipStream::~GzipStream() { deflateEnd(&state_->stream); }

void GzipStream::Append(absl::string_view part, Position position, std::string& out) {
  z_stream& stream = state_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
  stream.avail_in = static_cast<uInt>(part.size());
  const int flush = position == Position::kLast ? Z_FINISH : Z_NO_FLUSH;
  // More than enough for the whole part, so one call does it.
  const size_t bound = deflateBound(&stream, static_cast<uLong>(part.size())) + kPendingBytesMax;
  const size_t size = out.size();
  out.resize(size + bound);
  stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
  stream.avail_out = static_cast<uInt>(bound);
  const int result = deflate(&stream, flush);
  PLUMBAGO_CHECK(stream.avail_in == 0);
  PLUMBAGO_CHECK(result == (position == Position::kLast ? Z_STREAM_END : Z_OK) ||
                 (result == Z_BUF_ERROR && part.empty()));
  out.resize(size + bound - stream.avail_out);
}

}  // namespace plumbago::http
