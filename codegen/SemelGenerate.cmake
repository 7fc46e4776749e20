# semel_generate(TARGET <target> PROTOS <file.proto>... [OPTIONS <dir>] [IMPORTS <dir>...] [RUNTIME <library>])
#
# Runs semelc on each .proto and adds the messages and services it makes to an existing target: sources, include
# directory, and the library semel::semel.  The same file serves this tree and an installed one.
#   OPTIONS   a further directory with .options files for nanopb (those beside a .proto are found anyway)
#   RUNTIME   the library in place of semel::semel: semel::sim for a simulation
#   IMPORTS   directories where imported .proto files are looked for
# Output goes to ${CMAKE_CURRENT_BINARY_DIR}; of a .proto below a directory of IMPORTS, it keeps the folders from there
# on, as the #include lines of who imports it expect.  A file whose text does not change is not touched, so a new
# comment in a .proto rebuilds little.
#
# A .proto is compiled again when it changes, or one it imports (through any number of others), or a .options file of
# these; also when such a file appears or goes away.  semelc writes down what it read; CMake reads that, so it runs once
# more whenever the list has changed.  (Not by DEPFILE: with make, CMake 3.25 never forgets what was in one once.)
cmake_policy(PUSH)
cmake_policy(VERSION 3.25)

if(TARGET semelc AND NOT TARGET semel::semelc)
  add_executable(semel::semelc ALIAS semelc)
  add_executable(semel::protoc-gen-semel ALIAS protoc-gen-semel)
endif()

function(semel_generate)
  cmake_parse_arguments(ARG "" "TARGET;OPTIONS;RUNTIME" "PROTOS;IMPORTS" ${ARGN})
  _semel_check_arguments()

  set(stamps)
  foreach(proto IN LISTS ARG_PROTOS)
    _semel_generate_one("${proto}" stamp)
    list(APPEND stamps "${stamp}")
  endforeach()

  # The stamps are what the build compares; the target waits for all of them before it compiles anything.
  string(MD5 id "${stamps}")
  string(SUBSTRING ${id} 0 8 id)
  add_custom_target(${ARG_TARGET}_semel_${id} DEPENDS ${stamps})
  add_dependencies(${ARG_TARGET} ${ARG_TARGET}_semel_${id})
  target_include_directories(${ARG_TARGET} PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_BINARY_DIR}>)
  if(NOT ARG_RUNTIME)
    set(ARG_RUNTIME semel::semel)
  endif()
  target_link_libraries(${ARG_TARGET} PUBLIC ${ARG_RUNTIME})
endfunction()

# Looks at ARG_... of the caller's scope; a mistake ends the configuration with a sentence that says which.
macro(_semel_check_arguments)
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "semel_generate: unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT ARG_TARGET OR NOT TARGET "${ARG_TARGET}")
    message(FATAL_ERROR "semel_generate: TARGET must name an existing target, not \"${ARG_TARGET}\"")
  endif()
  get_target_property(type ${ARG_TARGET} TYPE)
  if(NOT type MATCHES "^(EXECUTABLE|(STATIC|SHARED|MODULE|OBJECT)_LIBRARY)$")
    message(FATAL_ERROR "semel_generate: ${ARG_TARGET} is an ${type}, which compiles nothing")
  endif()
  if(NOT ARG_PROTOS)
    message(FATAL_ERROR "semel_generate: PROTOS is missing")
  endif()
  if(NOT CMAKE_C_COMPILER_LOADED)
    message(FATAL_ERROR "semel_generate: what it makes is C; add the language C to project()")
  endif()
endmacro()

