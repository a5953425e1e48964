#include "functions/parser.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "functions/template.h"

namespace plumbago::functions {
namespace {

Expression Leaf(Expression::Kind kind, size_t position, std::string text) {
  Expression expression;
  expression.kind = kind;
  expression.position = position;
  expression.text = std::move(text);
  return expression;
}

constexpr size_t kBraceDepthMax = 16;
constexpr absl::string_view kEscapable = "(){},.'\"\\|=";

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool IsNameCharacter(char c) { return IsNameStart(c) || IsDigit(c); }

// Characters of a path's node besides escapes and braces. Bytes of UTF-8 sequences count too.
bool IsPathCharacter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte <= ' ' || byte == 0x7F) return false;
  return absl::string_view("(){},.'\"\\|").find(c) == absl::string_view::npos;
}

class Parser {
 public:
  Parser(absl::string_view text, const TemplateValues& values) : text_(text), values_(values) {}

  absl::StatusOr<Expression> Parse() {
    PLUMBAGO_ASSIGN_OR_RETURN(Expression expression, Piped(0));
    SkipBlanks();
    if (!AtEnd()) return Expected("'|' or the end");
    return expression;
  }

 private:
  // One of the forms below, then any number of "| call".
  absl::StatusOr<Expression> Piped(size_t depth) {
    PLUMBAGO_ASSIGN_OR_RETURN(Expression expression, Source(depth));
    for (SkipBlanks(); Peek() == '|'; SkipBlanks()) {
      ++at_;
      SkipBlanks();
      const size_t position = at_;
      const absl::string_view name = Name();
      if (name.empty() || !SkipTo('(')) {
        at_ = position;
        return Expected("a function call after '|'");
      }
      PLUMBAGO_ASSIGN_OR_RETURN(Expression call, Call(name, position, depth));
      call.arguments.insert(call.arguments.begin(),
                            Argument{"", expression.position, std::move(expression)});
      PLUMBAGO_RETURN_IF_ERROR(SetHeight(call));
      expression = std::move(call);
    }
    return expression;
  }

  absl::StatusOr<Expression> Source(size_t depth) {
    SkipBlanks();
    const size_t position = at_;
    const absl::string_view name = Name();
    if (!name.empty() && SkipTo('(')) {
      return name == "template" ? Template(position, depth) : Call(name, position, depth);
    }
    at_ = position;
    return Path();
  }

  // From the opening parenthesis on.
  absl::StatusOr<Expression> Call(absl::string_view name, size_t position, size_t depth) {
    Expression call = Leaf(Expression::Kind::kCall, position, std::string(name));
    PLUMBAGO_ASSIGN_OR_RETURN(call.arguments, Arguments(depth + 1));
    PLUMBAGO_RETURN_IF_ERROR(SetHeight(call));
    // These are fetched as they are written.
    if (name == "seriesByTag" || name == "events") {
      call.source = std::string(text_.substr(position, at_ - position));
    }
    return call;
  }

  // Pipes add to the height of what was read before them, which `depth` does not see.
  absl::Status SetHeight(Expression& call) const {
    call.height = 1;
    for (const Argument& argument : call.arguments) {
      call.height = std::max(call.height, argument.value.height + 1);
    }
    return call.height > kTargetDepthMax ? TooDeep() : absl::OkStatus();
  }

  absl::StatusOr<std::vector<Argument>> Arguments(size_t depth) {
    if (depth > kTargetDepthMax) return TooDeep();
    ++at_;  // the parenthesis
    std::vector<Argument> arguments;
    SkipBlanks();
    if (Peek() == ')') {
      ++at_;
      return arguments;
    }
    while (true) {
      PLUMBAGO_ASSIGN_OR_RETURN(Argument argument, OneArgument(depth));
      arguments.push_back(std::move(argument));
      SkipBlanks();
      const char next = Peek();
      if (next != ',' && next != ')') return Expected("',' or ')'");
      ++at_;
      if (next == ')') return arguments;
    }
  }

  absl::StatusOr<Argument> OneArgument(size_t depth) {
    SkipBlanks();
    Argument argument;
    argument.position = at_;
    const absl::string_view name = Name();
    if (!name.empty() && SkipTo('=')) {
      ++at_;
      argument.keyword = std::string(name);
    } else {
      at_ = argument.position;
    }
    PLUMBAGO_ASSIGN_OR_RETURN(argument.value, Value(depth));
    return argument;
  }

