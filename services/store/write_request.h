// Turns a WriteRequest into a batch of the store.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "plumbago/v1/store.pb.h"
#include "store/write_session.h"

namespace plumbago::store_service {

// Defines the request's new names in `session` first. InvalidArgument: columns of unequal length,
// an id that is undefined or defined twice, a tenant index beyond the tenants. After an error the
// stream is to be ended.
absl::StatusOr<std::shared_ptr<store::WriteBatch>> ToBatch(const v1::WriteRequest& request,
                                                           store::WriteSession& session);

}  // namespace plumbago::store_service
