// The target grammar: what is read, how the tree looks, and where errors point. Trees are compared
// through a canonical text that shows kinds, keywords and escapes.
#include "functions/parser.h"

#include <catch2/catch.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

std::string Show(const Expression& expression) {
  switch (expression.kind) {
    case Expression::Kind::kPath:
      return absl::StrCat("<", expression.text, ">");
    case Expression::Kind::kString:
      return absl::StrCat("'", expression.text, "'");
    case Expression::Kind::kNumber:
      return expression.is_integer ? absl::StrCat(expression.integer)
                                   : PythonFloat(expression.number);
    case Expression::Kind::kBoolean:
      return expression.number == 1 ? "TRUE" : "FALSE";
    case Expression::Kind::kNone:
      return "NONE";
    case Expression::Kind::kCall:
      break;
  }
  return absl::StrCat(expression.text, "(",
                      absl::StrJoin(expression.arguments, ",",
                                    [](std::string* out, const Argument& argument) {
                                      absl::StrAppend(out, argument.keyword,
                                                      argument.keyword.empty() ? "" : "=",
                                                      Show(argument.value));
                                    }),
                      ")");
}

std::string Parsed(const std::string& target, const TemplateValues& values = {}) {
  const auto expression = ParseTarget(target, values);
  return expression.ok() ? Show(*expression) : std::string(expression.status().message());
}

TEST_CASE("Targets are read into trees", "[parser]") {
  const auto [target, expected] = GENERATE(table<std::string, std::string>({
      {"a", "<a>"},
      {"  a.b.c\t", "<a.b.c>"},
      {"a.*.c?[a-z]!x/+:@#%^&~$<>=;k=v", "<a.*.c?[a-z]!x/+:@#%^&~$<>=;k=v>"},
      {"100", "<100>"},
      {"true", "<true>"},
      {"a.{b,c}.d", "<a.{b,c}.d>"},
      {"a.{b,{c,d},}x{,y}.e", "<a.{b,{c,d},}x{,y}.e>"},
      {"a.b\\(c\\)\\,d\\=e\\.f", "<a.b(c),d=e.f>"},
      {"höst.cpu", "<höst.cpu>"},
      {"f()", "f()"},
      {"f(a.b)", "f(<a.b>)"},
      {" f ( a , 'x' , \"y\" ) ", "f(<a>,'x','y')"},
      {"f(g(h(a)),2)", "f(g(h(<a>)),2)"},
      {"f(a,1,-2,3.5,-1e3,2E-1,1e400)", "f(<a>,1,-2,3.5,-1000.0,0.2,inf)"},
      {"f(a,+1,.5,1.,-.5)", "f(<a>,1,0.5,1.0,-0.5)"},
      {"f(a,9223372036854775807,9223372036854775808)",
       "f(<a>,9223372036854775807,9.223372036854776e+18)"},
      {"f(5d,1min.load,123.abc,1.2.3,-,e5)", "f(<5d>,<1min.load>,<123.abc>,<1.2.3>,<->,<e5>)"},
      {"f(true,False,NONE,Inf,iNf)", "f(TRUE,FALSE,NONE,inf,inf)"},
      {"f(inf.x,true.y,nonesuch,none|g())", "f(<inf.x>,<true.y>,<nonesuch>,g(<none>))"},
      {"f(a,k=1,name='v')", "f(<a>,k=1,name='v')"},
      {"f(k = a.b, 2)", "f(k=<a.b>,2)"},
      {"f(foo\\=bar)", "f(<foo=bar>)"},
      {"f(a.b=c)", "f(<a.b=c>)"},
      {"f('it''s',\"q\\\"w\",'a\\x41')", "f('it''s','q\\\"w','a\\x41')"},
      {"f(a, \"(^.*$)\", \"\\1 A\")", "f(<a>,'(^.*$)','\\1 A')"},
      {"f('(){},.|')", "f('(){},.|')"},
      {"a|f()", "f(<a>)"},
      {"a | f(1) | g('x',k=2)", "g(f(<a>,1),'x',k=2)"},
      {"f(a|g(),b|h(1))", "f(g(<a>),h(<b>,1))"},
      {"f(a)|g()", "g(f(<a>))"},
      {"f(5|g())", "f(g(<5>))"},
      {"template", "<template>"},
  }));
  CAPTURE(target);
  CHECK(Parsed(target) == expected);
}

