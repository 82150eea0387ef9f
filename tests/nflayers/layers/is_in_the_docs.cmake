# Fails unless the page shows the program as it is.
file(READ "${PROGRAM}" program)
file(READ "${PAGE}" page)
string(FIND "${page}" "${program}" found)
if(found EQUAL -1)
  message(FATAL_ERROR "[docs] '${PAGE}' does not show '${PROGRAM}' as it is. Copy the program into the page.")
endif()
