# cmake -DPREFIX=.. -DWORK=.. -DGENERATOR=.. -DCOMPILER=.. -DLIBTORCH=.. -DDATA=.. -P new_plugin.cmake
#
# An author's first ten minutes, against the installation in PREFIX: a new plugin, built, checked and trained.

file(REMOVE_RECURSE "${WORK}/first_net")
set(program "${PREFIX}/bin/nfopt")
set(ENV{NFOPT_PLUGIN_PATH} "")

include("${CMAKE_CURRENT_LIST_DIR}/run_expecting.cmake")

file(MAKE_DIRECTORY "${WORK}")
run("${WORK}" "-DCMAKE_PREFIX_PATH=${PREFIX}" "${program}" plugin new first_net)
set(folder "${WORK}/first_net")
run("${folder}" "" ${CMAKE_COMMAND} -S . -B build -G "${GENERATOR}" -DCMAKE_BUILD_TYPE=Release
  -DCMAKE_PREFIX_PATH=${PREFIX} -DCMAKE_CXX_COMPILER=${COMPILER} -DNFOPT_LIBTORCH=${LIBTORCH})
run("${folder}" "" ${CMAKE_COMMAND} --build build)
run("${folder}" "0 failed, 0 skipped" "${program}" plugin check build/plugins/first_net.nfopt.so)
run("${folder}" "100% tests passed" ${CMAKE_CTEST_COMMAND} --test-dir build)
if(EXISTS "${DATA}")
  run("${folder}" "" "${program}" train config.yaml --set steps=3 --set data.folder=${DATA} --out run)
else()
  message(STATUS "[package] no Fashion-MNIST in ${DATA}: the new plugin was not trained")
endif()
