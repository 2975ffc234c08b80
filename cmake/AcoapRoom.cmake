# One room of lib/ as an object library called room_NAME, whose sources lib/NAME/CMakeLists.txt lists with target_sources.
# SPDX-License-Identifier: MIT

# acoap_room(NAME): declare the room and read its list.
function(acoap_room name)
  add_library(room_${name} OBJECT)
  if(NOT ACOAP_CORE_ONLY) # there it becomes no shared library, and costs a device some code
    set_target_properties(room_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endif()
  target_compile_definitions(room_${name} PRIVATE ACOAP_BUILDING)
  target_compile_options(room_${name} PRIVATE ${ACOAP_LTO_FLAGS})
  target_include_directories(room_${name} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/lib)
  add_subdirectory(${name})

  # A room without files is legal to plan and illegal to link: give it one empty unit until its list has an entry.
  get_target_property(sources room_${name} SOURCES)
  if(NOT sources)
    set(empty ${CMAKE_CURRENT_BINARY_DIR}/${name}/empty_room.c)
    file(WRITE ${empty} "typedef int acoap__empty_room_t;\n")
    target_sources(room_${name} PRIVATE ${empty})
    set(ACOAP_EMPTY_ROOMS ${ACOAP_EMPTY_ROOMS} ${name} PARENT_SCOPE)
  endif()
endfunction()
