# cmake -DBUILD=.. -DPROJECT=.. -DGENERATOR=.. -DCOMPILER=.. -DLIBTORCH=.. -P check_package.cmake

set(work "${BUILD}/tests/package")
set(prefix "${work}/prefix")
file(REMOVE_RECURSE "${prefix}" "${work}/build")

include("${CMAKE_CURRENT_LIST_DIR}/run_expecting.cmake")

run("${BUILD}" "" ${CMAKE_COMMAND} --install "${BUILD}" --prefix "${prefix}")
run("${BUILD}" "" ${CMAKE_COMMAND} -S "${PROJECT}" -B "${work}/build" -G "${GENERATOR}" -DCMAKE_PREFIX_PATH=${prefix}
  -DCMAKE_CXX_COMPILER=${COMPILER} -DNFOPT_LIBTORCH=${LIBTORCH} -DCMAKE_BUILD_TYPE=Release)
run("${BUILD}" "" ${CMAKE_COMMAND} --build "${work}/build")

set(ENV{NFOPT_PLUGIN_PATH} "")
set(program "${prefix}/bin/nfopt")
run("${BUILD}" "elman 1.0.0" "${program}" plugin inspect "${work}/build/plugins/elman.nfopt.so")
run("${BUILD}" "mlp" "${program}" plugin list)
set(ENV{NFOPT_PLUGIN_PATH} "${work}/build/plugins")
run("${BUILD}" "0 failed" "${program}" plugin check elman)
run("${BUILD}" "no: it only describes its tensors" "${program}" plugin inspect elman)

# A plugin exports its entry and nothing else, and a description does not depend on LibTorch.
find_program(NM nm REQUIRED)
find_program(READELF readelf REQUIRED)
execute_process(COMMAND ${NM} -D --defined-only "${work}/build/plugins/elman.nfopt.so" OUTPUT_VARIABLE symbols)
if(NOT symbols MATCHES "^[0-9a-f]+ T nfopt_plugin_create\n$")
  message(FATAL_ERROR "[package] expected one exported symbol, nfopt_plugin_create, received:\n${symbols}")
endif()
execute_process(COMMAND ${READELF} -d "${work}/build/plugins/elman.nfopt.so" OUTPUT_VARIABLE needed)
if(needed MATCHES "NEEDED[^\n]*lib(torch|c10)")
  message(FATAL_ERROR "[package] a plugin without a network needs LibTorch:\n${needed}")
endif()

file(GLOB_RECURSE headers "${prefix}/include/*.h")
foreach(header ${headers})
  file(STRINGS "${header}" private REGEX "#include <(CLI|nlohmann|spdlog|fmt)/")
  if(private)
    message(FATAL_ERROR "[package] the installed header ${header} includes a private dependency: ${private}")
  endif()
endforeach()
