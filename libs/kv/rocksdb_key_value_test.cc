// Proves that a RocksDB database keeps the contract of base::KeyValue, survives closing, and tells
// what is wrong when it is locked or damaged. On a temporary directory.
#include "kv/rocksdb_key_value.h"

#include <catch2/catch.hpp>

#include "base/file_system.h"
#include "base/testing/temporary_directory.h"

namespace plumbago::kv {
namespace {

using base::KeyValueSync;

std::unique_ptr<base::KeyValue> Open(const std::string& path) {
  auto database = OpenRocksDb(path);
  INFO(database.status().ToString());
  REQUIRE(database.ok());
  return std::move(*database);
}

std::vector<std::string> KeysWithPrefix(base::KeyValue& database, absl::string_view prefix) {
  std::vector<std::string> keys;
  REQUIRE(database
              .Scan(prefix,
                    [&](absl::string_view key, absl::string_view) {
                      keys.emplace_back(key);
                      return true;
                    })
              .ok());
  return keys;
}

TEST_CASE("Get gives what Apply wrote, and NotFound for an absent key", "[kv]") {
  base::testing::TemporaryDirectory directory;
  auto database = Open(directory.path());
  const std::string binary("\0\xff\n", 3);
  REQUIRE(database->Apply({{binary, "value"}, {"empty", ""}}, KeyValueSync::kPageCache).ok());
  CHECK(*database->Get(binary) == "value");
  CHECK(database->Get("empty")->empty());
  CHECK(database->Get("absent").status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("Apply makes its changes in order, removals among them", "[kv]") {
  base::testing::TemporaryDirectory directory;
  auto database = Open(directory.path());
  REQUIRE(
      database->Apply({{"a", "1"}, {"a", "2"}, {"b", "1"}, {"b", "", true}}, KeyValueSync::kDisk)
          .ok());
  CHECK(*database->Get("a") == "2");
  CHECK(database->Get("b").status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("Scan visits the keys of a prefix in byte order until told to stop", "[kv]") {
  base::testing::TemporaryDirectory directory;
  auto database = Open(directory.path());
  REQUIRE(database
              ->Apply({{"b2", ""}, {"a", ""}, {"b\xff", ""}, {"b1", ""}, {"c", ""}},
                      KeyValueSync::kPageCache)
              .ok());
  CHECK(KeysWithPrefix(*database, "b") == std::vector<std::string>{"b1", "b2", "b\xff"});
  CHECK(KeysWithPrefix(*database, "").size() == 5);
  CHECK(KeysWithPrefix(*database, "d").empty());
  int visits = 0;
  REQUIRE(
      database->Scan("b", [&](absl::string_view, absl::string_view) { return ++visits < 2; }).ok());
  CHECK(visits == 2);
}

TEST_CASE("A database has its content again after it was closed", "[kv]") {
  base::testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/not/yet/there";
  for (int i = 0; i < 3; ++i) {
    auto database = Open(path);
    CHECK(KeysWithPrefix(*database, "").size() == static_cast<size_t>(i));
    REQUIRE(database->Apply({{std::to_string(i), "x"}}, KeyValueSync::kPageCache).ok());
  }
}

TEST_CASE("A database that is open already is FailedPrecondition and names the path", "[kv]") {
  base::testing::TemporaryDirectory directory;
  auto database = Open(directory.path());
  const absl::Status status = OpenRocksDb(directory.path()).status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK_THAT(std::string(status.message()),
             Catch::Contains(directory.path() + " is in use by another process"));
}

TEST_CASE("A damaged database is DataLoss and names the path", "[kv]") {
  base::testing::TemporaryDirectory directory;
  Open(directory.path());
  auto file_system = base::MakePosixFileSystem();
  REQUIRE(base::WriteFileAtomically(*file_system, directory.path() + "/CURRENT", "garbage").ok());
  const absl::Status status = OpenRocksDb(directory.path()).status();
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK_THAT(std::string(status.message()), Catch::Contains(directory.path()));
}

TEST_CASE("A path that cannot be a directory is refused", "[kv]") {
  base::testing::TemporaryDirectory directory;
  auto file_system = base::MakePosixFileSystem();
  const std::string path = directory.path() + "/file";
  REQUIRE(base::WriteFileAtomically(*file_system, path, "").ok());
  CHECK_FALSE(OpenRocksDb(path).ok());
}

}  // namespace
}  // namespace plumbago::kv
