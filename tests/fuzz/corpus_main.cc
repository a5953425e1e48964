// Runs one fuzz target over every file of its corpus: how the corpora are tests of a normal build.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
    return 2;
  }
  size_t file_count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    // Printed before it runs, so that a failing input is named.
    std::printf("%s\n", entry.path().filename().c_str());
    std::fflush(stdout);
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    ++file_count;
  }
  LLVMFuzzerTestOneInput(nullptr, 0);
  if (file_count == 0) std::fprintf(stderr, "%s has no files\n", argv[1]);
  return file_count == 0 ? 1 : 0;
}
