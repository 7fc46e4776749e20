# The messages every protobuf user knows (Timestamp, Any, Struct, ...), made for nanopb once, so that nobody who imports
# google/protobuf/timestamp.proto has to.  Must not know: who uses them.  Reads best next: package.cmake.
#
# Their headers get a root of their own: libprotobuf-dev has C++ headers of the same names in /usr/include.

find_path(PROTOBUF_PROTO_DIR google/protobuf/timestamp.proto REQUIRED)

set(SEMEL_WELLKNOWN_DIR ${CMAKE_CURRENT_BINARY_DIR}/wellknown)
set(protos)
set(sources)
set(headers)
foreach(name any api duration empty field_mask source_context struct timestamp type wrappers)
  list(APPEND protos ${PROTOBUF_PROTO_DIR}/google/protobuf/${name}.proto)
  list(APPEND sources ${SEMEL_WELLKNOWN_DIR}/google/protobuf/${name}.pb.c)
  list(APPEND headers ${SEMEL_WELLKNOWN_DIR}/google/protobuf/${name}.pb.h)
endforeach()

# A stamp, as semelc does not touch what would not change.
add_custom_command(
  OUTPUT ${SEMEL_WELLKNOWN_DIR}/stamp
  BYPRODUCTS ${sources} ${headers}
  COMMAND semelc -I ${PROTOBUF_PROTO_DIR} -o ${SEMEL_WELLKNOWN_DIR} ${protos}
  COMMAND ${CMAKE_COMMAND} -E touch ${SEMEL_WELLKNOWN_DIR}/stamp
  DEPENDS ${protos} semelc protoc-gen-semel
  COMMENT "semelc google/protobuf/*.proto"
  VERBATIM)
add_custom_target(semel_wellknown_files DEPENDS ${SEMEL_WELLKNOWN_DIR}/stamp)

# One object a file: a program gets only those it uses.  They are tables; there is nothing to optimize at link time.
add_library(semel_wellknown OBJECT ${sources})
add_dependencies(semel_wellknown semel_wellknown_files)
set_target_properties(semel_wellknown PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
target_include_directories(semel_wellknown PRIVATE ${SEMEL_WELLKNOWN_DIR})
target_link_libraries(semel_wellknown PRIVATE nanopb::protobuf-nanopb-static)
