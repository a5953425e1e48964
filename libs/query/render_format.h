// Answers of /render from series: every format but pictures.
//
// An answer comes in parts of some hundred kilobytes, so that its size in memory does not depend on
// the number of points. Numbers are written straight into the part; there are no intermediate
// documents. A stream owns its series and belongs to one thread at a time. Nothing here fails:
// names that are not UTF-8 are mended where a format needs UTF-8.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "functions/series.h"

namespace plumbago::query {

enum class RenderFormat {
  kJson,
  kCsv,
  kRaw,
  kDygraph,
  kRickshaw,
  kPickle,
  kMsgpack,
  kProtobufV2,  // carbonapi_v2_pb
  kProtobufV3,  // carbonapi_v3_pb
  kPng,
  kSvg,
  kPdf,
};

enum class NullPoints { kKeep, kDrop };

// The range asked for, as protobuf answers repeat it.
struct RequestedRange {
  int64_t from = 0;
  int64_t until = 0;
};

struct EncodeOptions {
  NullPoints null_points = NullPoints::kKeep;  // json: dropping nulls drops series without values
  absl::TimeZone zone = absl::UTCTimeZone();   // csv
  RequestedRange range = {};                   // protobuf v3
};

class RenderStream {
 public:
  virtual ~RenderStream() = default;
  // Appends the next part to `part`; false when this was the last one.
  virtual bool Next(std::string& part) = 0;
};

// Parts end as soon as they have this size; with one protobuf series they may be larger.
inline constexpr size_t kPartBytes = 256 << 10;

// Any format but png, svg and pdf.
//
// json      [{"target":...,"tags":{...},"datapoints":[[value|null,time],...]},...]; [] if no series
//           has a point
// csv       name,YYYY-MM-DD HH:MM:SS,value with CRLF, times in the zone; null is empty
// raw       name,start,end,step|v1,v2,...; null is None
// dygraph   {"labels" : ["Time", ...], "data" : [[milliseconds, v1, ...], ...]}, rows at the times
//           of the first series; {} without series
// rickshaw  [{"target":...,"datapoints":[{"x":time,"y":value|null},...]},...]
// pickle, msgpack  a list of maps, as graphite-web's cluster peers exchange them
//
// NaN and infinities are null in every kind of JSON: strict readers refuse all else.
std::unique_ptr<RenderStream> MakeRenderStream(RenderFormat format, functions::SeriesList list,
                                               const EncodeOptions& options);

// All parts at once.
std::string EncodeWhole(RenderFormat format, functions::SeriesList list,
                        const EncodeOptions& options);

}  // namespace plumbago::query
