#include "service/command_line.h"

#include <cstdlib>
#include <fstream>
#include <istream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "base/status.h"
#include "service/version.h"

namespace plumbago::service {
namespace {

// The key of a line `key = value`, or nothing for blank lines and comments.
std::optional<std::string> KeyOfLine(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (line.empty() || line.front() == '#') return std::nullopt;
  return std::string(absl::StripAsciiWhitespace(line.substr(0, line.find('='))));
}

// TOML as CLI11 reads it, after a check of every key that can name the line.
class CheckedToml : public CLI::ConfigTOML {
 public:
  explicit CheckedToml(const CLI::App& app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::stringstream copy;
    copy << input.rdbuf();
    std::string line;
    for (int number = 1; std::getline(copy, line); ++number) CheckLine(line, number);
    copy.clear();
    copy.seekg(0);
    std::vector<CLI::ConfigItem> settings = CLI::ConfigTOML::from_config(copy);
    // CLI11 lets the file win over the environment; here it is the other way round.
    std::erase_if(settings,
                  [this](const CLI::ConfigItem& item) { return IsInEnvironment(item.name); });
    return settings;
  }

 private:
  void CheckLine(const std::string& line, int number) const {
    const std::optional<std::string> key = KeyOfLine(line);
    if (!key.has_value()) return;
    const std::string where =
        absl::StrCat(app_.get_config_ptr()->as<std::string>(), " line ", number);
    if (key->front() == '[') {
      throw CLI::ConfigError(
          absl::StrCat(where, ": sections are not known here; write key = value", "\n"));
    }
    const CLI::Option* option = app_.get_option_no_throw(absl::StrCat("--", *key));
    if (option == nullptr || !option->get_configurable()) {
      throw CLI::ConfigError(absl::StrCat(where, ": unknown key '", base::Excerpt(*key),
                                          "'; the keys are the flags without dashes, see --help"));
    }
    if (!absl::StrContains(line, "=")) {
      throw CLI::ConfigError(absl::StrCat(where, ": '", *key, "' has no '= value'"));
    }
  }

  bool IsInEnvironment(const std::string& key) const {
    const CLI::Option* option = app_.get_option_no_throw(absl::StrCat("--", key));
    return option != nullptr && !option->get_envname().empty() &&
           std::getenv(option->get_envname().c_str()) != nullptr;
  }

  const CLI::App& app_;
};

std::string ParseDurationInto(const std::string& text, absl::Duration& value) {
  absl::Duration parsed;
  if (!absl::ParseDuration(text, &parsed) || parsed < absl::ZeroDuration()) {
    return absl::StrCat("'", base::Excerpt(text),
                        "' is not a duration of zero or more; use for example 500ms, 5s or 2m");
  }
  value = parsed;
  return "";
}

std::string FormatBytes(size_t bytes) {
  constexpr const char* kUnits[] = {"", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (unit < 4 && bytes >= 1024 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return absl::StrCat(bytes, kUnits[unit]);
}

}  // namespace

CommandLine::CommandLine(const std::string& name, const std::string& description)
    : name_(name), app_(description, name) {
  app_.set_version_flag("--version", absl::StrCat(name, " ", kVersion));
  app_.set_config("--config", "", "TOML file of these flags, one `flag = value` a line");
  app_.allow_config_extras(CLI::config_extras_mode::error);
  app_.config_formatter(std::make_shared<CheckedToml>(app_));
  app_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

CLI::Option* CommandLine::AddDuration(const std::string& flag, absl::Duration& value,
                                      const std::string& help) {
  CLI::Option* option = app_.add_option_function<std::string>(
      flag,
      [&value, flag](const std::string& text) {
        const std::string error = ParseDurationInto(text, value);
        if (!error.empty()) throw CLI::ValidationError(flag, error);
      },
      help);
  option->type_name("DURATION")->default_str(absl::FormatDuration(value));
  return option;
}

CLI::Option* CommandLine::AddBytes(const std::string& flag, size_t& value,
                                   const std::string& help) {
  const std::string shown = FormatBytes(value);
  return app_.add_option(flag, value, help)
      ->transform(CLI::AsSizeValue(false))
      ->type_name("BYTES")
      ->default_str(shown);
}

void CommandLine::NameEnvironment() {
  for (CLI::Option* option : app_.get_options()) {
    if (option->get_lnames().empty() || !option->get_configurable()) continue;
    const std::string& name = option->get_lnames().front();
    if (name == "help" || name == "version") continue;
    option->envname(
        absl::StrCat("PLUMBAGO_", absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"-", "_"}}))));
  }
}

std::optional<int> CommandLine::Parse(int argc, const char* const* argv) {
  NameEnvironment();
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app_.exit(error);
  }
  return std::nullopt;
}

}  // namespace plumbago::service
