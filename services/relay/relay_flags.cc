#include "relay_flags.h"

namespace plumbago::relay {

namespace {

void AddListenerFlags(service::CommandLine& line, RelayOptions& relay) {
  line.Add("--plaintext-tcp", relay.plaintext_tcp,
           "Plaintext lines over TCP: host:port[,gzip|snappy|zstd][,proxy][,tls][,tenant=ID], "
           "several apart by blanks; empty for none");
  line.Add("--plaintext-udp", relay.plaintext_udp, "The same over UDP: host:port[,tenant=ID]");
  line.Add("--plaintext-unix", relay.plaintext_unix,
           "The same over a Unix socket: path[,gzip|snappy|zstd][,tenant=ID]");
  line.Add("--pickle-tcp", relay.pickle_tcp, "Carbon's pickles, with options as --plaintext-tcp");
  line.Add("--protobuf-tcp", relay.protobuf_tcp,
           "Carbon's protobuf, with options as --plaintext-tcp");
  line.Add("--opentsdb-tcp", relay.opentsdb_tcp,
           "OpenTSDB's and KairosDB's put lines, with options as --plaintext-tcp");
  line.Add("--statsd-udp", relay.statsd_udp, "StatsD over UDP: host:port[,tenant=ID]");
  line.Add("--statsd-tcp", relay.statsd_tcp, "StatsD over TCP, with options as --plaintext-tcp");
  line.Add("--http", relay.http,
           "HTTP for lines, JSON, Prometheus remote write and OpenTSDB: "
           "host:port[,proxy][,tls][,tenant=ID], several apart by blanks");
  line.AddDuration(
      "--http-timeout", relay.http_ingest.timeout,
      "Longest time until the points of a request are accepted by their shards or in a spool; "
      "then 503");
  line.Add("--http-threads", relay.http_ingest.server.handler_threads,
           "Requests that may wait for the shards at a time")
      ->check(CLI::Range(size_t{1}, size_t{1024}));
  line.AddBytes("--http-body-max", relay.http_ingest.body_bytes_max,
                "Largest body of a request, inflated; larger ones are answered 413");
  line.Add("--tls-certificate", relay.tls.certificate_path,
           "PEM file with the certificate and its chain, for listeners with the option tls");
  line.Add("--tls-key", relay.tls.key_path, "PEM file with the key of the certificate");
  line.Add("--tls-client-ca", relay.tls.client_ca_path,
           "PEM file with who signs client certificates; their common name is the tenant");
}

void AddStatsdFlags(service::CommandLine& line, protocols::StatsdOptions& statsd) {
  line.AddDuration("--statsd-flush-interval", statsd.flush_interval,
                   "Time over which StatsD's values are counted together");
  line.Add("--statsd-legacy-namespace", statsd.has_legacy_namespace,
           "Names as stats.K and stats_counts.K; false: stats.counters.K.rate and .count");
  line.Add("--statsd-keys-max", statsd.keys_max,
           "StatsD keys that are known at a time; further ones are refused (too_many_keys)");
  line.Add("--statsd-percentiles", statsd.percentiles, "Percentiles of StatsD's timers");
}

void AddTenantFlags(service::CommandLine& line, RelayOptions& relay) {
  line.Add("--default-tenant", relay.reactor.router.tenant,
           "Tenant of senders that neither key, certificate, listener nor network tells; empty: "
           "they are refused");
  line.Add("--tenant-networks", relay.tenant_networks,
           "Tenants by the network of their senders: 10.1.0.0/16=acme, several apart by blanks");
  line.Add("--points-per-second", relay.default_rates.points_per_second,
           "Limit of a tenant without one of its own, on this relay; 0 is none "
           "(points_rate_limit)");
  line.Add("--new-series-per-second", relay.default_rates.new_series_per_second,
           "Limit of a tenant without one of its own, on this relay; 0 is none "
           "(new_series_rate_limit)");
  line.AddDuration("--new-series-grace", relay.default_rates.new_series_grace,
                   "Time after a tenant's first point in which no series counts as new");
  line.Add("--name-bytes-max", relay.reactor.router.name_bytes_max,
           "Longest name, tags included (name_too_long)")
      ->check(CLI::Range(size_t{1}, metric::kMetricBytesMax));
}

void AddConnectionFlags(service::CommandLine& line, RelayOptions& relay) {
  line.Add("--connections-max", relay.connections.total,
           "Connections of the relay; further ones are closed at once "
           "(plumbago_relay_connections_refused_total)");
  line.Add("--connections-per-source-max", relay.connections.per_source,
           "Connections of one source address; 0 is no limit");
  line.Add("--connections-per-tenant-max", relay.connections.per_tenant,
           "Connections of one tenant, as far as it is known without a key in a name; 0 is no "
           "limit");
  line.AddDuration("--idle-timeout", relay.reactor.idle_timeout,
                   "Silence after which a connection is closed; 0 is never "
                   "(plumbago_relay_connections_closed_total)");
}

void AddOwnMetricsFlags(service::CommandLine& line, OwnMetricsOptions& own) {
  line.AddDuration("--own-metrics-interval", own.interval,
                   "Time between points of the relay's own Graphite series; 0 writes none");
  line.Add("--own-metrics-prefix", own.prefix,
           "Begin of their names; {host} is this machine's name, with underscores for dots");
  line.Add("--own-metrics-tenant", own.tenant,
           "Whose series they are; empty: the default tenant's, and none where there is none");
}

void AddSpoolFlags(service::CommandLine& line, RelayOptions& options) {
  line.Add("--spool-dir", options.spool.directory,
           "Directory for the points of shards that are down or slow; empty is <data-dir>/spool");
  line.AddBytes("--spool-bytes-max", options.spool.bytes_max,
                "Disk for the points of one shard (plumbago_relay_spool_bytes); at the bound TCP "
                "sockets are left unread, and UDP points refused as spool_full. 0: no spool");
  line.Add("--spool-replay-rate", options.spool.replay.points_per_second,
           "Points per second that a shard is given from its spool beside live traffic "
           "(plumbago_relay_points_replayed_total)")
      ->check(CLI::Range(1.0, 1e9));
  line.AddBytes("--spool-disk-free-min", options.spool.disk_free_bytes_min,
                "Nothing is spooled while the disk has less free space");
  line.AddDuration("--shard-stall-timeout", options.reactor.router.stall_timeout,
                   "A shard that has points to accept and accepts none for so long counts as down "
                   "(plumbago_relay_shard_state); shorter loses less when the relay is killed");
}

void AddForeignFlags(service::CommandLine& line, ForeignOptions& foreign) {
  line.AddDuration("--destination-connect-timeout", foreign.connect_timeout,
                   "Time for a connection to a foreign destination, TLS included "
                   "(plumbago_relay_destination_failures_total)");
  line.Add("--destination-tls-ca", foreign.tls_ca_path,
           "PEM file with the CAs that foreign destinations' certificates are signed by; empty: "
           "those of this machine");
}

void AddRuleFlags(service::CommandLine& line, RelayOptions& options) {
  routing::RuleSettings& rules = options.rules;
  line.Add("--carbon-conf", rules.carbon_conf,
           "carbon.conf whose [relay] and [aggregator] say where points go; the rule files beside "
           "it are read too. The flags below stand over it (docs/routing.md)");
  line.Add("--carbon-program", rules.carbon_program,
           "Which of carbon's daemons this relay stands for: relay, aggregator or both");
  line.Add("--relay-method", rules.relay_method,
           "shards, rules, constant, consistent-hashing, aggregated-consistent-hashing, "
           "fast-hashing or fast-aggregated-hashing; default: rules with --relay-rules, else "
           "shards: everything goes to this cluster");
  line.Add("--relay-rules", rules.relay_rules, "relay-rules.conf");
  line.Add("--rewrite-rules", rules.rewrite_rules, "rewrite-rules.conf");
  line.Add("--aggregation-rules", rules.aggregation_rules, "aggregation-rules.conf");
  line.Add("--blacklist", rules.blacklist, "blacklist.conf: names that are dropped");
  line.Add("--whitelist", rules.whitelist, "whitelist.conf: other names are dropped");
  line.Add("--destinations", rules.destinations,
           "Foreign hosts apart by commas, HOST:PORT[:INSTANCE], as carbon's DESTINATIONS; "
           "\"shards\" is this cluster");
  line.Add("--destination-protocol", rules.destination_protocol,
           "Protocol of destinations that do not say: pickle (default) or line");
  line.Add("--replication-factor", rules.replication_factor,
           "Destinations of a hash ring that get each metric; 0: as carbon.conf says, else 1");
  line.Add("--diverse-replicas", rules.diverse_replicas,
           "Whether these have to be on different hosts; default true");
  line.Add("--router-hash-type", rules.router_hash,
           "Hash of the rings, as carbon's "
           "ROUTER_HASH_TYPE; default: that of the method");
  line.Add("--forward-all", rules.forward_all,
           "Whether metrics that were aggregated go on themselves; default true");
  line.Add("--max-aggregation-intervals", rules.max_aggregation_intervals,
           "Intervals that aggregates wait for late points (aggregate_late); more cost memory; 0: "
           "as carbon.conf says, else 5");
  line.Add("--aggregation-write-back", rules.write_back_seconds,
           "Seconds after which an open aggregate is written, where that is less than its "
           "interval; 0: never; -1: as carbon.conf says, else 0");
  line.AddBytes("--aggregator-memory-max", rules.aggregator_bytes_max,
                "Memory of open aggregates (plumbago_relay_aggregator_bytes); at the bound points "
                "for them are refused (aggregate_no_memory)");
  line.Add("--carbon-c-relay-config", rules.carbon_c_relay_config,
           "Configuration of carbon-c-relay to follow, instead of the files above");
  line.Add("--rules-tenants", options.rules_tenants,
           "Tenants whose points the rules concern: ids apart by blanks, or *; default: the "
           "default tenant");
  line.Add("--foreign-full", options.foreign_full,
           "Points for a foreign destination that has neither memory nor a spool left: drop "
           "(destination_full) or pause, which holds up all senders");
}

}  // namespace

void AddFlags(service::CommandLine& line, RelayFlags& flags) {
  service::AddCommonFlags(line, flags.common);
  line.Add("--controller", flags.controller, "gRPC address of the tenant-controller, host:port");
  AddListenerFlags(line, flags.relay);
  AddStatsdFlags(line, flags.relay.reactor.statsd);
  AddTenantFlags(line, flags.relay);
  AddConnectionFlags(line, flags.relay);
  line.AddSwitch("--allow-unauthenticated", flags.relay.allow_unauthenticated,
                 "Accept listeners beyond loopback although senders are not authenticated");
  line.Add("--reactors", flags.relay.reactor_count, "Threads that read sockets; 0 is one per core")
      ->check(CLI::Range(0, 256));
  line.Add("--batch-points-max", flags.relay.reactor.router.batch_points_max,
           "Points in a batch to a cache; more costs memory and delay, fewer cost CPU")
      ->check(CLI::Range(size_t{1}, kBatchPointsMax));
  line.AddDuration("--batch-delay", flags.relay.reactor.router.batch_delay,
                   "Longest time that a point waits for its batch to fill");
  line.AddBytes(
      "--in-flight-max", flags.relay.in_flight_bytes_max,
      "Memory of points that are neither accepted by a shard nor in a spool, which a kill "
      "of the relay loses: of the whole process, at least 512KiB per shard and reactor "
      "(plumbago_relay_unacknowledged_bytes)");
  AddSpoolFlags(line, flags.relay);
  AddForeignFlags(line, flags.relay.foreign);
  AddRuleFlags(line, flags.relay);
  AddOwnMetricsFlags(line, flags.relay.own_metrics);
  line.Add("--traffic-samples-max", flags.relay.traffic_samples_max,
           "Points of the last ten seconds that each reactor remembers for plumbagoctl top, of 160 "
           "bytes each; more makes its figures more exact. 0: none")
      ->check(CLI::Range(size_t{0}, size_t{1} << 20));
  line.AddBytes("--dictionary-max", flags.relay.reactor.router.dictionary_bytes_max,
                "Memory of known names, per reactor; at the bound all are forgotten and learnt "
                "again (plumbago_relay_dictionary_resets_total)");
}

}  // namespace plumbago::relay
