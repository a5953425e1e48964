#include "routing/internal/c_relay_parser.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/config_file.h"
#include "base/status.h"

namespace plumbago::routing {
namespace {

constexpr uint32_t kReplicationMax = 255;
constexpr uint32_t kSecondsMax = 86'400;
constexpr absl::string_view kShardsName = "shards";
constexpr absl::string_view kBlackholeName = "blackhole";

bool IsDigits(absl::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == absl::string_view::npos;
}

// Numbers and dots, or colons: nothing to look up.
bool IsAddress(absl::string_view host) {
  return absl::StrContains(host, ':') ||
         host.find_first_not_of("0123456789.") == absl::string_view::npos;
}

// "host", "host:port", "[v6]:port"; as there, what follows the last colon is the port.
absl::Status ParseHostAndPort(absl::string_view text, Endpoint* endpoint) {
  absl::string_view host = text;
  const size_t colon = text.rfind(':');
  if (colon != absl::string_view::npos && text.back() != ']') {
    int port = 0;
    if (!absl::SimpleAtoi(text.substr(colon + 1), &port) || port < 1 || port > 65535) {
      return absl::InvalidArgumentError(
          absl::StrCat("invalid port number '", base::Excerpt(text.substr(colon + 1)), "'"));
    }
    endpoint->port = static_cast<uint16_t>(port);
    host = text.substr(0, colon);
  }
  if (absl::StartsWith(host, "[")) {
    if (!absl::EndsWith(host, "]")) return absl::InvalidArgumentError("expected ']'");
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty()) return absl::InvalidArgumentError("a host is missing");
  endpoint->host = std::string(host);
  return absl::OkStatus();
}

}  // namespace

CRelayParser::CRelayParser(const CRelayOptions& options, Include include)
    : options_(options), include_(std::move(include)) {}

absl::Status CRelayParser::Parse(absl::string_view text, absl::string_view file_name) {
  Position here{.file = std::string(file_name), .lexer = CRelayLexer(text), .token = {}};
  Position* const before = at_;
  at_ = &here;
  absl::Status status = ParseStatements();
  at_ = before;
  return status;
}

CRelayConfig CRelayParser::Finish() {
  config_.table = builder_.Build();
  return std::move(config_);
}

absl::Status CRelayParser::ParseStatements() {
  Advance();
  while (at_->token.kind != Token::Kind::kEnd) PLUMBAGO_RETURN_IF_ERROR(ParseStatement());
  return lexer_error_;
}

absl::Status CRelayParser::ParseStatement() {
  struct Statement {
    absl::string_view keyword;
    absl::Status (CRelayParser::*parse)();
  };
  static constexpr Statement kStatements[] = {
      {"cluster", &CRelayParser::ParseCluster}, {"match", &CRelayParser::ParseMatch},
      {"rewrite", &CRelayParser::ParseRewrite}, {"aggregate", &CRelayParser::ParseAggregate},
      {"send", &CRelayParser::ParseSend},       {"statistics", &CRelayParser::ParseStatistics},
      {"listen", &CRelayParser::ParseListen},   {"include", &CRelayParser::ParseInclude},
  };
  for (const Statement& statement : kStatements) {
    if (!Take(statement.keyword)) continue;
    PLUMBAGO_RETURN_IF_ERROR((this->*statement.parse)());
    if (at_->token.kind != Token::Kind::kSemicolon) return Unexpected("';'");
    Advance();
    return absl::OkStatus();
  }
  return Unexpected("cluster, match, rewrite, aggregate, send, statistics, listen or include");
}

absl::Status CRelayParser::ParseCluster() {
  PLUMBAGO_ASSIGN_OR_RETURN(const Token name, ExpectText("the cluster's name"));
  const bool is_known = std::any_of(clusters_.begin(), clusters_.end(),
                                    [&](const auto& other) { return other.first == name.text; });
  if (is_known || name.text == kShardsName || name.text == kBlackholeName) {
    return Error(absl::StrCat("cluster '", base::Excerpt(name.text),
                              "' is there already; shards and blackhole always are"));
  }
  HostGroup group{.name = name.text};
  if (Take("file")) {
    const Protocol protocol = Take("ip") ? Protocol::kFileIp : Protocol::kFile;
    PLUMBAGO_RETURN_IF_ERROR(ParsePaths(protocol, &group));
  } else {
    HashRing::Options ring{.flavour = RingFlavour::kCarbonCRelay};
    bool uses_all = false;
    PLUMBAGO_RETURN_IF_ERROR(ParseClusterType(&group, &ring, &uses_all));
    PLUMBAGO_RETURN_IF_ERROR(ParseHosts(uses_all, &group));
    if (group.kind == GroupKind::kHashRing) PLUMBAGO_RETURN_IF_ERROR(MakeRing(ring, &group));
  }
  clusters_.emplace_back(name.text, builder_.AddGroup(std::move(group)));
  return absl::OkStatus();
}

absl::Status CRelayParser::ParseClusterType(HostGroup* group, HashRing::Options* ring,
                                            bool* uses_all) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Token type, ExpectText("the type of the cluster"));
  if (type.Is("forward") || type.Is("any_of") || type.Is("failover")) {
    group->kind = type.text == "forward"  ? GroupKind::kForward
                  : type.text == "any_of" ? GroupKind::kAnyOf
                                          : GroupKind::kFailover;
    group->on_failure = type.text == "forward"  ? OnFailure::kQueue
                        : type.text == "any_of" ? OnFailure::kAnyOther
                                                : OnFailure::kNextUp;
    *uses_all = Take("useall");
    return absl::OkStatus();
  }
  const auto hash = ParseRingHash(type.text);
  if (type.kind != Token::Kind::kWord || !hash.ok() || *hash == RingHash::kMurmur3) {
    return Error(absl::StrCat(
        "cluster type '", base::Excerpt(type.text),
        "' is unknown; known are forward, any_of, failover, carbon_ch, fnv1a_ch, jump_fnv1a_ch and "
        "file"));
  }
  group->kind = GroupKind::kHashRing;
  ring->hash = *hash;
  if (Take("replication")) {
    PLUMBAGO_ASSIGN_OR_RETURN(ring->replication_factor,
                              ExpectNumber("the replication count", 1, kReplicationMax));
  }
  if (Take("dynamic")) group->on_failure = OnFailure::kAnyOther;
  return absl::OkStatus();
}

