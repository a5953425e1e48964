// The snapshot's form on disk: docs/formats/snapshot.md.
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "topology/snapshot.h"

namespace plumbago::topology {
namespace {

constexpr absl::string_view kMagic = "PLBGSNAP";
constexpr uint32_t kFormatVersion = 1;
constexpr size_t kChecksumOffset = 8;
constexpr size_t kVersionOffset = 16;
constexpr size_t kSizeOffset = 20;
constexpr size_t kHeaderBytes = 24;
constexpr uint64_t kFileBytesMax = 256ull << 20;

void AppendLittleEndian(uint64_t value, size_t bytes, std::string& out) {
  for (size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t ReadLittleEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

absl::Status Damaged(const std::string& path, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("snapshot file ", path, " is damaged: ", what,
                                          "; remove it to start from the controller"));
}

// The protobuf bytes in `content`, after all checks.
absl::StatusOr<absl::string_view> Payload(absl::string_view content, const std::string& path) {
  if (content.size() < kHeaderBytes) return Damaged(path, "shorter than its header");
  if (content.substr(0, kMagic.size()) != kMagic) return Damaged(path, "wrong magic bytes");
  if (ReadLittleEndian(content.substr(kChecksumOffset, 8)) !=
      base::Hash64(content.substr(kVersionOffset))) {
    return Damaged(path, "wrong checksum");
  }
  const uint64_t version = ReadLittleEndian(content.substr(kVersionOffset, 4));
  if (version != kFormatVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("snapshot file ", path, " has format version ", version,
                     "; this release reads version ", kFormatVersion));
  }
  const absl::string_view payload = content.substr(kHeaderBytes);
  if (ReadLittleEndian(content.substr(kSizeOffset, 4)) != payload.size()) {
    return Damaged(path, "wrong size");
  }
  return payload;
}

}  // namespace

absl::Status SaveSnapshot(base::FileSystem& file_system, const std::string& path,
                          const Snapshot& snapshot) {
  const std::string payload = snapshot.proto().SerializeAsString();
  if (payload.size() > kFileBytesMax - kHeaderBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("snapshot of ", payload.size(),
                                                     " bytes is above the limit of ",
                                                     kFileBytesMax - kHeaderBytes));
  }
  std::string checked;
  AppendLittleEndian(kFormatVersion, 4, checked);
  AppendLittleEndian(payload.size(), 4, checked);
  checked += payload;

  std::string content(kMagic);
  AppendLittleEndian(base::Hash64(checked), 8, content);
  content += checked;
  return base::WriteFileAtomically(file_system, path, content);
}

absl::StatusOr<std::shared_ptr<const Snapshot>> LoadSnapshot(base::FileSystem& file_system,
                                                             const std::string& path) {
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string content,
                            base::ReadWholeFile(file_system, path, kFileBytesMax));
  PLUMBAGO_ASSIGN_OR_RETURN(const absl::string_view payload, Payload(content, path));
  v1::Snapshot proto;
  if (!proto.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return Damaged(path, "not a protobuf message");
  }
  auto snapshot = Snapshot::FromProto(std::move(proto));
  if (!snapshot.ok()) return Damaged(path, snapshot.status().message());
  return snapshot;
}

}  // namespace plumbago::topology
