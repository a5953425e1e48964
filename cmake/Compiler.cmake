# Compiler launcher, linker, warnings and sanitizers, for every target of this repository.

option(PLUMBAGO_WERROR "Treat warnings as errors" ON)
option(PLUMBAGO_FUZZ "Instrument everything for libFuzzer and build the fuzzers (clang)" OFF)
set(PLUMBAGO_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them: address,undefined or thread")

find_program(PLUMBAGO_CCACHE ccache)
if(PLUMBAGO_CCACHE)
  # One compiler cache serves every checkout: paths below the source tree are taken as relative.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${PLUMBAGO_CCACHE})
endif()

find_program(PLUMBAGO_MOLD mold)
find_program(PLUMBAGO_LLD ld.lld)
if(PLUMBAGO_MOLD)
  add_link_options(-fuse-ld=mold)
elseif(PLUMBAGO_LLD)
  add_link_options(-fuse-ld=lld)
endif()

add_library(plumbago_warnings INTERFACE)
target_compile_options(plumbago_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion)
if(PLUMBAGO_WERROR)
  target_compile_options(plumbago_warnings INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(plumbago_warnings INTERFACE -Wthread-safety)
endif()

# Relative paths in debug information and __FILE__, whatever the checkout is called.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -fno-omit-frame-pointer)

if(PLUMBAGO_SANITIZE)
  add_compile_options(-fsanitize=${PLUMBAGO_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PLUMBAGO_SANITIZE})
endif()

if(PLUMBAGO_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "PLUMBAGO_FUZZ needs clang; use the preset fuzz")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
