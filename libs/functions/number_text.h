// Numbers as text.h appends them, into buffers: for writers of very many.
//
// Each function returns the end of what it has written.
#pragma once

#include <cstddef>
#include <cstdint>

namespace plumbago::functions {

// Room that the buffer needs for any number.
inline constexpr size_t kNumberBytesMax = 32;

char* WritePythonFloat(double value, char* out);
char* WriteInteger(int64_t value, char* out);

// Writes times one after the other, as WriteInteger does: what is the same as before is copied.
class TimeWriter {
 public:
  char* Write(int64_t seconds, char* out);

 private:
  int64_t front_ = -1;  // all but the last four digits, of the time before
  char front_text_[kNumberBytesMax] = {};
  size_t front_bytes_ = 0;
};

}  // namespace plumbago::functions
