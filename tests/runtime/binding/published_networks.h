#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

namespace nfopt {

// Networks with the names of their usual implementations. What they compute does not matter here.

/// torchvision's BasicBlock.
struct BasicBlock : torch::nn::Module {
  BasicBlock(int64_t in, int64_t out, int64_t stride) {
    const auto conv = [](int64_t from, int64_t to, int64_t kernel, int64_t stride) {
      return torch::nn::Conv2d(
          torch::nn::Conv2dOptions(from, to, kernel).stride(stride).padding(kernel / 2).bias(false));
    };
    register_module("conv1", conv(in, out, 3, stride));
    register_module("bn1", torch::nn::BatchNorm2d(out));
    register_module("conv2", conv(out, out, 3, 1));
    register_module("bn2", torch::nn::BatchNorm2d(out));
    if (stride != 1 || in != out)
      register_module("downsample", torch::nn::Sequential(conv(in, out, 1, stride), torch::nn::BatchNorm2d(out)));
  }
};

/// torchvision.models.resnet18; `width` 64 and `classes` 1000 there.
struct ResNet18 : torch::nn::Module {
  ResNet18(int64_t width, int64_t classes) {
    register_module("conv1", torch::nn::Conv2d(torch::nn::Conv2dOptions(3, width, 7).stride(2).padding(3).bias(false)));
    register_module("bn1", torch::nn::BatchNorm2d(width));
    int64_t in = width;
    for (int64_t stage = 0; stage < 4; ++stage) {
      const int64_t out = width << stage;
      torch::nn::ModuleList blocks;
      blocks->push_back(std::make_shared<BasicBlock>(in, out, stage == 0 ? 1 : 2));
      blocks->push_back(std::make_shared<BasicBlock>(out, out, 1));
      register_module("layer" + std::to_string(stage + 1), blocks);
      in = out;
    }
    register_module("fc", torch::nn::Linear(in, classes));
  }
};

/// A layer of transformers' GPT-2, whose weight is [in, out].
struct Conv1D : torch::nn::Module {
  Conv1D(int64_t in, int64_t out) {
    register_parameter("weight", at::randn({in, out}));
    register_parameter("bias", at::zeros({out}));
  }
};

/// GPT2LMHeadModel without dropout: "transformer.h.0.attn.c_attn.weight", .., "lm_head.weight", which is
/// "transformer.wte.weight". With `masks` also the causal masks that older versions keep as buffers.
struct Gpt2 : torch::nn::Module {
  Gpt2(int64_t vocabulary, int64_t context, int64_t width, int64_t layers, bool masks = false) {
    auto transformer = register_module("transformer", std::make_shared<torch::nn::Module>());
    auto wte = transformer->register_module("wte", torch::nn::Embedding(vocabulary, width));
    transformer->register_module("wpe", torch::nn::Embedding(context, width));
    torch::nn::ModuleList blocks;
    for (int64_t layer = 0; layer < layers; ++layer) {
      auto block = std::make_shared<torch::nn::Module>();
      block->register_module("ln_1", torch::nn::LayerNorm(std::vector<int64_t>{width}));
      auto attention = block->register_module("attn", std::make_shared<torch::nn::Module>());
      attention->register_module("c_attn", std::make_shared<Conv1D>(width, 3 * width));
      attention->register_module("c_proj", std::make_shared<Conv1D>(width, width));
      if (masks) attention->register_buffer("bias", at::ones({1, 1, context, context}).tril());
      block->register_module("ln_2", torch::nn::LayerNorm(std::vector<int64_t>{width}));
      auto mlp = block->register_module("mlp", std::make_shared<torch::nn::Module>());
      mlp->register_module("c_fc", std::make_shared<Conv1D>(width, 4 * width));
      mlp->register_module("c_proj", std::make_shared<Conv1D>(4 * width, width));
      blocks->push_back(block);
    }
    transformer->register_module("h", blocks);
    transformer->register_module("ln_f", torch::nn::LayerNorm(std::vector<int64_t>{width}));
    auto head = register_module("lm_head", std::make_shared<torch::nn::Module>());
    head->register_parameter("weight", wte->weight);
  }
};

}  // namespace nfopt
