#include "cnnrnn/optim/schedule.hpp"

#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/op_table.hpp"

using namespace cnnrnn;

namespace {

void check_schedule(const std::string& name, const optim::Schedule& schedule) {
  INFO(name);
  const auto expected = Fixture("optim").get<double>("schedule/" + name);
  Tensor<double> factors(expected.shape());
  for (Index step = 0; step < factors.size(); ++step) {
    factors.mutable_data()[step] = schedule(step);
  }
  require_close(factors, expected, 1e-12);
}

}  // namespace

TEST_CASE("schedules are PyTorch's") {
  check_schedule("step", optim::step_schedule({.every = 6, .factor = 0.3}));
  check_schedule("cosine", optim::cosine_schedule({.steps = 20}));
  check_schedule("cosine_minimum", optim::cosine_schedule({.steps = 20, .minimum = 0.1}));
  check_schedule("one_cycle", optim::one_cycle_schedule({.steps = 30}));
  check_schedule("one_cycle_linear", optim::one_cycle_schedule({.steps = 30,
                                                                .warm_up_share = 0.45,
                                                                .initial_divisor = 10,
                                                                .final_divisor = 50,
                                                                .linear = true}));
  check_schedule("warm_up", optim::warm_up({.steps = 5}));
  check_schedule("warm_up_cosine",
                 optim::warm_up({.steps = 4, .start = 0.1}, optim::cosine_schedule({.steps = 16})));
  check_schedule("piecewise_linear",
                 optim::piecewise_linear_schedule({{2, 0.2}, {7, 1}, {16, 0.07}}));
  CHECK(optim::constant_schedule()(1000) == 1);
  const auto by_epoch = optim::per_epoch(optim::step_schedule({.every = 1, .factor = 0.5}), 10);
  CHECK(by_epoch(9) == 1);
  CHECK(by_epoch(10) == 0.5);
}

TEST_CASE("schedules stay where they end") {
  const auto cosine = optim::cosine_schedule({.steps = 20, .minimum = 0.1});
  CHECK(cosine(1000) == cosine(20));
  const auto one_cycle = optim::one_cycle_schedule({.steps = 30});
  CHECK(one_cycle(1000) == one_cycle(29));
}

TEST_CASE("schedules refuse what makes no sense") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto one_cycle = [](const optim::OneCycleScheduleOptions& options) {
    return [=] { optim::one_cycle_schedule(options); };
  };
  const std::vector<BadCall> bad_calls = {
      throws<ValueError>([] { optim::step_schedule({.every = 0}); },
                         "step_schedule: expected a positive every, got 0"),
      throws<ValueError>([=] { optim::step_schedule({.factor = nan}); },
                         "step_schedule: expected a factor of 0 or more, got nan"),
      throws<ValueError>([] { optim::cosine_schedule({}); },
                         "cosine_schedule: expected positive steps, got 0"),
      throws<ValueError>([] { optim::cosine_schedule({.steps = 1, .minimum = -1}); },
                         "cosine_schedule: expected a minimum of 0 or more, got -1"),
      throws<ValueError>(one_cycle({.steps = 3}),
                         "one_cycle_schedule: expected more than one rising step and a share below "
                         "1, got a share of 0.3 of 3 steps"),
      throws<ValueError>(one_cycle({.steps = 10, .warm_up_share = 1}),
                         "one_cycle_schedule: expected more than one rising step and a share below "
                         "1, got a share of 1 of 10 steps"),
      throws<ValueError>(one_cycle({.steps = 10, .initial_divisor = 0}),
                         "one_cycle_schedule: expected positive divisors, got 0 and 10000"),
      throws<ValueError>(one_cycle({.steps = 10, .final_divisor = nan}),
                         "one_cycle_schedule: expected positive divisors, got 25 and nan"),
      throws<ValueError>([] { optim::warm_up({.steps = 0}); },
                         "warm_up: expected positive steps, got 0"),
      throws<ValueError>([] { optim::warm_up({.start = -1}); },
                         "warm_up: expected a start of 0 or more, got -1"),
      throws<ValueError>([] { optim::piecewise_linear_schedule({}); },
                         "piecewise_linear_schedule: expected at least one knot, got none"),
      throws<ValueError>(
          [] {
            optim::piecewise_linear_schedule({{3, 1}, {3, 0}});
          },
          "piecewise_linear_schedule: expected rising steps, got 3 after 3"),
      throws<ValueError>(
          [] {
            optim::piecewise_linear_schedule({{0, -1}});
          },
          "piecewise_linear_schedule: expected a factor of 0 or more, got -1"),
      throws<ValueError>([] { optim::per_epoch(optim::constant_schedule(), 0); },
                         "per_epoch: expected positive batches, got 0")};
  for (const auto& bad : bad_calls) {
    CHECK(bad.outcome() == bad.message);
  }
}