absl::Status CRelayParser::ParsePaths(Protocol protocol, HostGroup* group) {
  do {
    PLUMBAGO_ASSIGN_OR_RETURN(const Token path, ExpectText("the path of a file"));
    group->endpoints.push_back(
        builder_.AddEndpoint({.protocol = protocol, .host = path.text, .port = 0}));
  } while (at_->token.is_text());
  return absl::OkStatus();
}

absl::Status CRelayParser::ParseHosts(bool uses_all, HostGroup* group) {
  do {
    PLUMBAGO_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseHost());
    if (uses_all && !IsAddress(endpoint.host)) {
      PLUMBAGO_RETURN_IF_ERROR(AddEveryAddress(endpoint, group));
    } else {
      group->endpoints.push_back(builder_.AddEndpoint(endpoint));
    }
  } while (at_->token.is_text());
  return absl::OkStatus();
}

absl::StatusOr<Endpoint> CRelayParser::ParseHost() {
  Endpoint endpoint;
  PLUMBAGO_ASSIGN_OR_RETURN(const Token host, ExpectText("a host of the cluster"));
  const absl::Status status = ParseHostAndPort(host.text, &endpoint);
  if (!status.ok()) {
    return Error(absl::StrCat("\"", base::Excerpt(host.text), "\": ", status.message()));
  }
  if (at_->token.kind == Token::Kind::kEquals) {
    Advance();
    PLUMBAGO_ASSIGN_OR_RETURN(const Token instance, ExpectText("an instance after '='"));
    endpoint.instance = instance.text;
  }
  PLUMBAGO_RETURN_IF_ERROR(ParseHostOptions(&endpoint));
  return endpoint;
}

