# Fails unless every ```cpp block of PAGE stands word for word, at any indentation, in one of the SOURCES (separated by
# commas), which are compiled and run elsewhere.
set(fence "```")

set(code "\n")
string(REPLACE "," ";" paths "${SOURCES}")
foreach(path IN LISTS paths)
  file(READ "${path}" text)
  string(APPEND code "${text}\n")
endforeach()
string(REGEX REPLACE "\n +" "\n" code "${code}")

file(READ "${PAGE}" rest)
set(blocks 0)
string(FIND "${rest}" "${fence}cpp\n" start)
while(NOT start EQUAL -1)
  string(LENGTH "${fence}cpp" opening)
  math(EXPR start "${start} + ${opening}")
  string(SUBSTRING "${rest}" ${start} -1 rest)
  string(FIND "${rest}" "\n${fence}" length)
  math(EXPR length "${length} + 1")
  string(SUBSTRING "${rest}" 0 ${length} block)  # with the line feed before and after it
  string(SUBSTRING "${rest}" ${length} -1 rest)
  string(LENGTH "${fence}" closing)
  string(SUBSTRING "${rest}" ${closing} -1 rest)

  string(REGEX REPLACE "\n +" "\n" block "${block}")
  string(FIND "${code}" "${block}" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "[docs] '${PAGE}' shows code that no compiled source contains:\n${block}\n"
                        "Put it into one of ${SOURCES}, or copy what stands there into the page.")
  endif()
  math(EXPR blocks "${blocks} + 1")
  string(FIND "${rest}" "${fence}cpp\n" start)
endwhile()
if(blocks EQUAL 0)
  message(FATAL_ERROR "[docs] '${PAGE}' shows no code: it needs no such test.")
endif()
message(STATUS "${blocks} blocks of ${PAGE} are compiled")
