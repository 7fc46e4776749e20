# What is installed and where; the CMake package, the pkg-config file, and the Debian package.
# Must not know: how anything is built.  Reads best next: semelConfig.cmake.in, semel.pc.in.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The compiler finds its plugin beside itself and semel/options.proto in ../share/semel; idl/ and codegen/ install those.
install(TARGETS semel_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/shipped/libsemel.a ${CMAKE_CURRENT_BINARY_DIR}/shipped/libsemel-sim.a
        DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/semel DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)
install(DIRECTORY ${SEMEL_WELLKNOWN_DIR}/google DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/semel/wellknown
        FILES_MATCHING PATTERN *.pb.h)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/semel)
configure_package_config_file(cmake/semelConfig.cmake.in semelConfig.cmake
  INSTALL_DESTINATION ${package} PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(semelConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/semelConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/semelConfigVersion.cmake
        DESTINATION ${package})

# From the folder of semel.pc up to the prefix, so that the tree can be moved.
string(REGEX REPLACE "[^/]+" ".." SEMEL_UP ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
configure_file(cmake/semel.pc.in semel.pc @ONLY)
configure_file(cmake/semel-sim.pc.in semel-sim.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/semel.pc ${CMAKE_CURRENT_BINARY_DIR}/semel-sim.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# One Debian package: before 1.0 library, headers and compiler fit only the like of themselves, so a runtime package of
# its own would promise what does not hold.  Who ships a program to a small machine links libsemel.a.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME semel)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The Semel developers <semel@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "RPC for C whose operations never run twice")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Library, headers and the compiler semelc, for services in .proto files on nanopb and libev.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What the package of a program that links libsemel.so depends on.
math(EXPR next_minor "${PROJECT_VERSION_MINOR} + 1")
file(CONFIGURE OUTPUT debian/shlibs @ONLY
     CONTENT "libsemel @SEMEL_ABI@ semel (>= @PROJECT_VERSION@), semel (<< @PROJECT_VERSION_MAJOR@.@next_minor@)\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_BINARY_DIR}/debian/shlibs)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)
string(JOIN ", " CPACK_DEBIAN_PACKAGE_DEPENDS
  # the headers, and programs that link libsemel.a
  libnanopb-dev libev-dev libxxhash-dev libinih-dev liblmdb-dev libc-ares-dev
  # semelc
  protobuf-compiler libprotobuf-dev nanopb)
include(CPack)
