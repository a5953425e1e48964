#include "protocols/tagged_name.h"

#include "metric/metric_name.h"

namespace plumbago::protocols {
namespace {

bool BreaksAnyTag(char c) {
  const auto byte = static_cast<uint8_t>(c);
  return byte <= 0x20 || byte == 0x7f || c == ';' || c == '%';
}

}  // namespace

void TaggedName::Begin(absl::string_view name) {
  Reset();
  is_nameless_ = name.empty();
  Append(name);
}

void TaggedName::BeginEscaped(absl::string_view name) {
  Reset();
  is_nameless_ = name.empty();
  AppendEscaped(name, "/");
}

void TaggedName::AddTag(absl::string_view key, absl::string_view value) {
  if (value.empty()) return;
  if (key == "name") {
    has_name_label_ = true;
    key = "exported_name";
  } else if (key == "exported_name") {
    has_exported_name_label_ = true;
  }
  Append(";");
  AppendEscaped(key, "=!^");
  Append("=");
  AppendEscaped(value.substr(0, 1), "~");
  AppendEscaped(value.substr(1), "");
}

RefusalReason TaggedName::fault() const {
  if (is_nameless_) return RefusalReason::kNoName;
  if (is_too_long_) return RefusalReason::kNameTooLong;
  if (has_name_label_ && has_exported_name_label_) return RefusalReason::kLabelConflict;
  return RefusalReason::kNone;
}

void TaggedName::Reset() {
  text_.clear();
  is_too_long_ = is_nameless_ = has_name_label_ = has_exported_name_label_ = false;
}

void TaggedName::Append(absl::string_view text) {
  is_too_long_ |= text_.size() + text.size() > metric::kMetricBytesMax;
  if (!is_too_long_) text_.append(text.data(), text.size());
}

void TaggedName::AppendEscaped(absl::string_view text, absl::string_view also) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  size_t kept = 0;  // where what has not been appended begins
  for (size_t i = 0; i < text.size() && !is_too_long_; ++i) {
    const char c = text[i];
    if (!BreaksAnyTag(c) && also.find(c) == absl::string_view::npos) continue;
    Append(text.substr(kept, i - kept));
    const auto byte = static_cast<uint8_t>(c);
    const char escaped[] = {'%', kHex[byte >> 4], kHex[byte & 15]};
    Append(absl::string_view(escaped, sizeof(escaped)));
    kept = i + 1;
  }
  Append(text.substr(kept));
}

}  // namespace plumbago::protocols
