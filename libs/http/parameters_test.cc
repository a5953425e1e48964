// Parameters from query strings and bodies, and compression.
#include "http/parameters.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <string>

#include "http/gzip.h"

namespace plumbago::http {
namespace {

Parameters Post(const std::string& query, const std::string& type, const std::string& body) {
  Request request;
  request.query = query;
  if (!type.empty()) request.headers.Add("content-type", type);
  request.body = body;
  return Parameters(request);
}

TEST_CASE("Form texts are decoded, wrong escapes stay", "[parameters]") {
  CHECK(DecodeForm("a+b%20c%2Bd%2e") == "a b c+d.");
  CHECK(DecodeForm("100%") == "100%");
  CHECK(DecodeForm("%4") == "%4");
  CHECK(DecodeForm("%zz%41") == "%zzA");
  CHECK(DecodeForm("") == "");
}

TEST_CASE("The body wins over the query string, all values are kept in order", "[parameters]") {
  const Parameters parameters =
      Post("target=a&from=-1h&target=b", "application/x-www-form-urlencoded",
           "target=c&from=-2h&flag&=x&&empty=");
  CHECK(parameters.All("target") == std::vector<std::string>{"a", "b", "c"});
  CHECK(parameters.Get("from") == "-2h");
  REQUIRE(parameters.Find("flag") != nullptr);
  CHECK(parameters.Get("flag") == "");
  CHECK(parameters.Find("empty") != nullptr);
  CHECK(parameters.Find("until") == nullptr);
}

TEST_CASE("A body without type, and one that is not encoded, are read as a form", "[parameters]") {
  CHECK(Post("", "", "query=a.{b,c}.*").Get("query") == "a.{b,c}.*");
  CHECK(Post("", "", "query=aliasSub(x, \"(^.*$)\", \"\\1 A\")").Get("query") ==
        "aliasSub(x, \"(^.*$)\", \"\\1 A\")");
  CHECK(Post("", "application/json", "{\"a\":1}").entries().empty());
}

TEST_CASE("Multipart bodies are read", "[parameters]") {
  const std::string body =
      "--xyz\r\nContent-Disposition: form-data; name=\"target\"\r\n\r\na+b%20c\r\n"
      "--xyz\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=from\r\n\r\n"
      "-1h\r\n--xyz--\r\n";
  const Parameters parameters = Post("target=q", "multipart/form-data; boundary=xyz", body);
  CHECK(parameters.All("target") == std::vector<std::string>{"q", "a+b%20c"});
  CHECK(parameters.Get("from") == "-1h");
}

TEST_CASE("Cut multipart bodies do no harm", "[parameters]") {
  const std::string body = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--";
  for (size_t length = 0; length <= body.size(); ++length) {
    (void)Post("", "multipart/form-data; boundary=\"x\"", body.substr(0, length));
  }
  CHECK(Post("", "multipart/form-data", body).entries().empty());
}

TEST_CASE("The number of parameters is limited", "[parameters]") {
  std::string query;
  for (size_t i = 0; i <= kParametersMax; ++i) query += "a&";
  CHECK(Post(query, "", "").entries().size() == kParametersMax);
}

TEST_CASE("Accept-Encoding is read with qualities", "[gzip]") {
  const auto accepts = [](const std::string& value) {
    Request request;
    request.headers.Add("Accept-Encoding", value);
    return AcceptsGzip(request);
  };
  CHECK(accepts("gzip"));
  CHECK(accepts("deflate, GZIP;q=0.5"));
  CHECK_FALSE(accepts("gzip;q=0"));
  CHECK_FALSE(accepts("deflate"));
  CHECK_FALSE(accepts("gzip;q=x"));
  CHECK_FALSE(AcceptsGzip(Request()));
}

TEST_CASE("Compressed bodies unpack to the same", "[gzip]") {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100'000}}) {
    std::string body;
    while (body.size() < size) body += static_cast<char>('a' + body.size() * 7919 % 26);
    const std::string packed = Gzip(body);
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
    std::string unpacked(size + 1, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
    stream.avail_out = static_cast<uInt>(unpacked.size());
    CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    unpacked.resize(stream.total_out);
    inflateEnd(&stream);
    CHECK(unpacked == body);
  }
}

}  // namespace
}  // namespace plumbago::http
