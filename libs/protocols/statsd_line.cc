#include "protocols/statsd_line.h"

#include <array>
#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "metric/line_parser.h"
#include "metric/metric_name.h"

namespace plumbago::protocols {
namespace {

void AppendSanitised(absl::string_view text, std::string* out) {
  bool is_after_blank = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_blank = absl::ascii_isspace(byte);
    if (is_blank && !is_after_blank) out->push_back('_');
    if (c == '/') out->push_back('-');
    const bool is_kept =
        absl::ascii_isalnum(byte) || c == '_' || c == '-' || c == '.' || c == ';' || c == '=';
    if (is_kept) out->push_back(c);
    is_after_blank = is_blank;
  }
}

// "region:eu,az:1" as ";region=eu;az=1".
std::string ToGraphiteTags(absl::string_view tags) {
  std::string text;
  for (const absl::string_view tag : absl::StrSplit(tags, ',')) {
    text.push_back(';');
    const size_t colon = tag.find(':');
    for (size_t i = 0; i < tag.size(); ++i) {
      text.push_back(i == colon ? '=' : tag[i] == ';' ? '_' : tag[i]);
    }
  }
  return text;
}

bool ParseFinite(absl::string_view text, double* value) {
  return metric::ParseDouble(absl::StripAsciiWhitespace(text), value) && std::isfinite(*value);
}

RefusalReason ParseType(absl::string_view text, StatsdType* type) {
  text = absl::StripAsciiWhitespace(text);
  if (text == "c") {
    *type = StatsdType::kCounter;
  } else if (text == "g") {
    *type = StatsdType::kGauge;
  } else if (text == "ms" || text == "h" || text == "d") {
    *type = StatsdType::kTimer;
  } else if (text == "s") {
    *type = StatsdType::kSet;
  } else {
    return RefusalReason::kUnknownType;
  }
  return RefusalReason::kNone;
}

RefusalReason ParseValue(absl::string_view text, bool is_duration, StatsdSample* sample) {
  if (sample->type == StatsdType::kSet) {
    sample->member = text.empty() ? absl::string_view("0") : text;
    return RefusalReason::kNone;
  }
  if (!ParseFinite(text, &sample->value)) return RefusalReason::kBadValue;
  if (is_duration && sample->value < 0) return RefusalReason::kBadValue;
  sample->is_gauge_delta =
      sample->type == StatsdType::kGauge && (text.front() == '+' || text.front() == '-');
  return RefusalReason::kNone;
}

// "3|ms|@0.1". Fields behind the rate are other daemons' and are passed over, as statsd does.
RefusalReason ParseSample(absl::string_view text, StatsdSample* sample) {
  std::array<absl::string_view, 3> fields;
  size_t count = 0;
  for (const absl::string_view field : absl::StrSplit(text, '|')) {
    if (count < fields.size()) fields[count++] = field;
  }
  if (count < 2) return RefusalReason::kFieldCount;
  RefusalReason fault = ParseType(fields[1], &sample->type);
  if (fault != RefusalReason::kNone) return fault;
  const bool is_duration = absl::StripAsciiWhitespace(fields[1]) == "ms";
  fault = ParseValue(fields[0], is_duration, sample);
  if (fault != RefusalReason::kNone || count < 3) return fault;
  const absl::string_view rate = fields[2];
  const bool is_rate = !rate.empty() && rate[0] == '@' &&
                       ParseFinite(rate.substr(1), &sample->sample_rate) && sample->sample_rate > 0;
  return is_rate ? RefusalReason::kNone : RefusalReason::kBadSampleRate;
}

}  // namespace

void ParseStatsdLine(absl::string_view line, absl::FunctionRef<void(const StatsdSample&)> on_sample,
                     absl::FunctionRef<void(RefusalReason)> on_refused) {
  if (line.size() > metric::kLineBytesMax) return on_refused(RefusalReason::kLineTooLong);
  if (absl::StripAsciiWhitespace(line).empty()) return;
  const size_t tags_begin = line.find("|#");
  absl::string_view values = line.substr(0, tags_begin);
  const size_t colon = values.find(':');
  std::string key;
  AppendSanitised(values.substr(0, colon), &key);
  if (key.empty()) return on_refused(RefusalReason::kNoName);
  if (tags_begin != absl::string_view::npos && tags_begin + 2 < line.size()) {
    const absl::string_view tags = line.substr(tags_begin + 2);
    AppendSanitised(ToGraphiteTags(tags.substr(0, tags.find("|#"))), &key);
  }
  if (key.size() > metric::kMetricBytesMax) return on_refused(RefusalReason::kNameTooLong);
  if (colon == absl::string_view::npos) return on_refused(RefusalReason::kFieldCount);
  for (const absl::string_view text : absl::StrSplit(values.substr(colon + 1), ':')) {
    StatsdSample sample;
    sample.key = key;
    const RefusalReason fault = ParseSample(text, &sample);
    fault == RefusalReason::kNone ? on_sample(sample) : on_refused(fault);
  }
}

}  // namespace plumbago::protocols