  absl::StatusOr<Expression> Value(size_t depth) {
    SkipBlanks();
    const char first = Peek();
    if (first == '"' || first == '\'') return String(first);
    if (AtEnd() || first == ',' || first == ')') return Expected("an argument");
    Expression literal;
    if (Literal(literal)) return literal;
    return Piped(depth);
  }

  // A number or keyword is one only if the argument ends behind it: "1min.load" is a path.
  bool Literal(Expression& literal) {
    size_t end = at_;
    while (end < text_.size() && (IsPathCharacter(text_[end]) || text_[end] == '.')) ++end;
    const absl::string_view word = text_.substr(at_, end - at_);
    size_t next = end;
    while (next < text_.size() && IsBlank(text_[next])) ++next;
    if (next < text_.size() && text_[next] != ',' && text_[next] != ')') return false;
    literal.position = at_;
    if (!Keyword(word, literal) && !Number(word, literal)) return false;
    at_ = end;
    return true;
  }

  static bool Keyword(absl::string_view word, Expression& literal) {
    const bool is_true = absl::EqualsIgnoreCase(word, "true");
    if (is_true || absl::EqualsIgnoreCase(word, "false")) {
      literal.kind = Expression::Kind::kBoolean;
      literal.number = is_true ? 1 : 0;
    } else if (absl::EqualsIgnoreCase(word, "none")) {
      literal.kind = Expression::Kind::kNone;
    } else if (absl::EqualsIgnoreCase(word, "inf")) {
      literal.kind = Expression::Kind::kNumber;
      literal.number = HUGE_VAL;
    } else {
      return false;
    }
    literal.text = std::string(word);
    return true;
  }

  // [+-] digits [. digits] [e [+-] digits], at least one digit before the exponent.
  static bool Number(absl::string_view word, Expression& literal) {
    size_t i = 0;
    const auto digits = [&] {
      const size_t from = i;
      while (i < word.size() && IsDigit(word[i])) ++i;
      return i - from;
    };
    if (i < word.size() && (word[i] == '-' || word[i] == '+')) ++i;
    size_t digit_count = digits();
    bool is_integer = true;
    if (i < word.size() && word[i] == '.') {
      ++i;
      is_integer = false;
      digit_count += digits();
    }
    if (digit_count == 0) return false;
    if (i < word.size() && (word[i] == 'e' || word[i] == 'E')) {
      ++i;
      is_integer = false;
      if (i < word.size() && (word[i] == '-' || word[i] == '+')) ++i;
      if (digits() == 0) return false;
    }
    if (i != word.size() || !absl::SimpleAtod(word, &literal.number)) return false;
    literal.kind = Expression::Kind::kNumber;
    literal.text = std::string(word);
    literal.is_integer = is_integer && absl::SimpleAtoi(word, &literal.integer);
    return true;
  }