absl::Status CRelayParser::ParseHostOptions(Endpoint* endpoint) {
  if (Take("proto")) {
    if (Take("udp")) {
      endpoint->network = Network::kUdp;
    } else {
      PLUMBAGO_RETURN_IF_ERROR(Expect({"tcp"}));
    }
  }
  if (Take("type")) PLUMBAGO_RETURN_IF_ERROR(Expect({"linemode"}));
  if (!Take("transport")) return absl::OkStatus();
  if (Take("gzip")) {
    endpoint->compression = Compression::kGzip;
  } else if (Take("snappy")) {
    endpoint->compression = Compression::kSnappy;
  } else {
    PLUMBAGO_RETURN_IF_ERROR(Expect({"plain"}));
  }
  if (Take("ssl")) endpoint->encryption = Encryption::kTls;
  if (endpoint->network == Network::kUdp &&
      (endpoint->compression != Compression::kNone || endpoint->encryption != Encryption::kNone)) {
    return Error("udp cannot be compressed or encrypted; use proto tcp");
  }
  return absl::OkStatus();
}

absl::Status CRelayParser::AddEveryAddress(const Endpoint& endpoint, HostGroup* group) {
  if (options_.resolve == nullptr) {
    return Error(absl::StrCat("useall needs a look-up of '", base::Excerpt(endpoint.host),
                              "', which is not available here; write the addresses"));
  }
  const auto addresses = options_.resolve(endpoint.host);
  if (!addresses.ok()) return Error(addresses.status().message());
  for (const std::string& address : *addresses) {
    Endpoint one = endpoint;
    one.host = address;
    group->endpoints.push_back(builder_.AddEndpoint(one));
  }
  return absl::OkStatus();
}

absl::Status CRelayParser::MakeRing(const HashRing::Options& options, HostGroup* group) {
  std::vector<RingNode> nodes;
  for (const uint32_t index : group->endpoints) {
    const Endpoint& endpoint = builder_.endpoint(index);
    nodes.push_back(
        {.server = endpoint.host, .port = endpoint.port, .instance = endpoint.instance});
  }
  auto ring = HashRing::Make(options, std::move(nodes));
  if (!ring.ok()) {
    return Error(
        absl::StrCat("cluster '", base::Excerpt(group->name), "': ", ring.status().message()));
  }
  group->ring = *std::move(ring);
  return absl::OkStatus();
}

absl::Status CRelayParser::ParseMatch() {
  const int line = at_->token.line;
  PLUMBAGO_ASSIGN_OR_RETURN(const auto expressions,
                            ParseExpressions({"validate", "route", "send"}));
  Rule rule;
  PLUMBAGO_ASSIGN_OR_RETURN(rule.check, ParseValidate());
  std::optional<Token> key;
  if (Take("route")) {
    PLUMBAGO_RETURN_IF_ERROR(Expect({"using"}));
    PLUMBAGO_ASSIGN_OR_RETURN(key, ExpectText("what to route by"));
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const auto targets, ParseOptionalSendTo());
  if (Take("stop")) rule.next = Rule::Next::kStop;
  if (targets.has_value() && targets->is_blackhole) {
    rule.action = Rule::Action::kDrop;
  } else if (targets.has_value()) {
    rule.groups = targets->groups;
  } else if (rule.check >= 0) {
    rule.action = Rule::Action::kCheckData;
    rule.next = Rule::Next::kGoOn;
  } else {
    return Error("match without 'send to'; to drop, write 'send to blackhole'");
  }
  for (const Expression& expression : expressions) {
    rule.source = Source(line, absl::StrCat("match ", expression.text));
    rule.pattern = expression.pattern;
    if (key.has_value() && expression.pattern == Rule::kEveryMetric) {
      return Error("'route using' needs a pattern; write ^ instead of *");
    }
    if (key.has_value()) {
      rule.has_key = true;
      rule.name = NameTemplate::ParseCarbonCRelay(
          key->text, builder_.patterns().regex(expression.pattern).NumberOfCapturingGroups());
    }
    builder_.AddRule(rule);
  }
  return absl::OkStatus();
}

