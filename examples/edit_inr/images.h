#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

/// What an editor is to learn, on images [P, size, size] with grey values in [0, 1].
using ImageEdit = std::function<at::Tensor(const at::Tensor&)>;

/// "dilate": every pixel becomes the brightest of its 3 x 3 neighbours. "brighten": the square root of its value.
ImageEdit image_edit(const std::string& name);
std::vector<std::string> image_edit_names();

/// Rows of images [n, size, size], beside and below each other with a gap, as a grey PNG.
void write_png_grid(const std::filesystem::path& path, const std::vector<at::Tensor>& rows);
