# cmake -DFOLDER=plugin_template -DOUT=plugin_template.cc -P embed_plugin_template.cmake
#
# The files of a folder as C++ string literals.
set(entries "")
file(GLOB files RELATIVE "${FOLDER}" "${FOLDER}/*")
foreach(file ${files})
  file(READ "${FOLDER}/${file}" text)
  string(APPEND entries "      {\"${file}\", R\"nfopt_file(${text})nfopt_file\"},\n")
endforeach()
file(WRITE "${OUT}" "#include <nfopt/runtime/cli/plugin_template.h>

namespace nfopt::cli {

const std::vector<TemplateFile>& plugin_template() {
  static const std::vector<TemplateFile> files = {
${entries}  };
  return files;
}

}  // namespace nfopt::cli
")