// -1 where there is none.
absl::StatusOr<int> CRelayParser::ParseValidate() {
  if (!Take("validate")) return -1;
  const int line = at_->token.line;
  PLUMBAGO_ASSIGN_OR_RETURN(const Token token, ExpectText("the pattern of validate"));
  PLUMBAGO_ASSIGN_OR_RETURN(const Expression expression, AddExpression(token));
  if (expression.pattern == Rule::kEveryMetric) return Error("validate * lets everything pass");
  PLUMBAGO_RETURN_IF_ERROR(Expect({"else"}));
  const bool logs = Take("log");
  if (!logs) PLUMBAGO_RETURN_IF_ERROR(Expect({"drop"}));
  const auto check = builder_.AddDataCheck(
      {.source = Source(line, "validate"),
       .regex = expression.text,
       .pattern = expression.pattern,
       .on_fault = logs ? DataCheck::OnFault::kLog : DataCheck::OnFault::kDrop});
  if (!check.ok()) return Error(check.status().message());
  return *check;
}

absl::Status CRelayParser::ParseRewrite() {
  const int line = at_->token.line;
  PLUMBAGO_ASSIGN_OR_RETURN(const Token token, ExpectText("a pattern"));
  PLUMBAGO_ASSIGN_OR_RETURN(const Expression expression, AddExpression(token));
  if (expression.pattern == Rule::kEveryMetric) {
    return Error("rewrite needs a pattern; for the whole name write ^.*$");
  }
  PLUMBAGO_RETURN_IF_ERROR(Expect({"into"}));
  PLUMBAGO_ASSIGN_OR_RETURN(const Token replacement, ExpectText("a replacement"));
  const int groups = builder_.patterns().regex(expression.pattern).NumberOfCapturingGroups();
  builder_.AddRule({.action = Rule::Action::kRewriteFirst,
                    .source = Source(line, absl::StrCat("rewrite ", expression.text)),
                    .pattern = expression.pattern,
                    .name = NameTemplate::ParseCarbonCRelay(replacement.text, groups)});
  return absl::OkStatus();
}

absl::Status CRelayParser::ParseAggregate() {
  const int line = at_->token.line;
  PLUMBAGO_ASSIGN_OR_RETURN(const auto expressions, ParseExpressions({"every"}));
  PLUMBAGO_ASSIGN_OR_RETURN(AggregateSpec buckets, ParseBuckets());
  const std::string patterns =
      absl::StrJoin(expressions, " ", [](std::string* out, const Expression& expression) {
        absl::StrAppend(out, expression.text);
      });
  buckets.identity = absl::StrCat("aggregate ", patterns, " every ", buckets.interval_seconds,
                                  " seconds expire after ", buckets.expire_seconds, " seconds");
  PLUMBAGO_ASSIGN_OR_RETURN(std::vector<Compute> computes, ParseComputes(buckets));
  PLUMBAGO_ASSIGN_OR_RETURN(const auto targets, ParseOptionalSendTo());
  if (targets.has_value() && targets->is_blackhole) {
    return Error("an aggregate cannot be sent to blackhole; leave the statement out");
  }
  const Rule::Next next = Take("stop") ? Rule::Next::kStop : Rule::Next::kGoOn;
  std::vector<uint32_t> specs;
  for (Compute& compute : computes) {
    if (targets.has_value()) compute.spec.groups = targets->groups;
    specs.push_back(builder_.AddAggregate(compute.spec));
  }
  for (const Expression& expression : expressions) {
    Rule rule{.action = Rule::Action::kAggregate,
              .source = Source(line, absl::StrCat("aggregate ", expression.text)),
              .pattern = expression.pattern,
              .next = next};
    const int groups =
        expression.pattern == Rule::kEveryMetric
            ? 0
            : builder_.patterns().regex(expression.pattern).NumberOfCapturingGroups();
    for (size_t i = 0; i < computes.size(); ++i) {
      // As there: without groups the output is taken word for word, with them the match is
      // replaced by it.
      rule.outputs.push_back(
          {.aggregate = specs[i],
           .name = groups == 0 ? NameTemplate::Literal(computes[i].output)
                               : NameTemplate::ParseCarbonCRelay(computes[i].output, groups),
           .around = groups == 0 ? Rule::Around::kReplace : Rule::Around::kKeep});
    }
    builder_.AddRule(std::move(rule));
  }
  return absl::OkStatus();
}