TEST_CASE("Syntax errors name the position and what was expected", "[parser]") {
  const auto [target, expected] = GENERATE(table<std::string, std::string>({
      {"", "expected a path or function call at position 0"},
      {"   ", "expected a path or function call at position 3"},
      {"sumSeries(a.b", "expected ',' or ')' at position 13"},
      {"f(", "expected an argument at position 2"},
      {"f(a,)", "expected an argument at position 4"},
      {"f(,a)", "expected an argument at position 2"},
      {"f(a b)", "expected ',' or ')' at position 4"},
      {"a.b.c)", "expected '|' or the end at position 5"},
      {"a b", "expected '|' or the end at position 2"},
      {"a..b", "expected a node of the path at position 2"},
      {"a.", "expected a node of the path at position 2"},
      {".a", "expected a path or function call at position 0"},
      {"a.b(c)", "expected '|' or the end at position 3"},
      {"f(a))", "expected '|' or the end at position 4"},
      {"a|b", "expected a function call after '|' at position 2"},
      {"a|", "expected a function call after '|' at position 2"},
      {"f('abc)", "expected a closing ' on the same line for the string that starts at position 2"},
      {"f('ab\nc')", "for the string that starts at position 2"},
      {"f('\\", "for the string that starts at position 2"},
      {"f('\\xg')", "expected a hexadecimal digit after '\\x' at position 5"},
      {"f(k=)", "expected an argument at position 4"},
      {"a.{b,c", "expected '}' for the brace at position 2 at position 6"},
      {"a.b}", "'}' without '{' at position 3"},
      {"a.{b.c,d}", "'.' is not allowed inside braces at position 4"},
      {"a\\b", "expected one of (){},.'\"\\|= after the backslash at position 1"},
      {"a\x01", "expected '|' or the end at position 1"},
      {"template($1,b)",
       "template() takes only string and number values, wrong one at position 12"},
      {"template()",
       "template() needs a path or function call as its first argument, at position 0"},
      {"template('x')", "template() needs a path or function call"},
  }));
  CAPTURE(target);
  const auto expression = ParseTarget(target);
  REQUIRE_FALSE(expression.ok());
  CHECK(absl::IsInvalidArgument(expression.status()));
  CHECK(absl::StrContains(std::string(expression.status().message()), expected));
}

TEST_CASE("The whole message of a syntax error", "[parser]") {
  CHECK(Parsed("sumSeries(a.b") == "target \"sumSeries(a.b\": expected ',' or ')' at position 13");
}

TEST_CASE("Positions are those of the text", "[parser]") {
  const auto expression = ParseTarget("a | f( 12 , k = 'x')");
  REQUIRE(expression.ok());
  CHECK(expression->position == 4);
  REQUIRE(expression->arguments.size() == 3);
  CHECK(expression->arguments[0].position == 0);
  CHECK(expression->arguments[1].value.position == 7);
  CHECK(expression->arguments[2].position == 12);
  CHECK(expression->arguments[2].value.position == 16);
}

TEST_CASE("template() replaces variables in paths and whole paths by values", "[parser]") {
  CHECK(Parsed("template(f($1.cpu.$host, $n, '$1'), 'web', host='h1', n=5)") ==
        "f(<web.cpu.h1>,5,'$1')");
  CHECK(Parsed("template(f($a), a='x y')") == "f('x y')");
  CHECK(Parsed("template(f($a), a='-1.5')") == "f(-1.5)");
  CHECK(Parsed("template($10.$1, 'a',2,3,4,5,6,7,8,9,'j')") == "<j.a>");
  CHECK(Parsed("template(a.$k.$z, k='x')|g()") == "g(<a.x.$z>)");
}

TEST_CASE("Request values win over those written in template()", "[parser]") {
  CHECK(Parsed("template(a.$k, k='x')", {{"k", "y"}}) == "<a.y>");
  CHECK(Parsed("a.$k", {{"k", "y"}}) == "<a.$k>");
}

TEST_CASE("template() values cannot blow the paths up", "[parser]") {
  std::string path = "a";
  for (int i = 0; i < 2000; ++i) path += ".$1";
  const auto expression = ParseTarget("template(" + path + ",'" + std::string(2000, 'v') + "')");
  REQUIRE_FALSE(expression.ok());
  CHECK(absl::StrContains(std::string(expression.status().message()), "too long"));
}

std::string Nested(int depth) {
  std::string text = "a";
  for (int i = 0; i < depth; ++i) text = "f(" + text + ")";
  return text;
}

TEST_CASE("Calls nest up to the limit, by parentheses and by pipes", "[parser]") {
  CHECK(ParseTarget(Nested(kTargetDepthMax)).ok());
  CHECK_FALSE(ParseTarget(Nested(kTargetDepthMax + 1)).ok());
  std::string pipes = "a";
  for (size_t i = 0; i < kTargetDepthMax; ++i) pipes += "|f()";
  CHECK(ParseTarget(pipes).ok());
  CHECK_FALSE(ParseTarget(pipes + "|f()").ok());
  CHECK_FALSE(ParseTarget(Nested(60) + std::string("|f()|g()") + pipes.substr(1)).ok());
  CHECK_FALSE(ParseTarget(std::string(1 << 20, '(')).ok());
  std::string calls;
  for (int i = 0; i < 100'000; ++i) calls += "f(";
  CHECK_FALSE(ParseTarget(calls).ok());
  CHECK_FALSE(ParseTarget("a." + std::string(17, '{') + std::string(17, '}')).ok());
}

TEST_CASE("Every prefix of a target is read or refused without harm", "[parser]") {
  const std::string target =
      "template(aliasSub(a.{b,{c,}}.d\\=|scale(-1.5e3,k='x''y'), \"(^.*$)\", '\\1 A'), 'v', n=2)";
  CHECK(ParseTarget(target).ok());
  for (size_t length = 0; length < target.size(); ++length) {
    (void)ParseTarget(target.substr(0, length));
    std::string changed = target;
    changed[length] = static_cast<char>(changed[length] ^ 0x15);
    (void)ParseTarget(changed);
  }
}

}  // namespace
}  // namespace plumbago::functions
