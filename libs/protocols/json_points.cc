#include "protocols/json_points.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "metric/line_parser.h"
#include "metric/metric_name.h"
#include "protocols/tagged_name.h"
#include "protocols/timestamp.h"

namespace plumbago::protocols {
namespace {

// One object of the body as far as it has been read. The text is bounded by what a name may have;
// what goes beyond is only counted.
struct PointObject {
  std::string metric;
  bool has_metric = false;
  bool has_value = false;
  bool has_timestamp = false;
  RefusalReason fault = RefusalReason::kNone;  // the first one
  double value = 0;
  double timestamp = 0;
  std::vector<std::pair<std::string, std::string>> tags;
  size_t tag_bytes = 0;
};

// Told by the parser what it reads, in order. Every function returns whether to go on.
class PointReader {
 public:
  PointReader(uint32_t now_seconds, PointSink& sink) : now_seconds_(now_seconds), sink_(sink) {}

  bool null() { return OnScalar({}, Scalar::kOther, 0); }
  bool boolean(bool value) { return OnScalar(value ? "true" : "false", Scalar::kOther, 0); }
  bool number_integer(int64_t value) {
    return OnScalar(absl::StrCat(value), Scalar::kNumber, static_cast<double>(value));
  }
  bool number_unsigned(uint64_t value) {
    return OnScalar(absl::StrCat(value), Scalar::kNumber, static_cast<double>(value));
  }
  bool number_float(double value, const std::string& text) {
    return OnScalar(text, Scalar::kNumber, value);
  }
  bool string(std::string& text) { return OnScalar(text, Scalar::kString, 0); }
  bool binary(nlohmann::json::binary_t& /*value*/) { return false; }  // not in JSON

  bool start_object(size_t /*size*/);
  bool end_object();
  bool start_array(size_t /*size*/);
  bool end_array();
  bool key(std::string& text);
  bool parse_error(size_t position, const std::string& /*token*/,
                   const nlohmann::json::exception& error);

  RefusalReason fault() const { return fault_; }
  const std::string& what() const { return what_; }

 private:
  enum class Scalar { kString, kNumber, kOther };
  enum class Level { kBody, kList, kPoint, kTags, kIgnored };

  bool Fail(RefusalReason reason, absl::string_view what);
  bool OnScalar(absl::string_view text, Scalar type, double number);
  bool Enter();
  void Leave();
  void SetNumber(absl::string_view text, Scalar type, double number, double* field,
                 RefusalReason reason);
  void SetFault(RefusalReason reason);
  void HandOn();

