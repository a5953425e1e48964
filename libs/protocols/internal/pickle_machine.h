// The stack machine of Python's pickles, protocols 0 to 5, without what can run code.
//
// Source: CPython's Lib/pickletools.py (opcodes) and Modules/_pickle.c (stack and marks). Every
// opcode that refers to a class, a function or something outside the pickle (GLOBAL, REDUCE, BUILD,
// INST, OBJ, NEWOBJ, EXT, PERSID, NEXT_BUFFER, ...) ends the machine. One machine runs one payload.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "protocols/internal/pickle_values.h"
#include "protocols/point_sink.h"

namespace plumbago::protocols::internal {

// Containers within containers, and unfinished ones around each other. Points need three.
inline constexpr size_t kPickleDepthMax = 8;

class PickleMachine {
 public:
  // Contents of dicts: dropped, or kept as keys and values in turn.
  enum class Dicts { kEmpty, kKept };

  // `payload` outlives the machine.
  explicit PickleMachine(absl::string_view payload, Dicts dicts = Dicts::kEmpty)
      : payload_(payload), dicts_(dicts) {}

  // Runs up to STOP. On false, fault() and what() say why.
  bool Run();

  RefusalReason fault() const { return fault_; }
  const std::string& what() const { return what_; }

  // Valid after Run returned true.
  PickleValues::Id result() const { return stack_.back(); }
  const PickleValues& values() const { return values_; }

 private:
  using Id = PickleValues::Id;

  // Each handles the opcodes of one kind and returns false after Fail.
  bool Step(uint8_t opcode);
  bool LoadNumber(uint8_t opcode);
  bool LoadText(uint8_t opcode);
  bool BuildContainer(uint8_t opcode);
  bool ExtendContainer(uint8_t opcode);
  bool MoveOnStack(uint8_t opcode);
  bool UseMemo(uint8_t opcode);
  bool Skip(uint8_t opcode);
  bool Refuse(uint8_t opcode);

  bool LoadDecimal(bool is_long);
  bool LoadLong(absl::string_view bytes);
  bool LoadFloatText();
  bool LoadQuotedText();
  bool LoadEscapedUnicode();
  bool BuildFromTop(PickleKind kind, size_t count);
  bool BuildFromMark(PickleKind kind);
  // Puts the values from stack position `begin` on into `container` and takes them off.
  bool MoveInto(Id container, size_t begin);
  bool Remember(uint64_t index);
  bool Recall(uint64_t index);

  // Bytes of the payload. False after Fail.
  bool Take(uint64_t size, absl::string_view* bytes);
  bool TakeLine(absl::string_view* line);
  bool TakeLittleEndian(size_t size, uint64_t* value);
  bool TakeDecimalLine(uint64_t* value);

  bool Push(Id id);
  bool Need(size_t count);
  bool PopMark(size_t* position);
  bool Fail(RefusalReason reason, absl::string_view what);

  const absl::string_view payload_;
  const Dicts dicts_;
  size_t position_ = 0;
  size_t opcode_position_ = 0;
  PickleValues values_;
  std::vector<Id> stack_;
  std::vector<size_t> marks_;  // positions in stack_
  std::vector<Id> memo_;       // kNoId where nothing was put
  size_t memo_count_ = 0;
  RefusalReason fault_ = RefusalReason::kNone;
  std::string what_;
};

}  // namespace plumbago::protocols::internal
