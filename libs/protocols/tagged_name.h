// Builds `name;key=value;...` out of the labels of other systems.
//
// The rule for labels that Graphite's tags cannot hold, the same for every protocol:
//  - A byte that would end or break a tag is written as %XX (two capital hexadecimal digits):
//  blanks,
//    control bytes, ';' and '%' everywhere, '=', '!', '^' in a key, and '~' at the start of a
//    value.
//    '%' is among them so that two different labels never become the same tag.
//  - Graphite keeps the key `name` for the metric itself: a label of that name becomes the tag
//    `exported_name`, as Prometheus itself renames a label that is taken. A series that has both is
//    refused.
//  - A label with an empty value is no label (Prometheus' own rule) and is left out.
// The relay sorts the tags and checks the result. Reusable: Begin starts the next name. For one
// thread; holds at most kMetricBytesMax bytes.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "protocols/point_sink.h"

namespace plumbago::protocols {

class TaggedName {
 public:
  // Starts with `name` as it is, which may hold tags already.
  void Begin(absl::string_view name);
  // Starts with `name` escaped like a tag's value, and '/' too, which Graphite does not take in
  // names.
  void BeginEscaped(absl::string_view name);
  void AddTag(absl::string_view key, absl::string_view value);

  // kNone, kNoName, kNameTooLong or kLabelConflict. The reason holds for every point of the series.
  RefusalReason fault() const;
  absl::string_view text() const { return text_; }

 private:
  void Reset();
  void Append(absl::string_view text);
  void AppendEscaped(absl::string_view text, absl::string_view also);

  std::string text_;
  bool is_too_long_ = false;
  bool is_nameless_ = true;
  bool has_name_label_ = false;
  bool has_exported_name_label_ = false;
};

}  // namespace plumbago::protocols
