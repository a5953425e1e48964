// A table for people: columns padded to their widest cell, two blanks between them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace plumbago::ctl {

class Table {
 public:
  using Row = std::vector<std::string>;

  explicit Table(Row header) { rows_.push_back(std::move(header)); }

  // As many cells as the header has. Empty cells are shown as "-", control characters as "?".
  void Add(Row row);
  std::string Format() const;

 private:
  std::vector<Row> rows_;
};

// 2024-05-01T12:00:00Z; "-" for 0.
std::string FormatUnixMs(int64_t unix_ms);

}  // namespace plumbago::ctl
