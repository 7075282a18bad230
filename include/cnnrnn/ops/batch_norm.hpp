#pragma once

#include <cmath>
#include <type_traits>

#include "cnnrnn/autograd/variable.hpp"
#include "cnnrnn/kernels/loops.hpp"
#include "cnnrnn/kernels/norm.hpp"
#include "cnnrnn/kernels/pointwise.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Options of batch_norm and of the ops that include it.
struct BatchNormalization {
  bool training = true;                      ///< statistics of this batch, else the running ones
  double epsilon = 1e-5;                     ///< added to the variance
  double momentum = 0.1;                     ///< weight of this batch in the running statistics
  bool relu = false;                         ///< short for Activation::relu
  Activation activation = Activation::none;  ///< behind all
};

/// Running mean and (unbiased) variance (C) of a batch norm; undefined when nobody tracks them.
template <class T>
struct RunningStatistics {
  Tensor<Accumulator<T>> mean;      ///< (C)
  Tensor<Accumulator<T>> variance;  ///< (C)
};

/// Mean and biased variance (C) of a batch, found by whoever made it; undefined when nobody did.
template <class T>
struct BatchStatistics {
  Tensor<Accumulator<T>> mean;      ///< (C)
  Tensor<Accumulator<T>> variance;  ///< (C)
};

/// The sums of a batch norm's backward pass: of dy and of dy times the normalised x (C).
template <class T>
struct BatchNormGradients {
  Tensor<Accumulator<T>> dgamma;  ///< of dy times the normalised x
  Tensor<Accumulator<T>> dbeta;   ///< of dy
};

/// While it lives, batch norms in training on this thread normalise a shard of a batch with the
/// statistics of the whole batch, which it brings together; also in the backward pass.
template <class T>
class CNNRNN_SHARED SharedStatistics {
 public:
  SharedStatistics() : before_(current()) { current() = this; }
  virtual ~SharedStatistics() { current() = before_; }
  SharedStatistics(const SharedStatistics&) = delete;
  SharedStatistics& operator=(const SharedStatistics&) = delete;

  /// How many equal shards the batch has.
  virtual Index shards() const = 0;

  /// The statistics of the batch, from those of this shard.
  virtual BatchStatistics<T> combine(const BatchStatistics<T>& shard) = 0;

  /// The sums over the batch, from those over this shard.
  virtual BatchNormGradients<T> combine(const BatchNormGradients<T>& shard) = 0;

  /// That of this thread; nullptr if there is none.
  static SharedStatistics*& current() {
    thread_local SharedStatistics* shared = nullptr;
    return shared;
  }

 private:
  SharedStatistics* before_;
};

namespace detail {

template <class T>
void check_batch_norm(const char* name, const Variable<T>& x, const Variable<T>& gamma,
                      const Variable<T>& beta, const RunningStatistics<T>& running,
                      const BatchNormalization& options, const BatchStatistics<T>& batch) {
  require<ShapeError>(x.rank() >= 2, name, ": expected x (N, ..., C), got ", x.shape());
  const Shape channels{x.dim(-1)};
  const auto fits = [&](const auto& part, const char* what) {
    require<ShapeError>(!part.defined() || part.shape() == channels, name, ": expected ", what,
                        " of shape ", channels, ", got ", part.shape());
  };
  fits(gamma, "a weight");
  fits(beta, "a bias");
  fits(running.mean, "a running mean");
  fits(running.variance, "a running variance");
  fits(batch.mean, "a batch mean");
  fits(batch.variance, "a batch variance");
  require<ValueError>(batch.mean.defined() == batch.variance.defined(), name,
                      ": expected mean and variance of the batch, or neither, got one");
  const auto* const shared = SharedStatistics<T>::current();
  require<ShapeError>(!options.training || x.value().size() > x.dim(-1) ||
                          (shared != nullptr && shared->shards() > 1),
                      name, ": expected more than one value per channel in training, got ",
                      x.shape());
  require<ValueError>(!options.relu || options.activation == Activation::none, name,
                      ": expected relu or another activation, got both");
  require<ValueError>(options.training || (running.mean.defined() && running.variance.defined()),
                      name, ": expected running statistics outside training, got none");
}

/// running = (1 - momentum) running + momentum new
template <class T>
void move_towards(Tensor<T>& running, const Tensor<T>& now, double factor, double momentum) {
  T* const to = running.mutable_data();
  for (Index c = 0; c < running.size(); ++c) {
    to[c] = static_cast<T>((1 - momentum) * static_cast<double>(to[c]) +
                           momentum * factor * static_cast<double>(now.data()[c]));
  }
}

/// The statistics of the batch, given or found; the running ones move towards them.
template <class T>
BatchStatistics<T> training_statistics(const kernels::WideRows& d, const Tensor<T>& x,
                                       RunningStatistics<T>& running, double momentum,
                                       BatchStatistics<T> batch) {
  if (!batch.mean.defined()) {
    using A = Accumulator<T>;
    batch = {Tensor<A>({d.channels}), Tensor<A>({d.channels})};
    kernels::batch_norm_statistics(d, x.data(), batch.mean.mutable_data(),
                                   batch.variance.mutable_data());
  }
  auto rows = static_cast<double>(d.rows);
  if (auto* const shared = SharedStatistics<T>::current(); shared != nullptr) {
    batch = shared->combine(batch);
    rows *= static_cast<double>(shared->shards());
  }
  if (running.mean.defined()) {
    move_towards(running.mean, batch.mean, 1, momentum);
  }
  if (running.variance.defined()) {
    move_towards(running.variance, batch.variance, rows / (rows - 1), momentum);
  }
  return batch;
}

/// What a batch norm computes with: rows (mean, inverse, scale, shift) of C values.
template <class T>
class BatchNormChannels {
  using A = Accumulator<T>;

