#include "http/parameters.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace plumbago::http {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The value of `name=` in a header such as: form-data; name="target". Quotes are optional.
std::string HeaderParameter(absl::string_view header, absl::string_view name) {
  for (absl::string_view part : absl::StrSplit(header, ';')) {
    part = absl::StripAsciiWhitespace(part);
    const size_t equals = part.find('=');
    if (equals == absl::string_view::npos) continue;
    if (!absl::EqualsIgnoreCase(part.substr(0, equals), name)) continue;
    absl::string_view value = part.substr(equals + 1);
    if (absl::ConsumePrefix(&value, "\"")) absl::ConsumeSuffix(&value, "\"");
    return std::string(value);
  }
  return {};
}

// The name of a part's field, from its header lines.
std::string FieldName(absl::string_view headers) {
  for (const absl::string_view line : absl::StrSplit(headers, "\r\n")) {
    if (absl::StartsWithIgnoreCase(line, "content-disposition:")) {
      return HeaderParameter(line.substr(line.find(':') + 1), "name");
    }
  }
  return {};
}

}  // namespace

std::string DecodeForm(absl::string_view text) {
  return DecodePath(absl::StrReplaceAll(text, {{"+", " "}}));
}

std::string DecodePath(absl::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

Parameters::Parameters(const Request& request) {
  AddUrlEncoded(request.query);
  if (request.body.empty()) return;
  const absl::string_view type = request.headers.Get("Content-Type");
  if (absl::StartsWithIgnoreCase(type, "multipart/form-data")) {
    AddMultipart(request.body, HeaderParameter(type, "boundary"));
  } else if (type.empty() ||
             absl::StartsWithIgnoreCase(type, "application/x-www-form-urlencoded")) {
    AddUrlEncoded(request.body);
  }
}

void Parameters::AddUrlEncoded(absl::string_view text) {
  for (const absl::string_view pair : absl::StrSplit(text, '&', absl::SkipEmpty())) {
    const size_t equals = pair.find('=');
    if (equals == absl::string_view::npos) {
      Add(DecodeForm(pair), "");
    } else {
      Add(DecodeForm(pair.substr(0, equals)), DecodeForm(pair.substr(equals + 1)));
    }
  }
}

void Parameters::AddMultipart(absl::string_view body, absl::string_view boundary) {
  if (boundary.empty()) return;
  const std::string delimiter = absl::StrCat("--", boundary);
  size_t begin = body.find(delimiter);
  while (begin != absl::string_view::npos) {
    begin += delimiter.size();
    const size_t end = body.find(absl::StrCat("\r\n", delimiter), begin);
    if (end == absl::string_view::npos) return;
    absl::string_view part = body.substr(begin, end - begin);
    absl::ConsumePrefix(&part, "\r\n");
    const size_t blank = part.find("\r\n\r\n");
    if (blank != absl::string_view::npos) {
      Add(FieldName(part.substr(0, blank)), std::string(part.substr(blank + 4)));
    }
    begin = end + 2;
  }
}

void Parameters::Add(std::string name, std::string value) {
  if (name.empty() || entries_.size() >= kParametersMax) return;
  entries_.emplace_back(std::move(name), std::move(value));
}

const std::string* Parameters::Find(absl::string_view name) const {
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (entry->first == name) return &entry->second;
  }
  return nullptr;
}

std::string Parameters::Get(absl::string_view name) const {
  const std::string* value = Find(name);
  return value == nullptr ? std::string() : *value;
}

std::vector<std::string> Parameters::All(absl::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : entries_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

}  // namespace plumbago::http
