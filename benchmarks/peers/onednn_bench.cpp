// Times oneDNN's direct convolutions on the cases of kernels_bench, under the same names, and
// prints a line of JSON for each: the mean seconds of a call. Every tensor has the layout that
// oneDNN asks for, and putting it there is not timed. The number of threads is OMP_NUM_THREADS.
//
//   onednn_bench SECONDS NAME...        onednn_bench 1 conv2d_forward/32/64/64
#include <chrono>
#include <iostream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include <dnnl.hpp>

namespace {

using Arguments = std::unordered_map<int, dnnl::memory>;
using Dims = dnnl::memory::dims;

constexpr auto direct = dnnl::algorithm::convolution_direct;

struct Case {
  explicit Case(const std::string& name) {
    std::istringstream text(name);
    char slash = 0;
    std::getline(text, kind, '/');
    if (!(text >> size >> slash >> channels >> slash >> width)) {
      throw std::invalid_argument("expected a name such as conv2d_forward/32/64/64, got " + name);
    }
  }

  std::string kind;
  dnnl::memory::dim size = 0, channels = 0, width = 0;
};

/// The convolutions of one case, 3x3 with padding 1 on a batch of 128, on one engine.
class Convolution {
 public:
  explicit Convolution(const Case& c)
      : x_(any({128, c.channels, c.size, c.size})),
        weight_(any({c.width, c.channels, 3, 3})),
        y_(any({128, c.width, c.size, c.size})),
        forward_(
            {dnnl::prop_kind::forward_training, direct, x_, weight_, y_, {1, 1}, {1, 1}, {1, 1}},
            engine_) {}

  /// Calls of one direction, with random numbers in oneDNN's own layouts.
  template <class Run>
  double time(const std::string& kind, const Run& run) {
    if (kind == "conv2d_forward") {
      const auto& p = forward_;
      return run(dnnl::convolution_forward(p), filled({{DNNL_ARG_SRC, p.src_desc()},
                                                       {DNNL_ARG_WEIGHTS, p.weights_desc()},
                                                       {DNNL_ARG_DST, p.dst_desc()}}));
    }
    if (kind == "conv2d_backward_input") {
      const dnnl::convolution_backward_data::primitive_desc p(
          {direct, x_, weight_, y_, {1, 1}, {1, 1}, {1, 1}}, engine_, forward_);
      return run(dnnl::convolution_backward_data(p),
                 filled({{DNNL_ARG_DIFF_SRC, p.diff_src_desc()},
                         {DNNL_ARG_WEIGHTS, p.weights_desc()},
                         {DNNL_ARG_DIFF_DST, p.diff_dst_desc()}}));
    }
    if (kind == "conv2d_backward_weight") {
      const dnnl::convolution_backward_weights::primitive_desc p(
          {direct, x_, weight_, y_, {1, 1}, {1, 1}, {1, 1}}, engine_, forward_);
      return run(dnnl::convolution_backward_weights(p),
                 filled({{DNNL_ARG_SRC, p.src_desc()},
                         {DNNL_ARG_DIFF_WEIGHTS, p.diff_weights_desc()},
                         {DNNL_ARG_DIFF_DST, p.diff_dst_desc()}}));
    }
    throw std::invalid_argument(
        "expected conv2d_forward, _backward_input or _backward_weight, got " + kind);
  }

  dnnl::engine& engine() { return engine_; }

 private:
  static dnnl::memory::desc any(const Dims& dims) {
    return {dims, dnnl::memory::data_type::f32, dnnl::memory::format_tag::any};
  }

  Arguments filled(const std::unordered_map<int, dnnl::memory::desc>& descriptions) {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    Arguments arguments;
    for (const auto& [position, description] : descriptions) {
      dnnl::memory memory(description, engine_);
      auto* const values = static_cast<float*>(memory.get_data_handle());
      for (std::size_t i = 0; i < description.get_size() / sizeof(float); ++i) {
        values[i] = normal(generator);
      }
      arguments.emplace(position, memory);
    }
    return arguments;
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::memory::desc x_, weight_, y_;
  dnnl::convolution_forward::primitive_desc forward_;
};

double mean_seconds(dnnl::engine& engine, const dnnl::primitive& primitive,
                    const Arguments& arguments, double seconds) {
  using Clock = std::chrono::steady_clock;
  dnnl::stream stream(engine);
  const auto call = [&] {
    primitive.execute(stream, arguments);
    stream.wait();
  };
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  for (const auto start = Clock::now(); since(start) < seconds / 4;) {
    call();
  }
  int calls = 0;
  const auto start = Clock::now();
  for (; calls < 2 || since(start) < seconds; ++calls) {
    call();
  }
  return since(start) / calls;
}

void time_case(const std::string& name, double seconds) {
  const Case c(name);
  Convolution convolution(c);
  const double mean = convolution.time(c.kind, [&](const auto& primitive, const auto& arguments) {
    return mean_seconds(convolution.engine(), primitive, arguments, seconds);
  });
  const auto* const version = dnnl_version();
  std::cout << "{\"name\": \"" << name << "\", \"seconds\": " << mean << ", \"version\": \""
            << version->major << '.' << version->minor << '.' << version->patch << "\"}"
            << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: onednn_bench SECONDS NAME...\n";
    return 2;
  }
  try {
    const double seconds = std::stod(argv[1]);
    for (int i = 2; i < argc; ++i) {
      time_case(argv[i], seconds);
    }
  } catch (const std::exception& error) {
    std::cerr << "onednn_bench: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