 public:
  BatchNormChannels(const BatchStatistics<T>& statistics, double epsilon, const Tensor<T>& gamma,
                    const Tensor<T>& beta)
      : values_({4, statistics.mean.size()}) {
    const Index channels = values_.dim(1);
    A* const to = values_.mutable_data();
    for (Index c = 0; c < channels; ++c) {
      const auto variance = static_cast<double>(statistics.variance.data()[c]);
      to[c] = statistics.mean.data()[c];
      to[channels + c] = static_cast<A>(1 / std::sqrt(variance + epsilon));
      to[2 * channels + c] = to[channels + c] * (gamma.defined() ? A(gamma.data()[c]) : A(1));
      to[3 * channels + c] = beta.defined() ? A(beta.data()[c]) : A(0);
    }
  }

  const A* mean() const { return row(0); }
  const A* inverse() const { return row(1); }
  const A* scale() const { return row(2); }
  const A* shift() const { return row(3); }
  kernels::WideAffine<A> affine(const kernels::WideRows& d) const {
    return {d, mean(), scale(), shift()};
  }

 private:
  const A* row(Index i) const { return values_.data() + i * values_.dim(1); }

  Tensor<A> values_;
};

/// What the statistics give to dx: rows (slope, offset) of C values, see batch_norm_backward_input.
template <class T>
class ThroughStatistics {
  using A = Accumulator<T>;

 public:
  explicit ThroughStatistics(Index channels) : values_(Tensor<A>::zeros({2, channels})) {}

  void set(Index channel, A slope, A offset) {
    values_.mutable_data()[channel] = slope;
    values_.mutable_data()[values_.dim(1) + channel] = offset;
  }
  const A* slope() const { return values_.data(); }
  const A* offset() const { return values_.data() + values_.dim(1); }

 private:
  Tensor<A> values_;
};

/// dgamma and dbeta (C), from one pass over x and dz.
template <class T>
class BatchNormSums {
  using A = Accumulator<T>;

 public:
  template <class Upstream>
  BatchNormSums(const kernels::WideRows& d, const T* x,
                const kernels::WideAffine<Accumulator<T>>& affine,
                const BatchNormChannels<T>& channels, const Upstream& upstream)
      : sums_{Tensor<A>({d.channels}), Tensor<A>({d.channels})} {
    kernels::batch_norm_backward_sums(d, x, affine, channels.inverse(), upstream,
                                      sums_.dbeta.mutable_data(), sums_.dgamma.mutable_data());
  }

  /// Gives them to the inputs 1 and 2 of a batch norm.
  void give(Gradients<T>& g) const {
    give(g, 1, sums_.dgamma);
    give(g, 2, sums_.dbeta);
  }

  /// Whether the inputs of a batch norm have a use for them: not where it is frozen and takes the
  /// running statistics.
  static bool wanted(const Gradients<T>& g, bool training) {
    return g.needs(1) || g.needs(2) || (training && g.needs(0));
  }

