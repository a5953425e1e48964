# How this repository declares its targets.
#
#   plumbago_library(NAME whisper SOURCES file.cc ... DEPS plumbago::base ...)
#       libs/whisper -> target plumbago_whisper, alias plumbago::whisper; include as "whisper/file.h".
#   plumbago_test(NAME whisper_test SOURCES file_test.cc ... DEPS plumbago::whisper)
#       one Catch2 binary, each of its cases one ctest entry with the label "unit".
#   plumbago_executable(NAME plumbago-store SOURCES main.cc ... DEPS ...)
#       a service or tool in build/<preset>/bin, with jemalloc unless sanitizers are on.

include(Catch)

function(plumbago_library)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS" ${ARGN})
  add_library(plumbago_${ARG_NAME} STATIC ${ARG_SOURCES})
  add_library(plumbago::${ARG_NAME} ALIAS plumbago_${ARG_NAME})
  target_include_directories(plumbago_${ARG_NAME} PUBLIC ${CMAKE_SOURCE_DIR}/libs)
  target_link_libraries(plumbago_${ARG_NAME} PUBLIC ${ARG_DEPS} PRIVATE plumbago_warnings)
endfunction()

function(plumbago_test)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE plumbago_catch_main ${ARG_DEPS} plumbago_warnings)
  catch_discover_tests(${ARG_NAME} TEST_PREFIX "${ARG_NAME}: "
    PROPERTIES LABELS unit TIMEOUT 300 DISCOVERY_MODE PRE_TEST)
endfunction()

function(plumbago_executable)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} plumbago_warnings)
  if(NOT PLUMBAGO_SANITIZE)
    target_link_libraries(${ARG_NAME} PRIVATE PkgConfig::JEMALLOC)
  endif()
endfunction()
