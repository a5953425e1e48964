#include "kv/rocksdb_key_value.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file_system.h"
#include "base/status.h"

namespace plumbago::kv {
namespace {

constexpr uint64_t kLogBytesMax = 16 << 20;     // of the write-ahead log, before a flush
constexpr uint64_t kInfoLogBytesMax = 1 << 20;  // RocksDB's own text log
constexpr double kBloomBitsPerKey = 10;

rocksdb::Slice SliceOf(absl::string_view bytes) { return {bytes.data(), bytes.size()}; }
absl::string_view ViewOf(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::Status StatusOf(const rocksdb::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(what, ": ", status.ToString());
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(message);
  if (status.IsInvalidArgument()) return absl::FailedPreconditionError(message);
  return absl::UnavailableError(message);
}

class RocksDbKeyValue final : public base::KeyValue {
 public:
  RocksDbKeyValue(std::string path, std::unique_ptr<rocksdb::DB> database)
      : path_(std::move(path)), database_(std::move(database)) {}

  absl::StatusOr<std::string> Get(absl::string_view key) override {
    std::string value;
    const rocksdb::Status status = database_->Get(rocksdb::ReadOptions(), SliceOf(key), &value);
    if (status.IsNotFound()) return absl::NotFoundError("no such key");
    if (!status.ok()) return StatusOf(status, absl::StrCat("read from ", path_));
    return value;
  }

  absl::Status Apply(const std::vector<base::KeyValueChange>& changes,
                     base::KeyValueSync sync) override {
    rocksdb::WriteBatch batch;
    for (const base::KeyValueChange& change : changes) {
      const rocksdb::Status status =
          change.is_removal ? batch.Delete(change.key) : batch.Put(change.key, change.value);
      PLUMBAGO_RETURN_IF_ERROR(StatusOf(status, absl::StrCat("write to ", path_)));
    }
    rocksdb::WriteOptions options;
    options.sync = sync == base::KeyValueSync::kDisk;
    return StatusOf(database_->Write(options, &batch), absl::StrCat("write to ", path_));
  }

  absl::Status Scan(absl::string_view prefix, const Visitor& visit) override {
    rocksdb::ReadOptions options;
    options.fill_cache = false;  // a scan of everything must not push out what is read by key
    const std::unique_ptr<rocksdb::Iterator> entry(database_->NewIterator(options));
    for (entry->Seek(SliceOf(prefix)); entry->Valid(); entry->Next()) {
      if (!entry->key().starts_with(SliceOf(prefix))) break;
      if (!visit(ViewOf(entry->key()), ViewOf(entry->value()))) break;
    }
    return StatusOf(entry->status(), absl::StrCat("scan of ", path_));
  }

 private:
  const std::string path_;
  const std::unique_ptr<rocksdb::DB> database_;
};

rocksdb::Options MakeOptions(const RocksDbOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));

  rocksdb::Options result;
  result.create_if_missing = true;
  result.paranoid_checks = true;
  result.track_and_verify_wals_in_manifest = true;
  // A record torn by a crash ends the log; damage before it is an error, never skipped.
  result.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  result.max_total_wal_size = kLogBytesMax;
  result.write_buffer_size = options.write_buffer_bytes;
  result.max_write_buffer_number = 2;
  result.max_open_files = options.open_files_max;
  result.max_background_jobs = 2;
  result.info_log_level = rocksdb::InfoLogLevel::ERROR_LEVEL;
  result.max_log_file_size = kInfoLogBytesMax;
  result.keep_log_file_num = 2;
  result.stats_dump_period_sec = 0;
  result.stats_persist_period_sec = 0;
  result.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return result;
}

absl::Status OpenError(const rocksdb::Status& status, const std::string& path) {
  const std::string text = status.ToString();
  if (status.IsIOError() && absl::string_view(text).find("/LOCK") != absl::string_view::npos) {
    return absl::FailedPreconditionError(
        absl::StrCat("database ", path,
                     " is in use by another process; stop that one, or give this one a data "
                     "directory of its own (",
                     text, ")"));
  }
  return StatusOf(status, absl::StrCat("open database ", path));
}

}  // namespace

absl::StatusOr<std::unique_ptr<base::KeyValue>> OpenRocksDb(const std::string& path,
                                                            const RocksDbOptions& options) {
  PLUMBAGO_RETURN_IF_ERROR(base::MakePosixFileSystem()->CreateDirectories(path));
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(MakeOptions(options), path, &opened);
  std::unique_ptr<rocksdb::DB> database(opened);
  if (!status.ok()) return OpenError(status, path);
  return std::unique_ptr<base::KeyValue>(
      std::make_unique<RocksDbKeyValue>(path, std::move(database)));
}

}  // namespace plumbago::kv
