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
  z_stream stream{};
  PLUMBAGO_CHECK(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                              Z_DEFAULT_STRATEGY) == Z_OK);
  std::string compressed(deflateBound(&stream, static_cast<uLong>(body.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  PLUMBAGO_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);  // the bound is enough for all
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  return compressed;
}

}  // namespace plumbago::http
