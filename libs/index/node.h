// What a find answers: one node of the tree of names.
#pragma once

#include <string>

namespace plumbago::index {

// A path may be both a branch and a series: it is then listed twice.
struct Node {
  std::string path;
  bool is_leaf = false;
};

}  // namespace plumbago::index
