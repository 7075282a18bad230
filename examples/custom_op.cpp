// An operation of your own, outside the library: its forward, its backward, and the check that they
// belong together. The op is Swish (Ramachandran et al. 2017), y = x * sigmoid(x).
#include <cmath>
#include <cnnrnn/cnnrnn.hpp>
#include <iostream>

using namespace cnnrnn;

template <class T>
T logistic(T x) {
  return 1 / (1 + std::exp(-x));
}

template <class T>
Variable<T> swish(const Variable<T>& x) {
  Tensor<T> y(x.shape());
  const auto to = y.mutable_span();
  const auto from = x.value().span();
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = from[i] * logistic(from[i]);
  }
  // Kept for backward is a tensor, not a variable; Saved notices if someone changes it in between.
  return record<T>("swish", {x}, y, [x = Saved<T>(x.value())](Gradients<T>& g) {
    const GradientSpan<T> dx = g.dx();  // without values when nobody needs this gradient
    for (Index i = 0; i < std::ssize(dx.values); ++i) {
      const T s = logistic(x->data()[i]);
      const T slope = s + x->data()[i] * s * (1 - s);  // d/dx x s(x) = s + x s (1 - s)
      dx.put(i, g.dy().data()[i] * slope);             // stores or adds, as the graph needs it
    }
  });
}

int main() {
  const auto result = gradcheck([](const auto& inputs) { return std::vector{swish(inputs[0])}; },
                                {Tensor<double>({2, 3}, {-2.0, -1.0, -0.5, 0.5, 1.0, 2.0})});
  std::cout << result.log << (result ? "the gradient is right\n" : "the gradient is wrong\n");
  return result ? 0 : 1;
}
