#include <nfopt/runtime/io/atomic_file.h>
#include <nfopt/runtime/io/safetensors.h>
#include <torch/types.h>

#include <cstring>

#include "tests/runtime/io/file_test.h"

namespace nfopt {
namespace {

class Safetensors : public FileTest {
 protected:
  /// A file from a header as text and a number of data bytes.
  std::filesystem::path file_of(const std::string& header, size_t data_bytes, uint64_t header_length = UINT64_MAX) {
    const uint64_t length = header_length == UINT64_MAX ? header.size() : header_length;
    std::string bytes(sizeof(length), '\0');
    std::memcpy(bytes.data(), &length, sizeof(length));
    write_atomically(folder_ / "f.safetensors", bytes + header + std::string(data_bytes, '\2'));
    return folder_ / "f.safetensors";
  }
  void expect_refused(const std::string& header, size_t data_bytes, const std::string& part) {
    SCOPED_TRACE(header);
    const auto path = file_of(header, data_bytes);
    expect_error([&] { read_safetensors(path); }, {part, path.string()});
  }
};

TEST_F(Safetensors, EveryTypeComesBackBitForBitInOrder) {
  SafetensorsFile file;
  file.metadata = {{"format", "pt"}, {"quote", "\"\\\n\t\u00e4"}};
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort, at::kChar,
                          at::kByte, at::kBool})
    file.tensors.emplace_back("t." + std::string(c10::toString(type)),
                              at::arange(6).remainder(2).reshape({2, 3}).to(type));
  file.tensors.emplace_back("not a number", at::full({3}, std::nan("")));
  file.tensors.emplace_back("scalar", at::scalar_tensor(-0.0, at::kDouble));
  file.tensors.emplace_back("empty", at::empty({0, 4}));
  file.tensors.emplace_back("a view", at::arange(12).reshape({3, 4}).t());
  write_safetensors(folder_ / "f.safetensors", file);

  const SafetensorsFile back = read_safetensors(folder_ / "f.safetensors");
  EXPECT_EQ(back.metadata, file.metadata);
  ASSERT_EQ(back.tensors.size(), file.tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    const at::Tensor* read = back.find(name);
    ASSERT_NE(read, nullptr) << name;
    EXPECT_EQ(read->scalar_type(), tensor.scalar_type()) << name;
    EXPECT_EQ(read->sizes(), tensor.sizes()) << name;
    const at::Tensor contiguous = tensor.contiguous();
    EXPECT_EQ(std::string_view(static_cast<const char*>(read->const_data_ptr()), read->nbytes()),
              std::string_view(static_cast<const char*>(contiguous.const_data_ptr()), contiguous.nbytes()))
        << name;
  }
  EXPECT_EQ(back.tensors.front().first, "t.Double");
  EXPECT_EQ(back.find("none"), nullptr);
}

TEST_F(Safetensors, AFileOfNothingIsAFile) {
  write_safetensors(folder_ / "f.safetensors", {});
  EXPECT_TRUE(read_safetensors(folder_ / "f.safetensors").tensors.empty());
}

TEST_F(Safetensors, DamagedHeadersAreRefusedWithTheirPlace) {
  expect_refused("{", 0, "not valid JSON");
  expect_refused("[]", 0, "not a JSON object");
  expect_refused("{} x", 0, "not valid JSON");
  expect_refused(std::string(100, '['), 0, "nested deeper");
  expect_refused("{\"a\xff\":1}", 0, "not valid JSON");
  expect_refused(R"({"a":1})", 0, "tensor 'a'");
  expect_refused(R"({"a":{"dtype":"F32","shape":[1]}})", 4, "'data_offsets' is missing");
  expect_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"strides":[1]}})", 4, "unknown key 'strides'");
  expect_refused(R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4, "Did you mean 'F");
  expect_refused(R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", 4, "dtype is not a string");
  expect_refused(R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, "shape is not a list");
  expect_refused(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "not a size");
  expect_refused(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4, "not a size");
  expect_refused(R"({"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}})", 4, "not a size");
  expect_refused(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4, "more bytes");
  expect_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, "not a pair");
  expect_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", 4, "not a pair");
  expect_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "end before they begin");
  expect_refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "need 8 bytes");
  expect_refused(R"({"a":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}})", 4, "other than 0 and 1");
  expect_refused(
      R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", 0,
      "'a' twice");
  expect_refused(R"({"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}})", 0, "'dtype' twice");
  expect_refused(R"({"__metadata__":{"k":1}})", 0, "metadata 'k'");
  expect_refused(R"({"__metadata__":[]})", 0, "__metadata__");
}

TEST_F(Safetensors, DataThatDoNotFitTheHeaderAreRefused) {
  expect_refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7, "The file is incomplete");
  expect_refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9, "its tensors cover 8");
  expect_refused(
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6,
      "overlap");
  expect_refused(
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[6,10]}})",
      10, "leave a gap");
  expect_refused(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}})", 5, "leave a gap");
  expect_refused(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551614,18446744073709551615]}})", 1,
                 "leave a gap");
}

TEST_F(Safetensors, FilesOfAnotherKindAreRefused) {
  write_atomically(folder_ / "short", "abc");
  expect_error([&] { read_safetensors(folder_ / "short"); }, {"at least 8"});
  write_atomically(folder_ / "empty", "");
  expect_error([&] { read_safetensors(folder_ / "empty"); }, {"at least 8"});
  const auto huge = file_of("{}", 0, 100'000'001);
  expect_error([&] { read_safetensors(huge); }, {"at most 100000000"});
  const auto truncated = file_of("{}", 0, 1000);
  expect_error([&] { read_safetensors(truncated); }, {"incomplete"});
  expect_error([&] { read_safetensors(folder_ / "none"); }, {"No such file"});
  expect_error([&] { read_safetensors(folder_); }, {folder_.string()});
}

TEST_F(Safetensors, EveryTruncationOfAFileIsRefused) {
  SafetensorsFile file;
  file.tensors = {{"a", at::arange(3)}, {"b", at::ones({2, 2})}};
  file.metadata = {{"k", "v"}};
  write_safetensors(folder_ / "whole", file);
  const std::string bytes = read_file(folder_ / "whole");
  for (size_t n = 0; n < bytes.size(); ++n) {
    write_atomically(folder_ / "part", bytes.substr(0, n));
    EXPECT_THROW(read_safetensors(folder_ / "part"), Error) << n << " of " << bytes.size() << " bytes";
  }
}

TEST_F(Safetensors, WhatTheFormatCannotHoldIsNotWritten) {
  const auto path = folder_ / "f.safetensors";
  const auto write = [&](std::vector<std::pair<std::string, at::Tensor>> tensors) {
    return [&path, tensors] { write_safetensors(path, {tensors, {}}); };
  };
  expect_error(write({{"a", at::ones({1})}, {"a", at::ones({1})}}), {"two tensors are named 'a'"});
  expect_error(write({{"__metadata__", at::ones({1})}}), {"__metadata__"});
  expect_error(write({{"a", at::Tensor()}}), {"undefined"});
  expect_error(write({{"a", at::ones({1}).to(at::kComplexFloat)}}), {"ComplexFloat"});
  expect_error(write({{"\xff", at::ones({1})}}), {"UTF-8"});
  EXPECT_EQ(files_in_folder(), 0u);
}

}  // namespace
}  // namespace nfopt
