// Numbers as text.h appends them, into buffers: for writers of very many.
//
// Pure functions. Each returns the end of what it has written.
#pragma once

#include <cstddef>
#include <cstdint>

namespace plumbago::functions {

// Room that the buffer needs for any number.
inline constexpr size_t kNumberBytesMax = 32;

char* WritePythonFloat(double value, char* out);
char* WriteInteger(int64_t value, char* out);

}  // namespace plumbago::functions
