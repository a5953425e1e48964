// The three implementations of Decompressor.
#pragma once

#include <memory>

#include "protocols/decompressor.h"

namespace plumbago::protocols::internal {

std::unique_ptr<Decompressor> MakeGzipDecompressor(const DecompressorLimits& limits);
std::unique_ptr<Decompressor> MakeSnappyDecompressor(const DecompressorLimits& limits);
std::unique_ptr<Decompressor> MakeZstdDecompressor(const DecompressorLimits& limits);

}  // namespace plumbago::protocols::internal
