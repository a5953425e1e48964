#include "protocols/refusal_report.h"

#include "base/status.h"

namespace plumbago::protocols {

void RefusalReport::OnPoint(const Point& point) {
  ++accepted_count_;
  next_.OnPoint(point);
}

void RefusalReport::OnRefused(const Refusal& refusal) {
  List(RefusalReasonWord(refusal.reason), refusal.position, refusal.excerpt);
  next_.OnRefused(refusal);
}

void RefusalReport::Retract(absl::string_view reason, uint64_t position,
                            absl::string_view raw_excerpt) {
  --accepted_count_;
  List(reason, position, raw_excerpt);
}

void RefusalReport::List(absl::string_view reason, uint64_t position,
                         absl::string_view raw_excerpt) {
  ++refused_count_;
  if (first_refused_.size() >= kListedMax) return;
  first_refused_.push_back({position, std::string(reason), base::Excerpt(raw_excerpt)});
}

}  // namespace plumbago::protocols
