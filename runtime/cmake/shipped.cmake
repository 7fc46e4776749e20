# The libraries that are installed.  Both show semel_* and google_protobuf_* and nothing else, so that no name from
# inside can clash with one of a user's.  Must not know: where they go.  Reads best next: package.cmake.

# No promise of a stable ABI before 1.0: the minor version is part of the name that programs ask for.
set(SEMEL_ABI ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(parts semel_core semel_config semel_store semel_net semel_client semel_server)
list(TRANSFORM parts REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)

# nanopb exists as a static library only, so libsemel.so holds a copy of its own, hidden.
configure_file(cmake/libsemel.map.in libsemel.map @ONLY)
add_library(semel_shared SHARED ${objects} $<TARGET_OBJECTS:semel_wellknown>)
set_target_properties(semel_shared PROPERTIES
  OUTPUT_NAME semel VERSION ${SEMEL_ABI} SOVERSION ${SEMEL_ABI}
  LINK_DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/libsemel.map)
target_link_options(semel_shared PRIVATE
  LINKER:--version-script=${CMAKE_CURRENT_BINARY_DIR}/libsemel.map
  # Its own calls stay its own, and cost no detour through the table that would let others take them over.
  LINKER:-Bsymbolic-functions
  # The sanitizers' functions come with the program.
  $<$<NOT:$<CONFIG:Sanitize>>:LINKER:-z,defs>)
target_link_libraries(semel_shared PRIVATE
  nanopb::protobuf-nanopb-static PkgConfig::XXHASH PkgConfig::INIH PkgConfig::LMDB PkgConfig::CARES libev Threads::Threads)

# An archive has no list of what it shows.  So all of the runtime becomes one object whose other names are made local.
# Link-time optimization ends here, in plain machine code: whoever links it needs neither our compiler nor its version.
set(whole)
if(CMAKE_INTERPROCEDURAL_OPTIMIZATION)
  separate_arguments(whole UNIX_COMMAND "${CMAKE_C_FLAGS} ${CMAKE_C_FLAGS_RELEASE} -flto=auto -flinker-output=nolto-rel")
endif()
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/shipped)

# semel_ship_archive(NAME FLAGS OBJECTS PARTS): shipped/libNAME.a of these objects, which belong to these targets.
function(semel_ship_archive name flags objects parts)
  set(archive ${CMAKE_CURRENT_BINARY_DIR}/shipped/lib${name}.a)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/shipped/${name}.o)
  add_custom_command(
    OUTPUT ${archive}
    BYPRODUCTS ${object}
    COMMAND ${CMAKE_C_COMPILER} ${flags} -r -o ${object} ${objects}
    COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=semel_* $<$<CONFIG:Release>:--strip-debug> ${object}
    COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
    COMMAND ${CMAKE_AR} qcsD ${archive} ${object} $<TARGET_OBJECTS:semel_wellknown>
    DEPENDS ${objects} $<TARGET_OBJECTS:semel_wellknown>
    COMMENT "Linking the archive that is installed, lib${name}.a"
    COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(shipped_${name} ALL DEPENDS ${archive})
  add_dependencies(shipped_${name} ${parts} semel_wellknown)
endfunction()

semel_ship_archive(semel "${whole}" "${objects}" "${parts}")
semel_ship_archive(semel-sim "" "$<TARGET_OBJECTS:semel_sim_runtime>;$<TARGET_OBJECTS:semel_sim_world>"
                   "semel_sim_runtime;semel_sim_world")
