// The statements of a carbon-c-relay configuration (conffile.y of version 3.7), one method each.
//
// Not thread-safe. Errors are InvalidArgument with file and line; after one the parser is useless.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "routing/carbon_c_relay.h"
#include "routing/internal/c_relay_lexer.h"
#include "routing/route_table_builder.h"

namespace plumbago::routing {

class CRelayParser {
 public:
  // `include` reads and parses what an include statement names, with Parse.
  using Include = std::function<absl::Status(CRelayParser& parser, const std::string& path)>;

  CRelayParser(const CRelayOptions& options, Include include);

  // All statements of one file.
  absl::Status Parse(absl::string_view text, absl::string_view file_name);

  CRelayConfig Finish();

 private:
  using Token = CRelayToken;
  // A pattern of match, rewrite or aggregate.
  struct Expression {
    uint32_t pattern = Rule::kEveryMetric;
    std::string text = {};
  };
  // Of "send to".
  struct Targets {
    bool is_blackhole = false;
    std::vector<uint32_t> groups;
  };
  // Where the parser is in one file.
  struct Position {
    std::string file;
    CRelayLexer lexer;
    Token token;  // the next one
  };

  absl::Status ParseStatements();
  absl::Status ParseStatement();

  absl::Status ParseCluster();
  absl::Status ParseClusterType(HostGroup* group, HashRing::Options* ring, bool* uses_all);
  absl::Status ParsePaths(Protocol protocol, HostGroup* group);
  absl::Status ParseHosts(bool uses_all, HostGroup* group);
  absl::StatusOr<Endpoint> ParseHost();
  absl::Status ParseHostOptions(Endpoint* endpoint);
  absl::Status AddEveryAddress(const Endpoint& endpoint, HostGroup* group);
  absl::Status MakeRing(const HashRing::Options& options, HostGroup* group);

  absl::Status ParseMatch();
  absl::StatusOr<int> ParseValidate();
  absl::Status ParseRewrite();
  absl::Status ParseAggregate();
  struct Compute {
    AggregateSpec spec = {};
    std::string output = {};
  };
  absl::StatusOr<AggregateSpec> ParseBuckets();
  absl::StatusOr<std::vector<Compute>> ParseComputes(const AggregateSpec& buckets);
  absl::Status ParseSend();
  absl::Status ParseStatistics();
  absl::Status ParseListen();
  absl::Status ParseListenTransport(CRelayListener* listener);
  absl::Status ParseInclude();

  absl::StatusOr<std::vector<Expression>> ParseExpressions(
      std::initializer_list<absl::string_view> ends);
  absl::StatusOr<Expression> AddExpression(const Token& token);
  absl::StatusOr<std::optional<Targets>> ParseOptionalSendTo();
  absl::StatusOr<Targets> ParseTargets();

  // A token that is none ends the file and is what every later Error says.
  void Advance();
  bool NextIs(absl::string_view keyword) const { return at_->token.Is(keyword); }
  bool Take(absl::string_view keyword);
  absl::Status Expect(std::initializer_list<absl::string_view> keywords);
  absl::StatusOr<Token> ExpectText(absl::string_view what);
  absl::StatusOr<uint32_t> ExpectNumber(absl::string_view what, uint32_t min, uint32_t max);
  absl::Status Error(absl::string_view problem) const;
  absl::Status Unexpected(absl::string_view expected) const;
  std::string Source(int line, absl::string_view what) const;

  const CRelayOptions& options_;
  const Include include_;
  RouteTableBuilder builder_{NameScope::kWithoutTags};
  CRelayConfig config_;
  std::vector<std::pair<std::string, uint32_t>> clusters_;  // names and groups
  bool has_statistics_targets_ = false;
  Position* at_ = nullptr;
  absl::Status lexer_error_;
};

}  // namespace plumbago::routing