  ThroughStatistics<T> through_statistics(bool training, Index rows,
                                          const BatchNormChannels<T>& channels) const {
    ThroughStatistics<T> result(sums_.dgamma.size());
    if (!training) {
      return result;
    }
    BatchNormGradients<T> all = sums_;
    if (auto* const shared = SharedStatistics<T>::current(); shared != nullptr) {
      all = shared->combine(sums_);
      rows *= shared->shards();
    }
    for (Index c = 0; c < all.dgamma.size(); ++c) {
      const A weight = channels.scale()[c] / static_cast<A>(rows);
      result.set(c, all.dgamma.data()[c] * channels.inverse()[c] * weight,
                 all.dbeta.data()[c] * weight);
    }
    return result;
  }

 private:
  static void give(Gradients<T>& g, Index input, const Tensor<A>& sums) {
    if (g.needs(input)) {
      g.give(input, kernels::rounded<T>(sums));
    }
  }

  BatchNormGradients<T> sums_;
};

/// The gradient of y = z + residual through an activation; z is a batch norm of x. Inputs are x,
/// gamma, beta, residual.
template <class T>
struct BatchNormBackward {
  kernels::WideRows d;
  bool training;
  Activation activation;
  Saved<T> x;
  BatchNormChannels<T> channels;
  Saved<T> beside;  // for an activation behind a residual: see ResidualUpstream

  void operator()(Gradients<T>& g) const {
    const auto affine = channels.affine(d);
    kernels::with_activation<Accumulator<T>>(activation, [&]<class Function>(Function) {
      if constexpr (std::is_same_v<Function, kernels::IdentityFunction<Accumulator<T>>>) {
        const kernels::PlainUpstream<T> plain{g.dy().data()};
        g.give(residual, g.dy());
        run(g, affine, plain, plain, g.dx_over_dy(0));
      } else if (beside->defined()) {
        through_residual<Function>(g, affine);
      } else {
        through<Function>(g, affine);
      }
    });
  }

 private:
  static constexpr Index residual = 3;

  /// Through an activation of z + residual. dz is the residual's gradient: stored as such, it
  /// serves the second pass too; but not as bfloat16, which then finds dy as it was.
  template <class Function>
  void through_residual(Gradients<T>& g, const kernels::WideAffine<Accumulator<T>>& affine) const {
    using Upstream = kernels::ResidualUpstream<T, Function>;
    const T* const dy = g.dy().data();
    const auto dresidual = is_bfloat16<T> ? g.dx(residual) : g.dx_over_dy(residual);
    const Upstream storing{dy, beside->data(), dresidual};
    const bool stores = dresidual.needed();
    if (stores && !dresidual.accumulate && !is_bfloat16<T>) {
      run(g, affine, storing, kernels::PlainUpstream<T>{dresidual.data()}, g.dx_over_dy(0), stores);
    } else {
      run(g, affine, storing, Upstream{dy, beside->data(), {}}, g.dx_over_dy(0), stores);
    }
  }

  /// Through an activation and nothing else. One whose gradient takes long is computed once, and
  /// kept for the second pass where dx will be: not as bfloat16, which would round it.
  template <class Function>
  void through(Gradients<T>& g, const kernels::WideAffine<Accumulator<T>>& affine) const {
    const kernels::ActivationUpstream<T, Function> upstream{g.dy().data()};
    const auto dx = g.dx_over_dy(0);
    if constexpr (!Function::by_value && !is_bfloat16<T>) {
      if (BatchNormSums<T>::wanted(g, training) && dx.needed() && !dx.accumulate) {
        run(g, affine, kernels::StoringUpstream<T, Function>{upstream, dx.data()},
            kernels::PlainUpstream<T>{dx.data()}, dx);
        return;
      }
    }
    run(g, affine, upstream, upstream, dx);
  }

