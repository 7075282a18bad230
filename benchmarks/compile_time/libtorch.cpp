// examples/quick_start.cpp, written against libtorch: compile_time.py compares the two.
#include <torch/torch.h>

#include <iostream>

struct Noise : torch::data::datasets::Dataset<Noise> {
  torch::data::Example<> get(size_t index) override {
    return {torch::randn({3, 32, 32}), torch::tensor(static_cast<int64_t>(index % 10))};
  }
  torch::optional<size_t> size() const override { return 5000; }
};

int main() {
  torch::manual_seed(42);
  namespace nn = torch::nn;
  nn::Sequential model(nn::Conv2d(nn::Conv2dOptions(3, 16, 5).stride(2)), nn::BatchNorm2d(16),
                       nn::ReLU(), nn::Conv2d(nn::Conv2dOptions(16, 32, 3)), nn::ReLU(),
                       nn::MaxPool2d(2), nn::Flatten(), nn::Linear(1152, 10));
  torch::optim::Adam adam(model->parameters(), torch::optim::AdamOptions(1e-3));
  auto loader = torch::data::make_data_loader(Noise().map(torch::data::transforms::Stack<>()), 100);
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (auto& batch : *loader) {
      auto logits = model->forward(batch.data);
      adam.zero_grad();
      nn::functional::cross_entropy(logits, batch.target).backward();
      adam.step();
      auto right = logits.argmax(1).eq(batch.target).to(torch::kFloat).mean();
      std::cout << right.item<float>() << '\n';
    }
  }
}
