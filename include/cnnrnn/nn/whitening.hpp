#pragma once

#include <algorithm>
#include <cmath>

#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/symmetric_eigen.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn::init {

namespace detail {

/// The elements of a patch in the order of a filter (C, KH, KW).
struct PatchReader {
  Index h, w, c, kh, kw;

  Index size() const { return c * kh * kw; }

  template <class T>
  void read(const T* image, Index row, Index column, double* patch) const {
    for (Index channel = 0; channel < c; ++channel) {
      for (Index i = 0; i < kh; ++i) {
        const T* from = image + ((row + i) * w + column) * c + channel;
        for (Index j = 0; j < kw; ++j, from += c) {
          *patch++ = static_cast<double>(*from);
        }
      }
    }
  }
};

/// sum (K, K) += patch patch^T over all patches of an image, its lower half.
template <class T>
void add_patch_products(const PatchReader& d, const T* image, double* patch, double* sum) {
  const Index size = d.size();
  for (Index row = 0; row + d.kh <= d.h; ++row) {
    for (Index column = 0; column + d.kw <= d.w; ++column) {
      d.read(image, row, column, patch);
      for (Index i = 0; i < size; ++i) {
        for (Index j = 0; j <= i; ++j) {
          sum[i * size + j] += patch[i] * patch[j];
        }
      }
    }
  }
}

/// The mean of patch patch^T (K, K), its lower half, over all patches of images (N, H, W, C).
/// Blocks of images are added in order, so that the bits do not depend on the number of threads.
template <class T>
Tensor<double> mean_patch_product(const Tensor<T>& images, const PatchReader& d) {
  constexpr Index block = 64;
  const Index count = images.dim(0);
  const Index size = d.size();
  auto parts = Tensor<double>::zeros({(count + block - 1) / block, size, size});
  double* const to = parts.mutable_data();
  parallel_for(count, block, [&](Index begin, Index end) {
    Tensor<double> patch({size});
    for (Index image = begin; image < end; ++image) {
      add_patch_products(d, images.data() + image * d.h * d.w * d.c, patch.mutable_data(),
                         to + begin / block * size * size);
    }
  });
  auto mean = Tensor<double>::zeros({size, size});
  const auto patches = static_cast<double>(count * (d.h - d.kh + 1) * (d.w - d.kw + 1));
  for (Index i = 0; i < parts.size(); ++i) {
    mean.mutable_data()[i % mean.size()] += parts.data()[i] / patches;
  }
  return mean;
}

}  // namespace detail

/// Options of whitening.
struct WhiteningOptions {
  double epsilon = 5e-4;  ///< added to the eigenvalues, so that noise is not blown up
};

/// Filters that make the patches of images white, as the first layer of recent CIFAR-10 recipes
/// (Jordan 2024) has them: v / sqrt(lambda + epsilon) for the eigenvectors v of the mean product of
/// a patch with itself, the largest eigenvalue lambda first, and then their negatives.
///
/// weight (O, C, KH, KW) of an even O up to 2 C KH KW; images (N, H, W, C), normalised as in
/// training: some thousands are enough. Opt-in, see symmetric_eigen. Throws ShapeError, and
/// ValueError unless epsilon is positive.
///
///   nn::init::whitening(convolution.weight().mutable_value(), images);
///   convolution.weight().set_requires_grad(false);
template <class T>
void whitening(Tensor<T>& weight, const Tensor<T>& images, const WhiteningOptions& options = {}) {
  require<ShapeError>(weight.rank() == 4 && weight.size() > 0 && weight.dim(0) % 2 == 0 &&
                          weight.dim(0) <= 2 * weight.size() / weight.dim(0),
                      "whitening: expected a weight (O, C, KH, KW) of an even O up to 2 C KH KW, "
                      "got ",
                      weight.shape());
  require<ShapeError>(images.rank() == 4 && images.dim(0) > 0 && images.dim(3) == weight.dim(1) &&
                          images.dim(1) >= weight.dim(2) && images.dim(2) >= weight.dim(3),
                      "whitening: expected images (N, H, W, C) for a weight ", weight.shape(),
                      ", got ", images.shape());
  require<ValueError>(options.epsilon > 0 && std::isfinite(options.epsilon),
                      "whitening: expected a positive epsilon, got ", options.epsilon);
  const detail::PatchReader d{images.dim(1), images.dim(2), images.dim(3), weight.dim(2),
                              weight.dim(3)};
  const auto eigen = symmetric_eigen(detail::mean_patch_product(images, d));
  const Index half = weight.dim(0) / 2;
  T* const to = weight.mutable_data();
  for (Index k = 0; k < half; ++k) {
    const double scale = 1 / std::sqrt(std::max(eigen.values(k), 0.0) + options.epsilon);
    for (Index i = 0; i < d.size(); ++i) {
      const auto value = static_cast<T>(scale * eigen.vectors(k, i));
      to[k * d.size() + i] = value;
      to[(half + k) * d.size() + i] = static_cast<T>(-value);
    }
  }
}

}  // namespace nn::init
CNNRNN_NAMESPACE_END
