# The CMakeLists.txt of the project that depends.sh changes.
cmake_minimum_required(VERSION 3.25)
project(depends LANGUAGES C)
find_package(semel 0.1 REQUIRED)
add_library(t STATIC)
if(MISTAKE)
  include(mistake.cmake)
else()
  add_subdirectory(sub)
  # A .proto that the build makes; what it imports is known only then.
  add_custom_command(OUTPUT made.proto COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_SOURCE_DIR}/pattern.txt made.proto
                     DEPENDS pattern.txt)
  semel_generate(TARGET t PROTOS ${CMAKE_CURRENT_BINARY_DIR}/made.proto IMPORTS shared)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/shared/late.proto)
    semel_generate(TARGET t PROTOS shared/late.proto IMPORTS shared)
  endif()
  semel_generate(TARGET t PROTOS top.proto shared/lib/middle.proto shared/lib/bottom.proto IMPORTS shared)
  semel_generate(TARGET t PROTOS alone.proto OPTIONS sizes IMPORTS shared)
endif()
