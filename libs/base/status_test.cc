#include "base/status.h"

#include <catch2/catch.hpp>
#include <cerrno>

#include "base/hash.h"

namespace plumbago::base {
namespace {

absl::StatusOr<int> Half(int value) {
  if (value % 2 != 0) return absl::InvalidArgumentError("odd");
  return value / 2;
}

absl::StatusOr<int> Quarter(int value) {
  PLUMBAGO_ASSIGN_OR_RETURN(const int half, Half(value));
  return Half(half);
}

TEST_CASE("ASSIGN_OR_RETURN passes values on and returns the first error", "[base]") {
  CHECK(Quarter(8).value() == 2);
  CHECK(Quarter(6).status().message() == "odd");
}

TEST_CASE("Excerpt escapes control bytes and cuts at 128 bytes", "[base]") {
  CHECK(Excerpt("a\nb\x01") == "a\\nb\\x01");
  CHECK(Excerpt(std::string(128, 'x')) == std::string(128, 'x'));
  CHECK(Excerpt(std::string(129, 'x')) == std::string(128, 'x') + "...");
}

TEST_CASE("Annotate keeps the code and leaves OK alone", "[base]") {
  CHECK(Annotate(absl::OkStatus(), "x").ok());
  const absl::Status status = Annotate(absl::DataLossError("torn"), "file 7");
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK(status.message() == "file 7: torn");
}

TEST_CASE("ErrnoStatus maps what a caller can act on", "[base]") {
  CHECK(absl::IsNotFound(ErrnoStatus(ENOENT, "open x")));
  CHECK(absl::IsResourceExhausted(ErrnoStatus(ENOSPC, "write x")));
  CHECK(absl::IsUnavailable(ErrnoStatus(EIO, "write x")));
}

TEST_CASE("Hash64 is XXH3 with seed 0", "[base]") {
  // Published test value of XXH3_64bits for empty input.
  CHECK(Hash64("") == 0x2D06800538D394C2ULL);
}

}  // namespace
}  // namespace plumbago::base