# Adds the four files of one .proto to ARG_TARGET (of the caller's scope).
function(_semel_generate_one proto ret_stamp)
  get_filename_component(path "${proto}" ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
  get_source_file_property(generated "${path}" GENERATED)
  if(NOT generated AND NOT EXISTS "${path}")
    message(FATAL_ERROR "semel_generate: there is no file ${path}")
  endif()
  _semel_directories("${path}" directories includes name)
  cmake_path(REMOVE_EXTENSION name LAST_ONLY OUTPUT_VARIABLE stem)
  set(stem ${CMAKE_CURRENT_BINARY_DIR}/${stem})
  _semel_claim("${stem}" "${path}")
  _semel_read_depends("${path}" "${directories}" "${stem}" depends)
  set(made ${stem}.pb.h ${stem}.pb.c ${stem}.semel.h ${stem}.semel.c)
  add_custom_command(
    OUTPUT ${stem}.semel.stamp
    BYPRODUCTS ${made}
    COMMAND $<TARGET_FILE:semel::semelc> ${includes} -o ${CMAKE_CURRENT_BINARY_DIR}
            --depfile ${stem}.semel.d ${path}
    COMMAND ${CMAKE_COMMAND} -E touch ${stem}.semel.stamp
    DEPENDS ${depends}
            $<TARGET_FILE:semel::semelc> $<TARGET_FILE:semel::protoc-gen-semel>
    COMMENT "semelc ${name}"
    VERBATIM)
  target_sources(${ARG_TARGET} PRIVATE ${made})
  # Of a target of another folder too; nanopb's text is not held to the user's flags.
  set_source_files_properties(${made} TARGET_DIRECTORY ${ARG_TARGET} PROPERTIES GENERATED TRUE)
  set_source_files_properties(${stem}.pb.c TARGET_DIRECTORY ${ARG_TARGET}
    PROPERTIES COMPILE_OPTIONS "-Wno-conversion;-Wno-pedantic")
  set(${ret_stamp} ${stem}.semel.stamp PARENT_SCOPE)
endfunction()

# Where imports of path are looked for, the same as -I options, and the name path has among them.  semelc adds the folder
# of a file that no -I holds, and its own with semel/options.proto.
function(_semel_directories path ret_directories ret_includes ret_name)
  set(directories)
  foreach(directory IN LISTS ARG_IMPORTS ARG_OPTIONS)
    get_filename_component(directory "${directory}" ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
    if(NOT IS_DIRECTORY "${directory}")
      message(FATAL_ERROR "semel_generate: there is no folder ${directory}")
    endif()
    list(APPEND directories "${directory}")
  endforeach()
  list(TRANSFORM directories PREPEND -I OUTPUT_VARIABLE includes)
  _semel_name("${path}" "${directories}" name)
  if(NOT name)
    cmake_path(GET path PARENT_PATH directory)
    cmake_path(GET path FILENAME name)
    list(APPEND directories "${directory}")
  endif()
  if(EXISTS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/semel/options.proto)
    list(APPEND directories ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
  else()
    list(APPEND directories ${SEMEL_PROTO_DIR})
  endif()
  set(${ret_directories} "${directories}" PARENT_SCOPE)
  set(${ret_includes} "${includes}" PARENT_SCOPE)
  set(${ret_name} "${name}" PARENT_SCOPE)
endfunction()

# Two commands must not write one file: the build would run them in any order, or at once.
function(_semel_claim stem path)
  get_property(owner GLOBAL PROPERTY "SEMEL_OWNER_${stem}")
  get_property(source GLOBAL PROPERTY "SEMEL_SOURCE_${stem}")
  if(NOT owner)
    set_property(GLOBAL PROPERTY "SEMEL_OWNER_${stem}" "${ARG_TARGET}")
    set_property(GLOBAL PROPERTY "SEMEL_SOURCE_${stem}" "${path}")
  elseif(NOT source STREQUAL path)
    message(FATAL_ERROR "semel_generate: ${source} and ${path} would both become ${stem}.pb.h; "
                        "give IMPORTS a folder above both, so that they keep their own folders")
  elseif(owner STREQUAL ARG_TARGET)
    message(FATAL_ERROR "semel_generate: ${path} is listed twice for ${ARG_TARGET}")
  else()
    message(FATAL_ERROR "semel_generate: ${path} is already compiled here, for ${owner}; link ${owner} instead")
  endif()
endfunction()

# All that a .proto is made from: itself, and what semelc has read when it ran last.  Before it has run, that is nothing,
# and nothing is missed.  Should it read something else now, the stamp goes, as nothing may be newer than it: a file that
# was renamed into place can be old, and one that is gone has no age.
function(_semel_read_depends path directories stem ret_depends)
  if(NOT EXISTS "${stem}.semel.d")
    file(WRITE "${stem}.semel.d" "")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${stem}.semel.d")
  _semel_read_rule("${stem}.semel.d" files)
  set(depends "${path}")
  set(candidates)
  set(stale FALSE)
  foreach(file IN LISTS files)
    if(EXISTS "${file}")
      list(APPEND depends "${file}")
    else()
      set(stale TRUE)
    endif()
    _semel_name("${file}" "${directories}" name)
    if(name MATCHES "\\.proto$")
      cmake_path(REPLACE_EXTENSION name LAST_ONLY .options OUTPUT_VARIABLE options)
      _semel_look("${name}" "${directories}" candidates first)
      _semel_look("${options}" "${CMAKE_CURRENT_BINARY_DIR};${directories}" candidates options)
      foreach(now IN LISTS first options)
        if(NOT now IN_LIST files)
          list(APPEND depends "${now}")
          set(stale TRUE)
        endif()
      endforeach()
    endif()
  endforeach()
  if(stale)
    file(REMOVE "${stem}.semel.stamp")
  endif()
  # Runs CMake again when one of these appears or goes away.
  file(GLOB found CONFIGURE_DEPENDS "${path}" ${candidates})
  list(REMOVE_DUPLICATES depends)
  set(${ret_depends} "${depends}" PARENT_SCOPE)
endfunction()

# The files of "TARGET... \\\n  FILE \\\n  FILE\n"; a blank of a name has a backslash before it, and $ stands twice.
function(_semel_read_rule list ret_files)
  set(files)
  file(READ "${list}" rule)
  string(REGEX REPLACE " \\\\\n +" ";" lines "${rule}")
  list(POP_FRONT lines)
  foreach(file IN LISTS lines)
    string(STRIP "${file}" file)
    string(REPLACE "\\ " " " file "${file}")
    string(REPLACE "$$" "$" file "${file}")
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR} NORMALIZE)
    list(APPEND files "${file}")
  endforeach()
  set(${ret_files} "${files}" PARENT_SCOPE)
endfunction()

# The name of a file among the directories; empty if it lies in none.
function(_semel_name file directories ret_name)
  set(${ret_name} "" PARENT_SCOPE)
  foreach(directory IN LISTS directories)
    cmake_path(IS_PREFIX directory "${file}" holds)
    if(holds)
      file(RELATIVE_PATH name "${directory}" "${file}")
      set(${ret_name} "${name}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# Adds every place where the file name is looked for to candidates; the first that holds it is what semelc reads.
function(_semel_look name directories candidates ret_first)
  list(TRANSFORM directories APPEND "/${name}" OUTPUT_VARIABLE places)
  set(${candidates} ${${candidates}} ${places} PARENT_SCOPE)
  set(${ret_first} "" PARENT_SCOPE)
  foreach(place IN LISTS places)
    if(EXISTS "${place}")
      set(${ret_first} "${place}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

cmake_policy(POP)
