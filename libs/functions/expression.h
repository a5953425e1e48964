// A parsed target: the tree that the evaluator walks.
//
// Positions are byte offsets into the text that was parsed, for error messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace plumbago::functions {

struct Argument;

struct Expression {
  enum class Kind {
    kPath,     // text: the pattern, escapes resolved
    kCall,     // text: the function's name; arguments, a piped value being the first
    kNumber,   // number; is_integer says whether it was written without point and exponent
    kString,   // text: what stood between the quotes, raw
    kBoolean,  // number: 0 or 1
    kNone,
  };

  Kind kind = Kind::kNone;
  size_t position = 0;
  std::string text = {};
  double number = 0;
  bool is_integer = false;
  int64_t integer = 0;  // with is_integer
  size_t height = 0;    // calls inside each other, itself included
  std::vector<Argument> arguments;
  std::string source = {};  // of seriesByTag and events calls: how they are written
};

struct Argument {
  std::string keyword;  // empty: positional
  size_t position = 0;
  Expression value;
};

}  // namespace plumbago::functions