absl::StatusOr<AggregateSpec> CRelayParser::ParseBuckets() {
  AggregateSpec spec{.bucket_rule = BucketRule::kCarbonCRelay, .timestamp_at = TimestampAt::kEnd};
  PLUMBAGO_RETURN_IF_ERROR(Expect({"every"}));
  PLUMBAGO_ASSIGN_OR_RETURN(spec.interval_seconds, ExpectNumber("the interval", 1, kSecondsMax));
  PLUMBAGO_RETURN_IF_ERROR(Expect({"seconds", "expire", "after"}));
  PLUMBAGO_ASSIGN_OR_RETURN(spec.expire_seconds, ExpectNumber("the expiry", 1, kSecondsMax));
  PLUMBAGO_RETURN_IF_ERROR(Expect({"seconds"}));
  if (spec.expire_seconds <= spec.interval_seconds) {
    return Error(absl::StrCat("expire after ", spec.expire_seconds,
                              " seconds must be greater than every ", spec.interval_seconds));
  }
  if (!Take("timestamp")) return spec;
  PLUMBAGO_RETURN_IF_ERROR(Expect({"at"}));
  if (Take("start")) {
    spec.timestamp_at = TimestampAt::kStart;
  } else if (Take("middle")) {
    spec.timestamp_at = TimestampAt::kMiddle;
  } else {
    PLUMBAGO_RETURN_IF_ERROR(Expect({"end"}));
  }
  PLUMBAGO_RETURN_IF_ERROR(Expect({"of", "bucket"}));
  return spec;
}

absl::StatusOr<std::vector<CRelayParser::Compute>> CRelayParser::ParseComputes(
    const AggregateSpec& buckets) {
  std::vector<Compute> computes;
  do {
    PLUMBAGO_RETURN_IF_ERROR(Expect({"compute"}));
    Compute compute{.spec = buckets};
    PLUMBAGO_ASSIGN_OR_RETURN(const Token method, ExpectText("what to compute"));
    const absl::Status status = ParseCarbonCRelayMethod(method.text, &compute.spec);
    if (!status.ok()) return Error(status.message());
    PLUMBAGO_RETURN_IF_ERROR(Expect({"write", "to"}));
    PLUMBAGO_ASSIGN_OR_RETURN(const Token output, ExpectText("the name of the aggregate"));
    compute.output = output.text;
    absl::StrAppend(&compute.spec.identity, " compute ", method.text, " write to ", output.text,
                    " timestamp ", static_cast<int>(compute.spec.timestamp_at));
    computes.push_back(std::move(compute));
  } while (NextIs("compute"));
  return computes;
}

// "send statistics to ...", the older form of "statistics send to".
absl::Status CRelayParser::ParseSend() {
  PLUMBAGO_RETURN_IF_ERROR(Expect({"statistics", "to"}));
  PLUMBAGO_ASSIGN_OR_RETURN(Targets targets, ParseTargets());
  if (has_statistics_targets_)
    return Error("a second 'send to' of statistics; name all clusters in one");
  has_statistics_targets_ = true;
  config_.statistics.groups = std::move(targets.groups);
  Take("stop");
  return absl::OkStatus();
}

