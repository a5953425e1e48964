// Randomness as a dependency: secrets come from the machine, tests give a seed.
//
// Implementations are thread-safe.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace plumbago::base {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint8_t Byte() = 0;
};

// The kernel's generator, for secrets. Ends the process where there is none.
class SecureRandom final : public Random {
 public:
  uint8_t Byte() override;
};

// The same bytes for the same seed. Tests only.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint32_t seed) : generator_(seed) {}
  uint8_t Byte() override {
    MutexLock lock(mutex_);
    return static_cast<uint8_t>(generator_());
  }

 private:
  Mutex mutex_;
  std::mt19937 generator_ ABSL_GUARDED_BY(mutex_);
};

// `length` of 0-9, A-Z, a-z, each equally likely: 5.95 bits a character.
std::string RandomBase62(Random& random, size_t length);

}  // namespace plumbago::base
