// Carbon's pickled batches: [(path, (timestamp, value)), ...].
//
// An own, restricted decoder for the pickles of Python 2 and 3, protocols 0 to 5: lists, tuples,
// sets, dicts, strings, bytes, numbers, bools and None, with the memo. Nothing else is ever built:
// a pickle that refers to a class or function is refused as a whole (pickle_class), whatever it is.
//
// As lenient as carbon and go-carbon together: elements and pairs may be lists or tuples, numbers
// may be numeric strings or bools, (path, (t, v), (t, v), ...) has several points, an element of
// another shape is skipped and counted while the others go on.
//
// Bounds: values of a message 2^19, points 2^19, nesting 8. Memory: at most 40 MiB and twice the
// payload, whatever the payload says, because repeated strings and containers are kept once.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "protocols/point_sink.h"

namespace plumbago::protocols {

inline constexpr size_t kPicklePointsMax = size_t{1} << 19;

// Decodes one frame (frame_cutter.h). Not OK where the whole message was refused; then no point of
// it was handed on. A bad element is no error: the sink knows it by its position in the list.
absl::Status DecodePickle(absl::string_view payload, uint32_t now_seconds, PointSink& sink);

}  // namespace plumbago::protocols
