// Flags of a service: from the command line, else the environment (PLUMBAGO_<FLAG>), else a TOML
// file (--config), else the default.
//
// Every flag is also a key of the file and a variable: --flush-age, flush-age = "5s",
// PLUMBAGO_FLUSH_AGE. An unknown key or a bad value is refused with file and line. For one owner.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace plumbago::service {

class CommandLine {
 public:
  // `name` is the program's, as in plumbago-relay.
  CommandLine(const std::string& name, const std::string& description);

  // Adds a flag of any type that CLI11 knows. `help` gives unit, default, effect of raising it.
  template <typename Value>
  CLI::Option* Add(const std::string& flag, Value& value, const std::string& help) {
    return app_.add_option(flag, value, help)->capture_default_str();
  }
  CLI::Option* AddSwitch(const std::string& flag, bool& value, const std::string& help) {
    return app_.add_flag(flag, value, help);
  }
  // A duration such as 500ms, 5s, 2m. Zero is allowed, less is not.
  CLI::Option* AddDuration(const std::string& flag, absl::Duration& value, const std::string& help);
  // A number of bytes such as 65536, 64KiB, 2GiB (powers of 1024; KB and MB mean the same).
  CLI::Option* AddBytes(const std::string& flag, size_t& value, const std::string& help);

  // Parses; prints help, version or the error. A value is the exit code to end the process with.
  std::optional<int> Parse(int argc, const char* const* argv);

  const std::string& name() const { return name_; }

 private:
  void NameEnvironment();

  const std::string name_;
  CLI::App app_;
};

}  // namespace plumbago::service
