// One value at one time.
#pragma once

#include <cstdint>

namespace plumbago::whisper {

struct Point {
  uint32_t time = 0;  // seconds since the Unix epoch
  double value = 0;
};

}  // namespace plumbago::whisper
