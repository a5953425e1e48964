#include "base/testing/temporary_directory.h"

#include <stdlib.h>

#include <filesystem>
#include <system_error>

#include "base/check.h"

namespace plumbago::base::testing {

TemporaryDirectory::TemporaryDirectory() {
  path_ = (std::filesystem::temp_directory_path() / "plumbago-test-XXXXXX").string();
  PLUMBAGO_CHECK(mkdtemp(path_.data()) != nullptr);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;  // a left-over in /tmp must not fail the test
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace plumbago::base::testing
