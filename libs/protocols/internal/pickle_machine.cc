#include "protocols/internal/pickle_machine.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::protocols::internal {

bool PickleMachine::Run() {
  while (true) {
    opcode_position_ = position_;
    absl::string_view opcode;
    if (!Take(1, &opcode)) return false;
    if (opcode == ".") return Need(1);
    if (!Step(static_cast<uint8_t>(opcode[0]))) return false;
  }
}

bool PickleMachine::Step(uint8_t opcode) {
  switch (opcode) {
    case 'N':
      return Push(values_.AddNone());
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      return Push(values_.AddNumber(opcode == 0x88 ? 1 : 0));
    case 'I':
    case 'J':
    case 'K':
    case 'M':
    case 'L':
    case 0x8a:  // LONG1
    case 0x8b:  // LONG4
    case 'F':
    case 'G':
      return LoadNumber(opcode);
    case 'S':
    case 'T':
    case 'U':
    case 'V':
    case 'X':
    case 'B':
    case 'C':
    case 0x8c:  // SHORT_BINUNICODE
    case 0x8d:  // BINUNICODE8
    case 0x8e:  // BINBYTES8
      return LoadText(opcode);
    case '(':
    case ']':
    case '}':
    case ')':
    case 'l':
    case 'd':
    case 't':
    case 0x85:  // TUPLE1
    case 0x86:  // TUPLE2
    case 0x87:  // TUPLE3
    case 0x8f:  // EMPTY_SET
    case 0x91:  // FROZENSET
      return BuildContainer(opcode);
    case 'a':
    case 'e':
    case 's':
    case 'u':
    case 0x90:  // ADDITEMS
      return ExtendContainer(opcode);
    default:
      return MoveOnStack(opcode);
  }
}

bool PickleMachine::MoveOnStack(uint8_t opcode) {
  switch (opcode) {
    case '0':  // POP takes a mark where one lies on top
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
        return true;
      }
      if (!Need(1)) return false;
      stack_.pop_back();
      return true;
    case '1': {  // POP_MARK
      size_t mark = 0;
      if (!PopMark(&mark)) return false;
      stack_.resize(mark);
      return true;
    }
    case '2':  // DUP
      return Need(1) && Push(stack_.back());
    default:
      return UseMemo(opcode);
  }
}

bool PickleMachine::UseMemo(uint8_t opcode) {
  uint64_t index = 0;
  switch (opcode) {
    case 'p':
      return TakeDecimalLine(&index) && Remember(index);
    case 'q':
      return TakeLittleEndian(1, &index) && Remember(index);
    case 'r':
      return TakeLittleEndian(4, &index) && Remember(index);
    case 0x94:  // MEMOIZE
      return Remember(memo_count_);
    case 'g':
      return TakeDecimalLine(&index) && Recall(index);
    case 'h':
      return TakeLittleEndian(1, &index) && Recall(index);
    case 'j':
      return TakeLittleEndian(4, &index) && Recall(index);
    default:
      return Skip(opcode);
  }
}

bool PickleMachine::Skip(uint8_t opcode) {
  uint64_t number = 0;
  if (opcode == 0x95) return TakeLittleEndian(8, &number);  // FRAME: only a hint how much to read
  if (opcode != 0x80) return Refuse(opcode);
  if (!TakeLittleEndian(1, &number)) return false;
  if (number > 5) return Fail(RefusalReason::kMalformed, absl::StrCat("pickle protocol ", number));
  return true;
}

bool PickleMachine::Refuse(uint8_t opcode) {
  constexpr absl::string_view kBuilders = "cRbioPQ\x81\x82\x83\x84\x92\x93\x96\x97\x98";
  const absl::string_view text(reinterpret_cast<const char*>(&opcode), 1);
  if (kBuilders.find(text[0]) != absl::string_view::npos) {
    return Fail(RefusalReason::kPickleClass,
                absl::StrCat("opcode '", base::Excerpt(text),
                             "' refers to a class or function: send lists, tuples, strings and "
                             "numbers only"));
  }
  return Fail(RefusalReason::kMalformed,
              absl::StrCat("'", base::Excerpt(text), "' is no opcode of a pickle"));
}

bool PickleMachine::BuildContainer(uint8_t opcode) {
  switch (opcode) {
    case '(':
      if (marks_.size() >= kPickleDepthMax) {
        return Fail(RefusalReason::kTooDeep, "more than 8 marks at once");
      }
      marks_.push_back(stack_.size());
      return true;
    case ']':
      return BuildFromTop(PickleKind::kList, 0);
    case '}':
      return BuildFromTop(PickleKind::kDict, 0);
    case ')':
      return BuildFromTop(PickleKind::kTuple, 0);
    case 0x8f:
      return BuildFromTop(PickleKind::kSet, 0);
    case 0x85:
    case 0x86:
    case 0x87:
      return BuildFromTop(PickleKind::kTuple, static_cast<size_t>(opcode - 0x84));
    case 'l':
      return BuildFromMark(PickleKind::kList);
    case 'd':
      return BuildFromMark(PickleKind::kDict);
    case 't':
      return BuildFromMark(PickleKind::kTuple);
    default:
      return BuildFromMark(PickleKind::kSet);  // FROZENSET
  }
}

