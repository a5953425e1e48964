#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::base {

absl::Status InitialiseLog(absl::string_view service, absl::string_view level) {
  spdlog::level::level_enum parsed = spdlog::level::from_str(std::string(level));
  if (parsed == spdlog::level::off || parsed == spdlog::level::critical ||
      parsed == spdlog::level::trace) {
    return absl::InvalidArgumentError(absl::StrCat("log level '", Excerpt(level),
                                                   "' is unknown; use debug, info, warning or "
                                                   "error"));
  }
  auto logger = std::make_shared<spdlog::logger>(
      std::string(service), std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_level(parsed);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %n: %v", spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

void LogDebug(absl::string_view message) { spdlog::debug("{}", std::string(message)); }
void LogInfo(absl::string_view message) { spdlog::info("{}", std::string(message)); }
void LogWarning(absl::string_view message) { spdlog::warn("{}", std::string(message)); }
void LogError(absl::string_view message) { spdlog::error("{}", std::string(message)); }

}  // namespace plumbago::base
