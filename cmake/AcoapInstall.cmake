# What cmake --install lays down: libraries, headers, acoap.pc, the CMake package, the man pages.
# SPDX-License-Identifier: MIT
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/acoap)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/acoap DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(TARGETS acoap_core EXPORT acoapTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

if(NOT ACOAP_CORE_ONLY)
  install(TARGETS acoap EXPORT acoapTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(TARGETS acoap_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  configure_file(pkgconfig/acoap.pc.in ${PROJECT_BINARY_DIR}/acoap.pc @ONLY)
  # The prefix is known when cmake --install --prefix is, not before.
  install(CODE "
    file(READ \"${PROJECT_BINARY_DIR}/acoap.pc\" text)
    string(REGEX REPLACE \"^prefix=[^\\n]*\" \"prefix=\${CMAKE_INSTALL_PREFIX}\" text \"\${text}\")
    file(WRITE \"${PROJECT_BINARY_DIR}/acoap.pc\" \"\${text}\")")
  install(FILES ${PROJECT_BINARY_DIR}/acoap.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  file(GLOB man_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.1)
  install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

install(EXPORT acoapTargets NAMESPACE acoap:: DESTINATION ${package_dir})
configure_package_config_file(pkgconfig/acoapConfig.cmake.in ${PROJECT_BINARY_DIR}/acoapConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/acoapConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/acoapConfig.cmake ${PROJECT_BINARY_DIR}/acoapConfigVersion.cmake
        DESTINATION ${package_dir})
