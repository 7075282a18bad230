// examples/quick_start.cpp, written against libtorch: compile_time.py compares the two.
#include <torch/torch.h>

#include <iostream>

struct Noise : torch::data::datasets::Dataset<Noise> {
  torch::data::Example<> get(size_t index) override {
    return {torch::randn({3, 32, 32}), torch::tensor(static_cast<int64_t>(index % 10))};
  }
  torch::optional<size_t> size() const override { return 2000; }
};

int main() {
  torch::manual_seed(42);
  torch::nn::Sequential model(torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 16, 3).stride(2)),
                              torch::nn::ReLU(), torch::nn::AdaptiveAvgPool2d(1),
                              torch::nn::Flatten(), torch::nn::Linear(16, 10));
  torch::optim::Adam adam(model->parameters(), torch::optim::AdamOptions(1e-2));
  auto loader = torch::data::make_data_loader(Noise().map(torch::data::transforms::Stack<>()), 50);
  for (auto& batch : *loader) {
    auto loss = torch::nn::functional::cross_entropy(model->forward(batch.data), batch.target);
    adam.zero_grad();
    loss.backward();
    adam.step();
    std::cout << loss.item<float>() << '\n';
  }
}
