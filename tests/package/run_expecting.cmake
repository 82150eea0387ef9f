# run(folder expected command...): runs a command in a folder; it must succeed and its output must contain `expected`.
function(run folder expected)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${folder}"
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "[package] '${command}' failed with status ${status}:\n${output}")
  endif()
  string(FIND "${output}" "${expected}" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "[package] expected '${expected}' in the output of '${ARGN}', received:\n${output}")
  endif()
endfunction()
