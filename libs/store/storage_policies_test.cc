// Proves which policy decides for a tenant, that a change takes effect whole and at once, and that
// what is wrong leaves the policy before it in force.
#include "store/storage_policies.h"

#include <catch2/catch.hpp>

#include "base/testing/temporary_directory.h"

namespace plumbago::store {
namespace {

using Problems = StoragePolicies::Problems;

std::string Schemas(int step) {
  return "[all]\npattern = .*\nretentions = " + std::to_string(step) + "s:1h\n";
}

struct Fixture {
  base::testing::TemporaryDirectory directory;
  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  base::Metrics metrics;
  const std::string schemas_path = directory.path() + "/schemas.conf";
  StoragePolicies::Options options{.schemas_path = schemas_path,
                                   .tenants_directory = directory.path() + "/tenants"};
  std::unique_ptr<StoragePolicies> policies;

  Fixture() {
    Write("schemas.conf", Schemas(10));
    REQUIRE(file_system->CreateDirectories(options.tenants_directory).ok());
    policies = std::make_unique<StoragePolicies>(*file_system, metrics, options);
  }

  void Write(const std::string& path, const std::string& content) {
    const std::string full = directory.path() + "/" + path;
    REQUIRE(file_system->CreateDirectories(full.substr(0, full.rfind('/'))).ok());
    REQUIRE(base::WriteFileAtomically(*file_system, full, content).ok());
  }
  void Remove(const std::string& path) {
    REQUIRE(file_system->Remove(directory.path() + "/" + path).ok());
  }
  // A schema for acme as the controller pushes it; empty: none.
  void Push(const std::string& schemas) {
    v1::Snapshot snapshot;
    v1::Tenant& tenant = *snapshot.add_tenant();
    tenant.set_id("acme");
    if (!schemas.empty()) tenant.mutable_storage_policy()->set_storage_schemas(schemas);
    policies->Apply(*topology::Snapshot::FromProto(snapshot).value());
  }
  uint32_t Step(absl::string_view tenant) const {
    return policies->Current()->Of(tenant).rules.HeaderFor("a").archives[0].seconds_per_point;
  }
  std::string Source(absl::string_view tenant) const {
    return std::string(PolicySourceName(policies->Current()->Of(tenant).source));
  }
  double failures() {
    return metrics.AddCounter("plumbago_store_policy_reload_failures_total", "").Value();
  }
};

TEST_CASE("Pushed, tenant's files, store's files, built in: the first that is there decides",
          "[store]") {
  Fixture fixture;
  CHECK(fixture.Step("acme") == 60);
  CHECK(fixture.Source("acme") == "built in");
  REQUIRE(fixture.policies->Load().ok());
  CHECK(fixture.Step("acme") == 10);
  CHECK(fixture.Source("acme") == "store files");

  fixture.Write("tenants/acme/storage-schemas.conf", Schemas(20));
  fixture.policies->Reload(Problems::kNew);
  CHECK(fixture.Step("acme") == 20);
  CHECK(fixture.Source("acme") == "tenant files");
  CHECK(fixture.Step("other") == 10);

  fixture.Push(Schemas(30));
  CHECK(fixture.Step("acme") == 30);
  CHECK(fixture.Source("acme") == "controller");
  CHECK(fixture.Step("other") == 10);

  fixture.Push("");
  CHECK(fixture.Step("acme") == 20);
  fixture.Remove("tenants/acme/storage-schemas.conf");
  fixture.policies->Reload(Problems::kNew);
  CHECK(fixture.Step("acme") == 10);
  CHECK(fixture.failures() == 0);
}

TEST_CASE("A tenant's policy is one whole: an absent file is an empty one", "[store]") {
  Fixture fixture;
  fixture.Write("tenants/acme/storage-aggregation.conf",
                "[s]\npattern = .\naggregationMethod = sum\n");
  REQUIRE(fixture.policies->Load().ok());
  const auto current = fixture.policies->Current();
  const whisper::Header header = current->Of("acme").rules.HeaderFor("a");
  CHECK(header.method == whisper::AggregationMethod::kSum);
  CHECK(header.archives[0].seconds_per_point == 60);  // not the 10 of the store's files
}

TEST_CASE("What is wrong is refused with file and line, and the one before stays", "[store]") {
  Fixture fixture;
  fixture.Write("tenants/acme/storage-schemas.conf", Schemas(20));
  REQUIRE(fixture.policies->Load().ok());
  const uint64_t generation = fixture.policies->Current()->generation();

  fixture.Write("tenants/acme/storage-schemas.conf", "[all]\npattern = .*\nretentions = 1x:1d\n");
  fixture.Write("schemas.conf", "nonsense");
  fixture.policies->Reload(Problems::kNew);
  CHECK(fixture.Step("acme") == 20);
  CHECK(fixture.Step("other") == 10);
  CHECK(fixture.policies->Current()->generation() == generation);
  CHECK(fixture.failures() == 2);
  fixture.policies->Reload(Problems::kNew);  // known already
  CHECK(fixture.failures() == 2);
  fixture.policies->Reload(Problems::kAll);  // somebody asks
  CHECK(fixture.failures() == 4);

  fixture.Write("schemas.conf", Schemas(15));
  fixture.policies->Reload(Problems::kNew);
  CHECK(fixture.Step("other") == 15);
  CHECK(fixture.policies->Current()->generation() == generation + 1);
  CHECK(fixture.failures() == 4);

  fixture.Push(Schemas(30));
  fixture.Push("[broken");
  CHECK(fixture.Step("acme") == 30);
  CHECK(fixture.failures() == 5);
}

TEST_CASE("At the start everything that is named must be there and right", "[store]") {
  using Catch::Matchers::Contains;
  Fixture fixture;
  fixture.Write("tenants/acme/storage-schemas.conf", "[all]\npattern = .*\nretentions = 1x:1d\n");
  CHECK_THAT(std::string(fixture.policies->Load().message()),
             Contains("tenants/acme/storage-schemas.conf line 3"));
  fixture.Write("tenants/acme/storage-schemas.conf", Schemas(20));
  CHECK(fixture.policies->Load().ok());
  fixture.Remove("schemas.conf");
  CHECK_THAT(std::string(fixture.policies->Load().message()), Contains("schemas.conf"));
}

TEST_CASE("A file that goes away and comes back unchanged is no change and no lasting problem",
          "[store]") {
  Fixture fixture;
  REQUIRE(fixture.policies->Load().ok());
  fixture.Remove("schemas.conf");
  fixture.policies->Reload(Problems::kNew);
  fixture.policies->Reload(Problems::kNew);
  CHECK(fixture.failures() == 1);
  CHECK(fixture.Step("x") == 10);
  fixture.Write("schemas.conf", Schemas(10));
  fixture.policies->Reload(Problems::kNew);
  CHECK(fixture.failures() == 1);
  CHECK(fixture.Step("x") == 10);
}

TEST_CASE("A batch that began under a policy keeps it", "[store]") {
  Fixture fixture;
  REQUIRE(fixture.policies->Load().ok());
  const auto before = fixture.policies->Current();
  fixture.Write("schemas.conf", Schemas(20));
  fixture.policies->Reload(Problems::kNew);
  CHECK(before->Of("x").rules.HeaderFor("a").archives[0].seconds_per_point == 10);
  CHECK(fixture.Step("x") == 20);
}

}  // namespace
}  // namespace plumbago::store
