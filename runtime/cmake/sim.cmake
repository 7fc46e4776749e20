# libsemel-sim: the runtime once more, over a simulated world in place of libev, sockets and the kernel's random numbers.
# Must not know: what is simulated.  Reads best next: ../sim/README.md.
set(SEMEL_SIM_SOURCES
  sim/agenda.c sim/disk.c sim/faults.c sim/folder.c sim/heap.c sim/host.c sim/loop.c sim/main.c sim/meeting.c sim/names.c sim/options.c sim/random.c sim/stream.c sim/tap.c
  sim/transport.c sim/trouble.c sim/world.c)
list(TRANSFORM SEMEL_SIM_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)

# What the simulator replaces.
set(SEMEL_SIM_REPLACES "(net/(loop|random|resolver|socket|tcp|udp|unix)|store/choose)\\.c$")
set(SEMEL_SIM_RUNTIME)
foreach(floor core config store net client server)
  get_target_property(sources semel_${floor} SOURCES)
  list(FILTER sources EXCLUDE REGEX ${SEMEL_SIM_REPLACES})
  list(TRANSFORM sources PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  list(APPEND SEMEL_SIM_RUNTIME ${sources})
endforeach()

# semel_sim_library(NAME [FLAG]...): NAME_parts, the objects, and NAME, the archive of them.
function(semel_sim_library name)
  # The runtime's memory belongs to the host that asks for it.
  add_library(${name}_runtime OBJECT ${SEMEL_SIM_RUNTIME})
  target_compile_options(${name}_runtime PRIVATE -include ${CMAKE_SOURCE_DIR}/runtime/sim/redirect.h)
  add_library(${name}_world OBJECT ${SEMEL_SIM_SOURCES})
  foreach(part runtime world)
    # What is measured here is nobody's speed; and the archive that is installed is to be plain machine code.
    set_target_properties(${name}_${part} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
    target_compile_options(${name}_${part} PRIVATE ${ARGN})
    target_include_directories(${name}_${part} PUBLIC ${CMAKE_SOURCE_DIR}/runtime/include ${CMAKE_SOURCE_DIR}/runtime)
    target_include_directories(${name}_${part} SYSTEM PRIVATE ${SEMEL_WELLKNOWN_DIR})
    target_link_libraries(${name}_${part} PRIVATE semel_flags nanopb::protobuf-nanopb-static PkgConfig::XXHASH PkgConfig::INIH
                          PkgConfig::LMDB libev)
  endforeach()
  add_library(${name} STATIC
    $<TARGET_OBJECTS:${name}_runtime> $<TARGET_OBJECTS:${name}_world> $<TARGET_OBJECTS:semel_wellknown>)
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/runtime/include)
  target_include_directories(${name} SYSTEM PUBLIC ${SEMEL_WELLKNOWN_DIR})
  target_link_libraries(${name} PUBLIC nanopb::protobuf-nanopb-static PkgConfig::XXHASH PkgConfig::INIH PkgConfig::LMDB Threads::Threads)
endfunction()

semel_sim_library(semel_sim)
add_library(semel::sim ALIAS semel_sim)

# The public headers alone, for generated code that goes with either library.
add_library(semel_sim_headers INTERFACE)
target_include_directories(semel_sim_headers INTERFACE ${CMAKE_SOURCE_DIR}/runtime/include)
target_include_directories(semel_sim_headers SYSTEM INTERFACE ${SEMEL_WELLKNOWN_DIR})
target_link_libraries(semel_sim_headers INTERFACE nanopb::protobuf-nanopb-static)

# For a simulation of ten thousand seeds in the sanitized build of the tests.
if(BUILD_TESTING)
  semel_sim_library(semel_sim_fast -O2 -fno-sanitize=all)
endif()