bool PickleMachine::BuildFromTop(PickleKind kind, size_t count) {
  if (!Need(count)) return false;
  const Id container = values_.AddContainer(kind);
  return MoveInto(container, stack_.size() - count) && Push(container);
}

bool PickleMachine::BuildFromMark(PickleKind kind) {
  size_t mark = 0;
  if (!PopMark(&mark)) return false;
  const Id container = values_.AddContainer(kind);
  return MoveInto(container, mark) && Push(container);
}

bool PickleMachine::ExtendContainer(uint8_t opcode) {
  size_t begin = 0;
  PickleKind kind = PickleKind::kDict;
  if (opcode == 'a' || opcode == 's') {
    const size_t count = opcode == 'a' ? 1 : 2;
    if (!Need(count + 1)) return false;
    begin = stack_.size() - count;
  } else if (!PopMark(&begin)) {
    return false;
  }
  if (opcode == 'a' || opcode == 'e') kind = PickleKind::kList;
  if (opcode == 0x90) kind = PickleKind::kSet;
  const size_t floor = marks_.empty() ? 0 : marks_.back();
  if (begin <= floor || values_.KindOf(stack_[begin - 1]) != kind) {
    return Fail(RefusalReason::kMalformed, "nothing on the stack to add to");
  }
  return MoveInto(stack_[begin - 1], begin);
}

bool PickleMachine::MoveInto(Id container, size_t begin) {
  const bool is_dict = values_.KindOf(container) == PickleKind::kDict;
  if (is_dict && (stack_.size() - begin) % 2 != 0) {
    return Fail(RefusalReason::kMalformed, "a key of a dict without a value");
  }
  for (size_t i = begin; i < stack_.size(); ++i) {
    if (values_.DepthOf(stack_[i]) >= kPickleDepthMax) {
      return Fail(RefusalReason::kTooDeep, "containers are nested more than 8 deep");
    }
    if (values_.IsFull()) return Fail(RefusalReason::kTooLarge, "more than 524288 values");
    if (is_dict && dicts_ == Dicts::kEmpty) {
      values_.Deepen(container, stack_[i]);
    } else {
      values_.Append(container, stack_[i]);
    }
  }
  stack_.resize(begin);
  return true;
}

// Picklers number what they remember from 0 or 1 on, one opcode each, so an index beyond the length
// of the payload is no pickler's.
bool PickleMachine::Remember(uint64_t index) {
  if (!Need(1)) return false;
  if (index > payload_.size() || index >= PickleValues::kCountMax) {
    return Fail(RefusalReason::kTooLarge, absl::StrCat("memo number ", index));
  }
  if (index >= memo_.size()) memo_.resize(index + 1, PickleValues::kNoId);
  if (memo_[index] == PickleValues::kNoId) ++memo_count_;
  memo_[index] = stack_.back();
  return true;
}

bool PickleMachine::Recall(uint64_t index) {
  if (index >= memo_.size() || memo_[index] == PickleValues::kNoId) {
    return Fail(RefusalReason::kMalformed, absl::StrCat("memo number ", index, " was never put"));
  }
  return Push(memo_[index]);
}

bool PickleMachine::Take(uint64_t size, absl::string_view* bytes) {
  if (size > payload_.size() - position_) {
    return Fail(RefusalReason::kMalformed, "the pickle ends within an opcode or before its STOP");
  }
  *bytes = payload_.substr(position_, size);
  position_ += size;
  return true;
}

bool PickleMachine::TakeLine(absl::string_view* line) {
  const size_t newline = payload_.find('\n', position_);
  if (newline == absl::string_view::npos) {
    return Fail(RefusalReason::kMalformed, "the pickle ends within a line");
  }
  *line = payload_.substr(position_, newline - position_);
  position_ = newline + 1;
  return true;
}

bool PickleMachine::TakeLittleEndian(size_t size, uint64_t* value) {
  absl::string_view bytes;
  if (!Take(size, &bytes)) return false;
  *value = 0;
  for (size_t i = size; i-- > 0;) *value = *value << 8 | static_cast<uint8_t>(bytes[i]);
  return true;
}

bool PickleMachine::TakeDecimalLine(uint64_t* value) {
  absl::string_view line;
  if (!TakeLine(&line)) return false;
  return absl::SimpleAtoi(line, value) || Fail(RefusalReason::kMalformed, "a memo number");
}

bool PickleMachine::Push(Id id) {
  if (values_.IsFull() || stack_.size() >= PickleValues::kCountMax) {
    return Fail(RefusalReason::kTooLarge, "more than 524288 values");
  }
  stack_.push_back(id);
  return true;
}

// What lies below the last mark belongs to an unfinished container.
bool PickleMachine::Need(size_t count) {
  const size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() - floor >= count) return true;
  return Fail(RefusalReason::kMalformed, "too few values on the stack");
}

bool PickleMachine::PopMark(size_t* position) {
  if (marks_.empty()) return Fail(RefusalReason::kMalformed, "no mark on the stack");
  *position = marks_.back();
  marks_.pop_back();
  return true;
}

bool PickleMachine::Fail(RefusalReason reason, absl::string_view what) {
  if (fault_ == RefusalReason::kNone) {
    fault_ = reason;
    what_ = absl::StrCat("byte ", opcode_position_, " of the pickle: ", what);
  }
  return false;
}

}  // namespace plumbago::protocols::internal