  /// One pass for the sums, unless nobody wants them and it stores nothing, and one for dx; each
  /// has its way to dz.
  template <class First, class Second>
  void run(Gradients<T>& g, const kernels::WideAffine<Accumulator<T>>& affine, const First& first,
           const Second& second, const GradientSpan<T>& dx, bool first_stores = false) const {
    ThroughStatistics<T> rest(d.channels);
    if (first_stores || BatchNormSums<T>::wanted(g, training)) {
      const BatchNormSums<T> sums(d, x->data(), affine, channels, first);
      sums.give(g);
      rest = sums.through_statistics(training, d.rows, channels);
    }
    kernels::batch_norm_backward_input(d, x->data(), affine, rest.slope(), rest.offset(), second,
                                       dx);
  }
};

/// What to normalise with; moves the running statistics.
template <class T>
BatchNormChannels<T> batch_norm_channels(const kernels::WideRows& d, const Tensor<T>& x,
                                         const Variable<T>& gamma, const Variable<T>& beta,
                                         RunningStatistics<T>& running,
                                         const BatchNormalization& options,
                                         const BatchStatistics<T>& batch) {
  const auto statistics = options.training
                              ? training_statistics(d, x, running, options.momentum, batch)
                              : BatchStatistics<T>{running.mean, running.variance};
  return {statistics, options.epsilon, gamma.value(), beta.value()};
}

/// Whether the gradient of an activation follows from its value.
template <class T>
bool found_from_value(Activation activation) {
  return kernels::with_activation<Accumulator<T>>(
      activation, [](auto function) { return decltype(function)::by_value; });
}

template <class T>
Variable<T> batch_norm(const char* name, const Variable<T>& x, const Variable<T>& residual,
                       const Variable<T>& gamma, const Variable<T>& beta,
                       RunningStatistics<T>& running, const BatchNormalization& options,
                       const BatchStatistics<T>& batch) {
  check_batch_norm(name, x, gamma, beta, running, options, batch);
  const Index size = x.dim(-1);
  const kernels::WideRows d{size > 0 ? x.value().size() / size : 0, size};
  const auto channels = batch_norm_channels(d, x.value(), gamma, beta, running, options, batch);
  const Activation activation = options.relu ? Activation::relu : options.activation;
  Tensor<T> y(x.shape());
  kernels::batch_norm_forward(d, x.value().data(), channels.affine(d), residual.value().data(),
                              activation, y.mutable_data());
  const Tensor<T> none;
  const Tensor<T>& beside = found_from_value<T>(activation) ? y : residual.value();
  return record<T>(
      name, {x, gamma, beta, residual}, y,
      BatchNormBackward<T>{
          d, options.training, activation, Saved<T>(x.value()), channels,
          Saved<T>(residual.defined() && activation != Activation::none ? beside : none)});
}

}  // namespace detail

/// Batch normalisation over the last axis, y = (x - mean) / sqrt(variance + epsilon) gamma + beta
/// (Ioffe and Szegedy 2015), through an activation if the options name one.
///
/// x (N, ..., C) -> y of the same shape; gamma and beta (C) may be undefined. In training mean and
/// biased variance are those of the batch, and the running statistics, if defined, move towards its
/// mean and unbiased variance by `momentum`; else the running ones are used. The statistics of the
/// batch are found from x unless they are given. Saves x and the statistics. Throws ShapeError,
/// also for a single value per channel in training, and ValueError when running statistics are
/// needed and undefined.
template <class T>
Variable<T> batch_norm(const Variable<T>& x, const Variable<T>& gamma, const Variable<T>& beta,
                       RunningStatistics<T> running = {}, const BatchNormalization& options = {},
                       const BatchStatistics<T>& batch = {}) {
  return detail::batch_norm<T>("batch_norm", x, {}, gamma, beta, running, options, batch);
}

/// Batch normalisation and a shortcut beside it (He et al. 2015): y = batch_norm(x) + residual,
/// through an activation if the options name one.
///
/// x and residual (N, ..., C) -> y of the same shape; the rest as in batch_norm. With an
/// activation it saves y too, or the residual if that does not tell the gradient. Throws as
/// batch_norm, and ShapeError for a residual of another shape than x.
template <class T>
Variable<T> batch_norm_add(const Variable<T>& x, const Variable<T>& residual,
                           const Variable<T>& gamma, const Variable<T>& beta,
                           RunningStatistics<T> running = {},
                           const BatchNormalization& options = {},
                           const BatchStatistics<T>& batch = {}) {
  require<ShapeError>(residual.defined() && residual.shape() == x.shape(),
                      "batch_norm_add: expected a residual of shape ", x.shape(), ", got ",
                      residual.shape());
  return detail::batch_norm("batch_norm_add", x, residual, gamma, beta, running, options, batch);
}

CNNRNN_NAMESPACE_END
