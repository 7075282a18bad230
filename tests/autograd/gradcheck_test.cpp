#include "cnnrnn/autograd/gradcheck.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "cnnrnn/ops/mul.hpp"
#include "cnnrnn/ops/scale_shift.hpp"
#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

/// y = 3 x with the given backward function.
template <class Backward>
GradcheckResult check_triple(const Backward& backward) {
  return gradcheck(
      [&](const auto& v) {
        Tensor<double> y = v[0].value().clone();
        for (double& value : y.mutable_span()) {
          value *= 3;
        }
        return std::vector{record<double>("triple", {v[0]}, y, backward)};
      },
      {random_tensor<double>({2, 3}, 1)});
}

}  // namespace

TEST_CASE("gradcheck passes what is right") {
  const auto result = check_triple([](Gradients<double>& g) {
    const auto dx = g.dx();
    for (Index i = 0; i < g.dy().size(); ++i) {
      dx.put(i, 3 * g.dy().data()[i]);
    }
  });
  INFO(result.log);
  CHECK(result);
  CHECK(result.passed);
  CHECK(result.trusted);
  CHECK_THAT(result.log, !Contains("WRONG"));
}

TEST_CASE("gradcheck leaves its inputs alone") {
  const auto x = random_tensor<double>({3}, 1);
  const auto before = x.clone();
  gradcheck([](const auto& v) { return std::vector{v[0] * v[0]}; }, {x});
  CHECK(std::equal(x.data(), x.data() + 3, before.data()));
}

TEST_CASE("gradcheck fails a wrong gradient and names the element") {
  const auto result = check_triple([](Gradients<double>& g) {
    const auto dx = g.dx();
    for (Index i = 0; i < g.dy().size(); ++i) {
      dx.put(i, (i == 4 ? 2.9 : 3.0) * g.dy().data()[i]);
    }
  });
  CHECK_FALSE(result);
  CHECK(result.trusted);
  CHECK_THAT(result.log, Contains("WRONG all outputs, input 0 (2, 3), worst element 4: analytic"));
}

TEST_CASE("gradcheck fails a backward function that stores where it should add") {
  const auto result = check_triple([](Gradients<double>& g) {
    const auto dx = g.dx();
    for (Index i = 0; i < g.dy().size(); ++i) {
      dx.data()[i] = 3 * g.dy().data()[i];
    }
  });
  CHECK_FALSE(result);
  CHECK_THAT(result.log, Contains("ok    all outputs, input 0"));
  CHECK_THAT(result.log, Contains("WRONG all outputs, twice, input 0"));
}

TEST_CASE("gradcheck fails a backward function that adds where it should store") {
  const auto result = check_triple([](Gradients<double>& g) {
    const auto dx = g.dx();
    for (Index i = 0; i < g.dy().size(); ++i) {
      dx.data()[i] += 3 * g.dy().data()[i];
    }
  });
  CHECK_FALSE(result);
}

TEST_CASE("gradcheck fails a backward function that leaves elements out") {
  const auto result = check_triple([](Gradients<double>& g) {
    const auto dx = g.dx();
    for (Index i = 0; i + 1 < g.dy().size(); ++i) {
      dx.put(i, 3 * g.dy().data()[i]);
    }
  });
  CHECK_FALSE(result);
}

TEST_CASE("gradcheck fails a backward function that does nothing") {
  CHECK_FALSE(check_triple([](Gradients<double>&) {}));
}

TEST_CASE("gradcheck does not trust gradients that are zero") {
  const auto result = gradcheck([](const auto& v) { return std::vector{scale_shift(v[0], 0, 1)}; },
                                {random_tensor<double>({3}, 1)});
  CHECK(result.passed);
  CHECK_FALSE(result.trusted);
  CHECK_FALSE(result);
  CHECK_THAT(result.log, Contains("cannot be trusted: the largest gradient is 0"));
}

TEST_CASE("gradcheck looks at each input and each output alone") {
  const auto result = gradcheck(
      [](const auto& v) {
        const auto product = v[0] * v[1];
        return record<double>("both", {v[0], v[1]}, {product.value(), product.value().clone()},
                              [a = v[0].value(), b = v[1].value()](Gradients<double>& g) {
                                const auto da = g.dx(0);
                                const auto db = g.dx(1);
                                if (!g.dy(0).defined() || !g.dy(1).defined() || !da.needed()) {
                                  return;  // wrong: works only when everything is wanted
                                }
                                for (Index i = 0; i < a.size(); ++i) {
                                  const double dy = g.dy(0).data()[i] + g.dy(1).data()[i];
                                  da.put(i, dy * b.data()[i]);
                                  if (db.needed()) {
                                    db.put(i, dy * a.data()[i]);
                                  }
                                }
                              });
      },
      {random_tensor<double>({3}, 1), random_tensor<double>({3}, 2)});
  CHECK_FALSE(result);
  CHECK_THAT(result.log, Contains("ok    all outputs, input 0"));
  CHECK_THAT(result.log, Contains("ok    all outputs, input 1"));
  CHECK_THAT(result.log, Contains("WRONG output 0, input 0"));
  CHECK_THAT(result.log, Contains("WRONG output 1, input 1"));
  CHECK_THAT(result.log, Contains("ok    input 0 alone, input 0"));
  CHECK_THAT(result.log, Contains("WRONG input 1 alone, input 1"));
}

TEST_CASE("gradcheck fails what is wrong for one of several outputs") {
  const auto result = gradcheck(
      [](const auto& v) {
        const auto x = v[0].value();
        return record<double>("copies", {v[0]}, {x.clone(), x.clone()}, [](Gradients<double>& g) {
          g.give(0, g.dy(0).defined() ? g.dy(0) : g.dy(1));  // wrong: forgets the second of two
        });
      },
      {random_tensor<double>({3}, 1)});
  CHECK_FALSE(result);
  CHECK_THAT(result.log, Contains("WRONG all outputs, input 0"));
  CHECK_THAT(result.log, Contains("ok    output 0, input 0"));

  const auto scaled = gradcheck(
      [](const auto& v) {
        const auto x = v[0].value();
        return record<double>("copies", {v[0]}, {x.clone(), x.clone()}, [](Gradients<double>& g) {
          const auto dx = g.dx();
          for (Index i = 0; i < 3; ++i) {
            const double second = g.dy(1).defined() ? g.dy(1).data()[i] : 0;
            dx.put(i, (g.dy(0).defined() ? g.dy(0).data()[i] : 0) + 1.01 * second);
          }
        });
      },
      {random_tensor<double>({3}, 1)});
  CHECK_FALSE(scaled);
  CHECK_THAT(scaled.log, Contains("ok    output 0, input 0"));
  CHECK_THAT(scaled.log, Contains("WRONG output 1, input 0"));
}

TEST_CASE("gradcheck fails gradients that are not a number") {
  CHECK_FALSE(check_triple([](Gradients<double>& g) {
    const auto dx = g.dx();
    for (Index i = 0; i < g.dy().size(); ++i) {
      dx.put(i, std::numeric_limits<double>::quiet_NaN());
    }
  }));
}
