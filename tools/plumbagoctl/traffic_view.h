// How the traffic of relays is put together and shown. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "plumbago/v1/relay_admin.pb.h"
#include "table.h"

namespace plumbago::ctl {

// The sums of several relays, the heaviest rows first, at most `limit` of them. Errors add up; the
// time is the shortest.
v1::TopResponse MergeTop(const std::vector<v1::TopResponse>& relays, size_t limit);

// One row a prefix, sender or tenant.
Table TopTable(const v1::TopResponse& top, v1::TopRequest::By by);

// "12345 points/s of the last 10 s".
std::string TopSummary(const v1::TopResponse& top);

// "0", "0.3", "12", "45.6k", "1.2M".
std::string FormatRate(double per_second);

}  // namespace plumbago::ctl
