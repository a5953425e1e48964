// Proves the limits of ids, texts and keys: just under, at and over.
#include "tenancy/tenant_rules.h"

#include <catch2/catch.hpp>

namespace plumbago::tenancy {
namespace {

bool IsRefused(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument;
}

TEST_CASE("Tenant ids are 1 to 63 of a-z, 0-9 and -, not starting with -", "[tenancy]") {
  for (const char* id : {"a", "0", "acme", "a-1", "a-"}) CHECK(ValidateTenantId(id).ok());
  CHECK(ValidateTenantId(std::string(63, 'a')).ok());
  for (const char* id : {"", "-a", "A", "a.b", "a/b", "..", "a b", "\xc3\xa9", "a_b"}) {
    CHECK(IsRefused(ValidateTenantId(id)));
  }
  CHECK(IsRefused(ValidateTenantId(std::string(64, 'a'))));
  CHECK_THAT(std::string(ValidateTenantId("A\n").message()),
             Catch::Contains("tenant id \"A\\n\" is not allowed; use 1 to 63 of"));
}

TEST_CASE("Texts are at most 256 bytes without control characters", "[tenancy]") {
  CHECK(ValidateText("note", "").ok());
  CHECK(ValidateText("note", std::string(256, 'x')).ok());
  CHECK(IsRefused(ValidateText("note", std::string(257, 'x'))));
  CHECK_THAT(std::string(ValidateText("note", "a\tb").message()),
             Catch::Contains("note \"a\\tb\" has control characters"));
}

TEST_CASE("Keys have known scopes, each once", "[tenancy]") {
  v1::CreateKeyRequest request;
  CHECK(IsRefused(ValidateCreateKey(request)));
  request.add_scope(v1::Key::INGEST);
  request.add_scope(v1::Key::READ);
  CHECK(ValidateCreateKey(request).ok());
  request.add_scope(v1::Key::INGEST);
  CHECK_THAT(std::string(ValidateCreateKey(request).message()),
             Catch::Contains("scope INGEST is given twice"));
  request.set_scope(2, v1::Key::SCOPE_UNSPECIFIED);
  CHECK(IsRefused(ValidateCreateKey(request)));
  request.set_scope(2, static_cast<v1::Key::Scope>(9));
  CHECK_THAT(std::string(ValidateCreateKey(request).message()),
             Catch::Contains("scope 9 is unknown"));
}

TEST_CASE("Key texts carry their id and 32 random characters", "[tenancy]") {
  base::SeededRandom random(1);
  const std::string text = MakeKeyText("0123456789ab", random);
  CHECK(text.substr(0, 16) == "pk_0123456789ab_");
  CHECK(text.size() == 16 + kKeySecretCharacters);
  CHECK(text != MakeKeyText("0123456789ab", random));
}

}  // namespace
}  // namespace plumbago::tenancy
