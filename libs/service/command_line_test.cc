// Proves the order of flag, environment, file and default, and that a bad file is refused with the
// line. Each case parses a command line as main does.
#include "service/command_line.h"

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/testing/temporary_directory.h"

namespace plumbago::service {
namespace {

struct Values {
  std::string listen = "127.0.0.1:1";
  absl::Duration flush_age = absl::Seconds(5);
  size_t memory_max = 1 << 20;
};

struct Parsed {
  std::optional<int> code;
  Values values;
  std::string error;
};

Parsed Parse(const std::vector<std::string>& arguments) {
  Parsed parsed;
  CommandLine flags("plumbago-test", "A test");
  flags.Add("--listen", parsed.values.listen, "address");
  flags.AddDuration("--flush-age", parsed.values.flush_age, "age");
  flags.AddBytes("--memory-max", parsed.values.memory_max, "bytes");
  std::vector<const char*> argv = {"plumbago-test"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::ostringstream captured;
  std::streambuf* old = std::cerr.rdbuf(captured.rdbuf());
  parsed.code = flags.Parse(static_cast<int>(argv.size()), argv.data());
  std::cerr.rdbuf(old);
  parsed.error = captured.str();
  return parsed;
}

std::string WriteConfig(const base::testing::TemporaryDirectory& directory,
                        const std::string& content) {
  const std::string path = directory.path() + "/config.toml";
  std::ofstream(path) << content;
  return path;
}

TEST_CASE("CommandLine prefers flag over environment over file over default", "[service]") {
  base::testing::TemporaryDirectory directory;
  const std::string path =
      WriteConfig(directory, "# comment\nlisten = \"file:1\"\nflush-age = \"7s\"\n");
  CHECK(Parse({}).values.listen == "127.0.0.1:1");
  CHECK(Parse({"--config", path}).values.listen == "file:1");
  CHECK(Parse({"--config", path}).values.flush_age == absl::Seconds(7));
  setenv("PLUMBAGO_LISTEN", "environment:1", 1);
  CHECK(Parse({"--config", path}).values.listen == "environment:1");
  CHECK(Parse({"--config", path, "--listen", "flag:1"}).values.listen == "flag:1");
  unsetenv("PLUMBAGO_LISTEN");
}

TEST_CASE("CommandLine refuses an unknown key with file and line", "[service]") {
  base::testing::TemporaryDirectory directory;
  const std::string path = WriteConfig(directory, "listen = \"a:1\"\nlistne = \"a:1\"\n");
  const Parsed parsed = Parse({"--config", path});
  REQUIRE(parsed.code.has_value());
  CHECK(*parsed.code != 0);
  CHECK(parsed.error.find("config.toml line 2: unknown key 'listne'") != std::string::npos);
}

TEST_CASE("CommandLine refuses sections and lines without a value", "[service]") {
  base::testing::TemporaryDirectory directory;
  CHECK(Parse({"--config", WriteConfig(directory, "[relay]\n")}).error.find("line 1") !=
        std::string::npos);
  CHECK(Parse({"--config", WriteConfig(directory, "\nlisten\n")}).error.find("line 2") !=
        std::string::npos);
}

TEST_CASE("CommandLine reads durations and bytes with units", "[service]") {
  CHECK(Parse({"--flush-age", "250ms"}).values.flush_age == absl::Milliseconds(250));
  CHECK(Parse({"--memory-max", "64MiB"}).values.memory_max == size_t{64} << 20);
  CHECK(Parse({"--memory-max", "2GB"}).values.memory_max == size_t{2} << 30);
  CHECK(Parse({"--flush-age", "soon"}).error.find("'soon' is not a duration") != std::string::npos);
  CHECK(Parse({"--flush-age", "-1s"}).code.has_value());
}

TEST_CASE("CommandLine refuses an unknown flag and a missing config file", "[service]") {
  CHECK(*Parse({"--nothing"}).code != 0);
  CHECK(*Parse({"--config", "/does/not/exist.toml"}).code != 0);
}

}  // namespace
}  // namespace plumbago::service