  const uint32_t now_seconds_;
  PointSink& sink_;
  Level level_ = Level::kBody;
  size_t depth_ = 0;
  size_t ignored_depth_ = 0;  // depth_ at which an ignored value began
  Level level_before_ignored_ = Level::kBody;
  bool is_list_ = false;
  std::string key_;
  uint64_t position_ = 0;
  PointObject point_;
  RefusalReason fault_ = RefusalReason::kNone;
  std::string what_;
};

bool PointReader::Enter() {
  if (++depth_ <= kJsonDepthMax) return true;
  return Fail(RefusalReason::kTooDeep, "objects and arrays are nested more than 8 deep");
}

bool PointReader::start_object(size_t /*size*/) {
  if (!Enter()) return false;
  if (level_ == Level::kBody || level_ == Level::kList) {
    level_ = Level::kPoint;
    point_ = {};
    ++position_;
  } else if (level_ == Level::kPoint && key_ == "tags") {
    level_ = Level::kTags;
  } else if (level_ != Level::kIgnored) {
    if (level_ == Level::kTags) SetFault(RefusalReason::kBadShape);
    level_before_ignored_ = std::exchange(level_, Level::kIgnored);
    ignored_depth_ = depth_;
  }
  return true;
}

bool PointReader::end_object() {
  --depth_;
  if (level_ == Level::kTags) {
    level_ = Level::kPoint;
  } else if (level_ == Level::kPoint) {
    HandOn();
    level_ = is_list_ ? Level::kList : Level::kBody;
  } else {
    Leave();
  }
  return true;
}

bool PointReader::start_array(size_t /*size*/) {
  if (!Enter()) return false;
  if (level_ == Level::kBody) {
    level_ = Level::kList;
    is_list_ = true;
  } else if (level_ != Level::kIgnored) {
    const bool is_element = level_ == Level::kList;
    const bool is_field =
        key_ == "metric" || key_ == "value" || key_ == "timestamp" || key_ == "tags";
    if (is_element) {
      sink_.OnRefused({RefusalReason::kBadShape, ++position_, {}});
    } else if (level_ == Level::kTags || is_field) {
      SetFault(RefusalReason::kBadShape);
    }
    level_before_ignored_ = std::exchange(level_, Level::kIgnored);
    ignored_depth_ = depth_;
  }
  return true;
}

bool PointReader::end_array() {
  --depth_;
  if (level_ == Level::kList) {
    level_ = Level::kBody;
  } else {
    Leave();
  }
  return true;
}

void PointReader::Leave() {
  if (depth_ < ignored_depth_) level_ = level_before_ignored_;
}

bool PointReader::key(std::string& text) {
  key_ = text;
  return true;
}

bool PointReader::OnScalar(absl::string_view text, Scalar type, double number) {
  if (level_ == Level::kBody) return Fail(RefusalReason::kBadShape, "neither object nor array");
  if (level_ == Level::kIgnored) return true;
  if (level_ == Level::kList) {
    sink_.OnRefused({RefusalReason::kBadShape, ++position_, text});
    return true;
  }
  if (level_ == Level::kTags) {
    point_.tag_bytes += key_.size() + text.size();
    if (point_.tag_bytes > metric::kMetricBytesMax) {
      SetFault(RefusalReason::kNameTooLong);
    } else if (!text.empty()) {
      point_.tags.emplace_back(key_, std::string(text));
    }
    return true;
  }
  if (key_ == "metric") {
    point_.has_metric = true;
    if (type != Scalar::kString) SetFault(RefusalReason::kBadShape);
    if (text.size() > metric::kMetricBytesMax) SetFault(RefusalReason::kNameTooLong);
    point_.metric.assign(text.data(), std::min(text.size(), metric::kMetricBytesMax));
  } else if (key_ == "value") {
    point_.has_value = true;
    SetNumber(text, type, number, &point_.value, RefusalReason::kBadValue);
  } else if (key_ == "timestamp") {
    point_.has_timestamp = true;
    SetNumber(text, type, number, &point_.timestamp, RefusalReason::kBadTimestamp);
  } else if (key_ == "tags" && type != Scalar::kOther) {
    SetFault(RefusalReason::kBadShape);
  }
  return true;
}

void PointReader::SetNumber(absl::string_view text, Scalar type, double number, double* field,
                            RefusalReason reason) {
  *field = number;
  if (type == Scalar::kNumber) return;
  const bool is_numeric = type == Scalar::kString && metric::ParseDouble(text, field);
  if (!is_numeric || std::isnan(*field)) SetFault(reason);
}

void PointReader::SetFault(RefusalReason reason) {
  if (point_.fault == RefusalReason::kNone) point_.fault = reason;
}

void PointReader::HandOn() {
  if (!point_.has_metric || !point_.has_value || !point_.has_timestamp) {
    SetFault(RefusalReason::kBadShape);
  }
  TaggedName name;
  name.Begin(point_.metric);
  for (const auto& [tag, value] : point_.tags) name.AddTag(tag, value);
  SetFault(name.fault());
  Point point{name.text(), point_.value, 0, position_};
  SetFault(TimeFromSecondsOrMillis(point_.timestamp, now_seconds_, &point.time_seconds));
  if (point_.fault == RefusalReason::kNone) {
    sink_.OnPoint(point);
  } else {
    sink_.OnRefused({point_.fault, position_, point_.metric});
  }
}

bool PointReader::Fail(RefusalReason reason, absl::string_view what) {
  if (fault_ == RefusalReason::kNone) {
    fault_ = reason;
    what_ = std::string(what);
  }
  return false;
}

bool PointReader::parse_error(size_t position, const std::string& /*token*/,
                              const nlohmann::json::exception& error) {
  return Fail(RefusalReason::kMalformed,
              absl::StrCat("byte ", position, " of the body: ", base::Excerpt(error.what())));
}

}  // namespace

absl::Status DecodeJsonPoints(absl::string_view body, uint32_t now_seconds, PointSink& sink) {
  PointReader reader(now_seconds, sink);
  const bool is_read = nlohmann::json::sax_parse(body.begin(), body.end(), &reader);
  if (is_read && reader.fault() == RefusalReason::kNone) return absl::OkStatus();
  return RefuseMessage(reader.fault(), body, reader.what(), sink);
}

}  // namespace plumbago::protocols