  // Contents are raw: backslashes and doubled quotes stay, as regular expressions need them.
  absl::StatusOr<Expression> String(char quote) {
    const size_t position = at_++;
    const auto unterminated = [&] {
      at_ = position;
      return Error(absl::StrCat("expected a closing ", absl::string_view(&quote, 1),
                                " on the same line for the string that starts"));
    };
    while (true) {
      const char c = Peek();
      if (AtEnd() || c == '\n' || c == '\r') return unterminated();
      if (c == '\\') {
        if (at_ + 1 >= text_.size()) return unterminated();
        if (text_[at_ + 1] == 'x' &&
            (at_ + 2 >= text_.size() ||
             !absl::ascii_isxdigit(static_cast<unsigned char>(text_[at_ + 2])))) {
          at_ += 2;
          return Expected("a hexadecimal digit after '\\x'");
        }
        at_ += 2;
      } else if (c == quote) {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != quote) break;
        at_ += 2;
      } else {
        ++at_;
      }
    }
    Expression string = Leaf(Expression::Kind::kString, position,
                             std::string(text_.substr(position + 1, at_ - position - 1)));
    ++at_;
    return string;
  }

  absl::StatusOr<Expression> Path() {
    Expression path = Leaf(Expression::Kind::kPath, at_, "");
    while (true) {
      PLUMBAGO_RETURN_IF_ERROR(Node(path.text));
      if (Peek() != '.') return path;
      path.text += '.';
      ++at_;
    }
  }

  // One node: characters, escapes and brace alternatives, at least one of them.
  absl::Status Node(std::string& out) {
    const size_t from = at_;
    size_t brace_depth = 0;
    size_t brace_position = 0;
    for (; !AtEnd(); ++at_) {
      const char c = text_[at_];
      if (c == '\\') {
        PLUMBAGO_RETURN_IF_ERROR(Escape(out));
        continue;
      }
      if (c == '{') {
        if (++brace_depth > kBraceDepthMax) return Error("too many nested braces");
        if (brace_depth == 1) brace_position = at_;
      } else if (c == '}') {
        if (brace_depth == 0) return Error("'}' without '{'");
        --brace_depth;
      } else if (c == '.' && brace_depth > 0) {
        return Error("'.' is not allowed inside braces");
      } else if (!(c == ',' && brace_depth > 0) && !IsPathCharacter(c)) {
        break;
      }
      out += c;
    }
    if (brace_depth > 0) {
      return Expected(absl::StrCat("'}' for the brace at position ", brace_position));
    }
    if (at_ == from) return Expected(AfterDot() ? "a node of the path" : "a path or function call");
    return absl::OkStatus();
  }

  absl::Status Escape(std::string& out) {
    if (at_ + 1 >= text_.size() || kEscapable.find(text_[at_ + 1]) == absl::string_view::npos) {
      return Error(absl::StrCat("expected one of ", kEscapable, " after the backslash"));
    }
    out += text_[++at_];
    return absl::OkStatus();
  }

  // template(expression, value..., name=value...), from the opening parenthesis on.
  absl::StatusOr<Expression> Template(size_t position, size_t depth) {
    PLUMBAGO_ASSIGN_OR_RETURN(std::vector<Argument> arguments, Arguments(depth + 1));
    if (arguments.empty() || !arguments[0].keyword.empty() ||
        (arguments[0].value.kind != Expression::Kind::kPath &&
         arguments[0].value.kind != Expression::Kind::kCall)) {
      at_ = position;
      return Error("template() needs a path or function call as its first argument,");
    }
    TemplateValues values;
    for (size_t i = 1; i < arguments.size(); ++i) {
      const Expression& value = arguments[i].value;
      if (value.kind != Expression::Kind::kNumber && value.kind != Expression::Kind::kString) {
        at_ = value.position;
        return Error("template() takes only string and number values, wrong one");
      }
      values[arguments[i].keyword.empty() ? absl::StrCat(i) : arguments[i].keyword] = value.text;
    }
    for (const auto& [name, value] : values_) values[name] = value;
    Expression expression = std::move(arguments[0].value);
    if (const absl::Status status = Substitute(values, text_.size(), expression); !status.ok()) {
      at_ = position;
      return Error(absl::StrCat(status.message(), ","));
    }
    return expression;
  }

  bool AfterDot() const { return at_ > 0 && text_[at_ - 1] == '.'; }
  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  void SkipBlanks() {
    while (!AtEnd() && IsBlank(text_[at_])) ++at_;
  }
  // Moves to `c` if only blanks are before it.
  bool SkipTo(char c) {
    SkipBlanks();
    return Peek() == c;
  }
  absl::string_view Name() {
    const size_t from = at_;
    if (AtEnd() || !IsNameStart(text_[at_])) return {};
    while (!AtEnd() && IsNameCharacter(text_[at_])) ++at_;
    return text_.substr(from, at_ - from);
  }

  absl::Status Expected(absl::string_view what) const {
    return Error(absl::StrCat("expected ", what));
  }
  absl::Status TooDeep() const {
    return Error(absl::StrCat("more than ", kTargetDepthMax, " function calls inside each other"));
  }
  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("target \"", base::Excerpt(text_), "\": ", what, " at position ", at_));
  }

  const absl::string_view text_;
  const TemplateValues& values_;
  size_t at_ = 0;
};

}  // namespace

absl::StatusOr<Expression> ParseTarget(absl::string_view text, const TemplateValues& values) {
  return Parser(text, values).Parse();
}

}  // namespace plumbago::functions
