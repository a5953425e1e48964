#include "relay/batch.h"

#include <algorithm>
#include <utility>

namespace plumbago::relay {

void BatchColumns::Reserve(size_t capacity) {
  if (capacity <= capacity_) return;
  auto memory = std::make_shared_for_overwrite<char[]>(capacity * kPointBytes);
  // The widest first, so that all are aligned.
  const auto value = reinterpret_cast<double*>(memory.get());
  const auto series_id = reinterpret_cast<uint32_t*>(value + capacity);
  const auto time_seconds = series_id + capacity;
  std::copy_n(value_, size_, value);
  std::copy_n(series_id_, size_, series_id);
  std::copy_n(time_seconds_, size_, time_seconds);
  memory_ = std::move(memory);
  value_ = value;
  series_id_ = series_id;
  time_seconds_ = time_seconds;
  capacity_ = capacity;
}

}  // namespace plumbago::relay