absl::Status CRelayParser::ParseStatistics() {
  if (Take("submit")) {
    PLUMBAGO_RETURN_IF_ERROR(Expect({"every"}));
    PLUMBAGO_ASSIGN_OR_RETURN(const uint32_t seconds, ExpectNumber("the interval", 1, kSecondsMax));
    PLUMBAGO_RETURN_IF_ERROR(Expect({"seconds"}));
    config_.statistics.interval = absl::Seconds(seconds);
  }
  if (Take("reset")) {
    PLUMBAGO_RETURN_IF_ERROR(Expect({"counters", "after", "interval"}));
    config_.statistics.counters = CRelayStatistics::Counters::kResetAfterInterval;
  }
  if (Take("prefix")) {
    PLUMBAGO_RETURN_IF_ERROR(Expect({"with"}));
    PLUMBAGO_ASSIGN_OR_RETURN(const Token prefix, ExpectText("the prefix of statistics"));
    config_.statistics.prefix = prefix.text;
  }
  PLUMBAGO_ASSIGN_OR_RETURN(auto targets, ParseOptionalSendTo());
  if (targets.has_value()) {
    if (has_statistics_targets_) {
      return Error("a second 'send to' of statistics; name all clusters in one");
    }
    has_statistics_targets_ = true;
    config_.statistics.groups = std::move(targets->groups);
  }
  Take("stop");
  return absl::OkStatus();
}

absl::Status CRelayParser::ParseListen() {
  PLUMBAGO_RETURN_IF_ERROR(Expect({"type", "linemode"}));
  CRelayListener form;
  PLUMBAGO_RETURN_IF_ERROR(ParseListenTransport(&form));
  do {
    CRelayListener listener = form;
    listener.source = Source(at_->token.line, "listen");
    PLUMBAGO_ASSIGN_OR_RETURN(const Token address, ExpectText("an address to listen at"));
    PLUMBAGO_RETURN_IF_ERROR(Expect({"proto"}));
    listener.address = address.text;
    if (Take("unix")) {
      listener.kind = CRelayListener::Kind::kUnix;
    } else {
      if (IsDigits(address.text)) listener.address = absl::StrCat(":", address.text);
      const bool is_udp = Take("udp");
      if (!is_udp) PLUMBAGO_RETURN_IF_ERROR(Expect({"tcp"}));
      listener.kind = is_udp ? CRelayListener::Kind::kUdp : CRelayListener::Kind::kTcp;
      if (is_udp &&
          (form.compression != Compression::kNone || form.encryption != Encryption::kNone)) {
        return Error("udp cannot be compressed or encrypted; use proto tcp");
      }
    }
    config_.listeners.push_back(std::move(listener));
  } while (at_->token.is_text());
  return absl::OkStatus();
}

absl::Status CRelayParser::ParseListenTransport(CRelayListener* listener) {
  if (!Take("transport")) return absl::OkStatus();
  if (Take("gzip")) {
    listener->compression = Compression::kGzip;
  } else if (Take("snappy")) {
    listener->compression = Compression::kSnappy;
  } else {
    PLUMBAGO_RETURN_IF_ERROR(Expect({"plain"}));
  }
  if (!Take("ssl")) return absl::OkStatus();
  PLUMBAGO_ASSIGN_OR_RETURN(const Token certificate, ExpectText("the file of the certificate"));
  listener->encryption = Encryption::kTls;
  listener->certificate_file = certificate.text;
  return absl::OkStatus();
}

absl::Status CRelayParser::ParseInclude() {
  PLUMBAGO_ASSIGN_OR_RETURN(const Token path, ExpectText("the file to include"));
  const absl::Status status = include_(*this, path.text);
  if (status.ok()) return status;
  return base::ConfigError(absl::StrCat(status.message(), ", included"), at_->file, path.line);
}

absl::StatusOr<std::vector<CRelayParser::Expression>> CRelayParser::ParseExpressions(
    std::initializer_list<absl::string_view> ends) {
  std::vector<Expression> expressions;
  do {
    PLUMBAGO_ASSIGN_OR_RETURN(const Token token, ExpectText("a pattern"));
    PLUMBAGO_ASSIGN_OR_RETURN(Expression expression, AddExpression(token));
    expressions.push_back(std::move(expression));
  } while (at_->token.is_text() &&
           std::none_of(ends.begin(), ends.end(),
                        [this](absl::string_view end) { return NextIs(end); }));
  return expressions;
}

