#include "graph/internal/svg.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace plumbago::graph::internal {
namespace {

// The first two lengths are those of the whole picture.
void UsePixels(std::string& svg) {
  for (int i = 0; i < 2; ++i) {
    const size_t at = svg.find("pt\"");
    if (at != std::string::npos) svg.replace(at, 2, "px");
  }
}

// Each group lasts to the next one.
std::string WithGroups(const std::string& svg, const std::vector<std::string>& groups) {
  const std::string mark = absl::StrCat("d=\"M ", kMarkCoordinate, " ", kMarkCoordinate, " ");
  std::string out;
  size_t done = 0;
  bool is_in_group = false;
  for (const std::string& group : groups) {
    const size_t at = svg.find(mark, done);
    if (at == std::string::npos) break;
    const size_t path = svg.rfind("<path", at);
    const size_t end = svg.find("/>", at);
    if (path == std::string::npos || end == std::string::npos) break;
    out.append(svg, done, path - done);
    absl::StrAppend(&out, is_in_group ? "</g>" : "", "<g class=\"", group, "\">");
    is_in_group = true;
    done = end + 2;
  }
  out.append(svg, done);
  if (!is_in_group) return out;
  const size_t last = out.rfind("</g>");
  out.insert(last == std::string::npos ? out.rfind("</svg>") : last, "</g>");
  return out;
}

}  // namespace

std::string FinishSvg(std::string svg, const std::vector<std::string>& groups,
                      absl::string_view metadata) {
  UsePixels(svg);
  svg = WithGroups(svg, groups);
  const size_t end = svg.rfind("</svg>");
  if (end == std::string::npos) return svg;
  svg.resize(end);
  // Nothing in a name can end the script or its section of character data.
  const std::string safe =
      absl::StrReplaceAll(metadata, {{"<", "\\u003c"}, {">", "\\u003e"}, {"&", "\\u0026"}});
  absl::StrAppend(&svg, "<script>\n  <![CDATA[\n    metadata = ", safe,
                  "\n  ]]>\n</script>\n</svg>\n");
  return svg;
}

}  // namespace plumbago::graph::internal
