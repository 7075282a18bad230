#pragma once

#include <algorithm>

#include "cnnrnn/core/scratch.hpp"
#include "cnnrnn/kernels/conv2d/winograd/kernels.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/convolution.hpp"
#include "cnnrnn/kernels/conv2d/winograd/terms/transform.hpp"

CNNRNN_KERNELS_BEGIN

namespace detail {

/// As those of WinogradTiles, in the order in which winograd_products reads them:
///
///   U (points, groups of channels, terms of the point, channels of the group, columns)
template <class T>
void winograd_weights_of_chunk(const WinogradTerms& d, const WinogradKernels<T>& kernels, Index n0,
                               Index columns, Index step, Index k0, Index count, T* to,
                               Index u_first, Index u_channels) {
  constexpr Index width = Packet<T>::width;
  const Index taps = d.kernel.area();
  const Index all_points = d.all_points();
  const Index kernel_row = d.kernel.w * width;
  const Index packets = (columns + width - 1) / width;
  const ThreadScratch<T> scratch((count * packets * taps + all_points * count * step / width) *
                                 width);
  T* const w = scratch.data();
  T* const u = w + count * packets * taps * width;
  for (Index k = 0; k < count; ++k) {
    for (Index packet = 0; packet < packets; ++packet) {
      const Index n = packet * width;
      kernels.read(taps, n0 + n, std::min(width, columns - n), k0 + k,
                   w + (k * packets + packet) * taps * width);
    }
  }
  T* of_term = u;
  for (const WinogradTerm& term : d.terms) {
    const auto transform = WinogradTransform<T>::template of<WinogradWeight>(term.taps);
    for (Index k = 0; k < count; ++k) {
      for (Index packet = 0; packet < packets; ++packet) {
        transform(w + (k * packets + packet) * taps * width + term.tap.h * kernel_row +
                      term.tap.w * width,
                  term.tap_step.h * kernel_row, term.tap_step.w * width,
                  of_term + k * step + packet * width, term.size().w * count * step, count * step);
      }
    }
    of_term += term.points() * count * step;
  }
  const Size2d size = winograd_points(d.most);
  const Index group = u_first / winograd_channels * winograd_channels;
  const Index group_channels = std::min(winograd_channels, u_channels - group);
  for (Index point = 0; point < size.area(); ++point) {
    Index terms = 0;
    const auto copy = [&](const WinogradTerm&, Index source) {
      // Behind what all terms of the point have of the groups before.
      std::copy_n(u + source * count * step, count * step,
                  to + (terms * group_channels + u_first - group) * step);
      ++terms;
    };
    to += d.terms_of_point(point / size.w, point % size.w) * group * step;
    d.for_terms_of_point(point / size.w, point % size.w, copy);
    to += terms * (u_channels - group) * step;
  }
}

}  // namespace detail

CNNRNN_KERNELS_END