absl::StatusOr<CRelayParser::Expression> CRelayParser::AddExpression(const Token& token) {
  Expression expression{.text = token.text};
  if (token.text == "*") return expression;
  const auto pattern = builder_.patterns().Add(token.text, Dialect::kPosix);
  if (!pattern.ok()) {
    return base::ConfigError(pattern.status().message(), at_->file, token.line);
  }
  expression.pattern = *pattern;
  return expression;
}

absl::StatusOr<std::optional<CRelayParser::Targets>> CRelayParser::ParseOptionalSendTo() {
  if (!Take("send")) return std::nullopt;
  PLUMBAGO_RETURN_IF_ERROR(Expect({"to"}));
  PLUMBAGO_ASSIGN_OR_RETURN(Targets targets, ParseTargets());
  return targets;
}

absl::StatusOr<CRelayParser::Targets> CRelayParser::ParseTargets() {
  Targets targets;
  if (Take(kBlackholeName)) {
    targets.is_blackhole = true;
    return targets;
  }
  do {
    PLUMBAGO_ASSIGN_OR_RETURN(const Token name, ExpectText("a cluster"));
    const auto known = std::find_if(clusters_.begin(), clusters_.end(), [&](const auto& cluster) {
      return cluster.first == name.text;
    });
    if (name.text == kShardsName) {
      targets.groups.push_back(builder_.ShardsGroup());
    } else if (known != clusters_.end()) {
      targets.groups.push_back(known->second);
    } else {
      return base::ConfigError(absl::StrCat("unknown cluster '", base::Excerpt(name.text),
                                            "'; define it above this statement"),
                               at_->file, name.line);
    }
  } while (at_->token.is_text() && !NextIs("stop"));
  return targets;
}

void CRelayParser::Advance() {
  auto token = at_->lexer.Next();
  if (token.ok()) {
    at_->token = *std::move(token);
    return;
  }
  at_->token = {.kind = Token::Kind::kEnd, .text = "", .line = at_->lexer.line()};
  if (lexer_error_.ok()) lexer_error_ = Error(token.status().message());
}

bool CRelayParser::Take(absl::string_view keyword) {
  if (!NextIs(keyword)) return false;
  Advance();
  return true;
}

absl::Status CRelayParser::Expect(std::initializer_list<absl::string_view> keywords) {
  for (const absl::string_view keyword : keywords) {
    if (!Take(keyword)) return Unexpected(keyword);
  }
  return absl::OkStatus();
}

absl::StatusOr<CRelayToken> CRelayParser::ExpectText(absl::string_view what) {
  if (!at_->token.is_text()) return Unexpected(what);
  Token token = std::move(at_->token);
  Advance();
  return token;
}

absl::StatusOr<uint32_t> CRelayParser::ExpectNumber(absl::string_view what, uint32_t min,
                                                    uint32_t max) {
  uint32_t value = 0;
  const bool is_number = IsDigits(at_->token.text) && absl::SimpleAtoi(at_->token.text, &value);
  if (!is_number || value < min || value > max) {
    return Unexpected(absl::StrCat(what, ", from ", min, " to ", max));
  }
  Advance();
  return value;
}

absl::Status CRelayParser::Error(absl::string_view problem) const {
  if (!lexer_error_.ok()) return lexer_error_;
  return base::ConfigError(problem, at_->file, at_->token.line);
}

absl::Status CRelayParser::Unexpected(absl::string_view expected) const {
  const bool is_end = at_->token.kind == Token::Kind::kEnd;
  const std::string found =
      is_end ? "the end of the file" : absl::StrCat("\"", base::Excerpt(at_->token.text), "\"");
  return Error(absl::StrCat("unexpected ", found, ", expected ", expected));
}

std::string CRelayParser::Source(int line, absl::string_view what) const {
  return absl::StrCat(at_->file, " line ", line, " ", what);
}

}  // namespace plumbago::routing
