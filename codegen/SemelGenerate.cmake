# semel_generate(TARGET <target> PROTOS <file.proto>... [OPTIONS <dir>] [IMPORTS <dir>...])
#
# Runs semelc on each .proto and adds the messages and services it makes to an existing target: sources, include
# directory, and the libraries semel and nanopb.
#   OPTIONS   a further directory with .options files for nanopb (those beside a .proto are found anyway)
#   IMPORTS   directories where imported .proto files are looked for
# Output goes to ${CMAKE_CURRENT_BINARY_DIR}; of a .proto below a directory of IMPORTS, it keeps the folders from there
# on, as the #include lines of who imports it expect.  A file whose text does not change is not touched, so a new
# comment in a .proto rebuilds little.

function(semel_generate)
  cmake_parse_arguments(ARG "" "TARGET;OPTIONS" "PROTOS;IMPORTS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "semel_generate: unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT ARG_TARGET OR NOT TARGET "${ARG_TARGET}")
    message(FATAL_ERROR "semel_generate: TARGET must name an existing target, not \"${ARG_TARGET}\"")
  endif()
  if(NOT ARG_PROTOS)
    message(FATAL_ERROR "semel_generate: PROTOS is missing")
  endif()

  set(stamps)
  foreach(proto IN LISTS ARG_PROTOS)
    _semel_generate_one("${proto}" stamp)
    list(APPEND stamps ${stamp})
  endforeach()

  # The stamps are what the build compares; the target waits for all of them before it compiles anything.
  string(MD5 id "${ARG_PROTOS}")
  string(SUBSTRING ${id} 0 8 id)
  add_custom_target(${ARG_TARGET}_semel_${id} DEPENDS ${stamps})
  add_dependencies(${ARG_TARGET} ${ARG_TARGET}_semel_${id})
  target_include_directories(${ARG_TARGET} PUBLIC ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(${ARG_TARGET} PUBLIC semel nanopb::protobuf-nanopb-static)
endfunction()

# Adds the four files of one .proto to ARG_TARGET (of the caller's scope).
function(_semel_generate_one proto ret_stamp)
  get_filename_component(path ${proto} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
  get_filename_component(name ${proto} NAME_WLE)
  get_filename_component(directory ${path} DIRECTORY)
  # Files beside it may be imported without further ado.
  file(GLOB depends CONFIGURE_DEPENDS ${directory}/*.proto ${directory}/*.options)

  # semelc adds the folder of a file that no -I holds.
  set(includes)
  set(folder)
  set(held FALSE)
  foreach(import IN LISTS ARG_IMPORTS ARG_OPTIONS)
    get_filename_component(import ${import} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
    list(APPEND includes -I${import})
    file(GLOB_RECURSE imported CONFIGURE_DEPENDS ${import}/*.proto ${import}/*.options)
    list(APPEND depends ${imported})
    cmake_path(IS_PREFIX import ${path} holds)
    if(holds AND NOT held)
      set(held TRUE)
      file(RELATIVE_PATH folder ${import} ${directory})
    endif()
  endforeach()
  cmake_path(APPEND CMAKE_CURRENT_BINARY_DIR "${folder}" "${name}" OUTPUT_VARIABLE stem)
  set(made ${stem}.pb.h ${stem}.pb.c ${stem}.semel.h ${stem}.semel.c)

  add_custom_command(
    OUTPUT ${stem}.semel.stamp
    BYPRODUCTS ${made}
    COMMAND semelc ${includes} -o ${CMAKE_CURRENT_BINARY_DIR} ${path}
    COMMAND ${CMAKE_COMMAND} -E touch ${stem}.semel.stamp
    DEPENDS ${path} ${depends} semelc protoc-gen-semel ${SEMEL_PROTO_DIR}/semel/options.proto
    COMMENT "semelc ${name}.proto"
    VERBATIM)
  set_source_files_properties(${made} PROPERTIES GENERATED TRUE)
  # nanopb's text is not held to our flags.
  set_source_files_properties(${stem}.pb.c PROPERTIES COMPILE_OPTIONS "-Wno-conversion;-Wno-pedantic")
  target_sources(${ARG_TARGET} PRIVATE ${made})
  set(${ret_stamp} ${stem}.semel.stamp PARENT_SCOPE)
endfunction()
