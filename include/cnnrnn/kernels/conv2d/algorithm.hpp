#pragma once

#include <algorithm>
#include <string_view>

#include "cnnrnn/core/bfloat16_pairs.hpp"
#include "cnnrnn/core/simd.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/taps_inside.hpp"
#include "cnnrnn/kernels/gemm/operands.hpp"

// Which kernel computes a convolution: the shapes alone decide, unless the options do.

CNNRNN_KERNELS_BEGIN

/// The kernels, each with a header of its name beside this one.
enum class ConvKernel {
  columns,
  depthwise,
  direct,
  few_outputs,
  in_pairs,
  pieces,
  product,
  winograd,
  winograd_1d
};

inline std::string_view name(ConvKernel kernel) {
  switch (kernel) {
    case ConvKernel::columns:
      return "columns";
    case ConvKernel::depthwise:
      return "depthwise";
    case ConvKernel::direct:
      return "direct";
    case ConvKernel::few_outputs:
      return "few_outputs";
    case ConvKernel::in_pairs:
      return "in_pairs";
    case ConvKernel::pieces:
      return "pieces";
    case ConvKernel::product:
      return "product";
    case ConvKernel::winograd:
      return "winograd";
    case ConvKernel::winograd_1d:
      return "winograd_1d";
  }
  return "";
}

/// Whether Winograd's algorithm exists for this convolution.
inline bool fits_winograd(const Conv2dDims& d) {
  return d.kernel == Size2d(3) && d.stride == Size2d(1) && d.dilation == Size2d(1);
}

/// Up to how many channels of its source Winograd's algorithm goes along the rows alone.
inline constexpr Index winograd_1d_most_channels = 6;

inline bool winograd_is_1d(Index channels, Index groups = 1) {
  return groups == 1 && channels <= winograd_1d_most_channels;
}

/// Whether Winograd's algorithm takes a convolution as a sum of terms: all but 3x3 kernels at
/// stride one.
inline bool uses_terms(const Conv2dDims& d) {
  return d.kernel != Size2d(3) || d.stride != Size2d(1);
}

/// The products that Winograd's algorithms take along an axis for four outputs: pieces of so many
/// taps as are a stride apart, three at most, take three more than they have taps. A kernel no
/// longer than its stride has single taps, which gain nothing.
inline Index products_of_pieces(Index kernel, Index stride) {
  if (kernel <= stride) {
    return 4 * kernel;
  }
  Index pieces = 0;
  for (Index phase = 0; phase < stride; ++phase) {
    pieces += ((kernel - phase + stride - 1) / stride + 2) / 3;
  }
  return kernel + 3 * pieces;
}

/// The same for 16 outputs, in a square.
inline Index products_of_pieces(const Conv2dDims& d) {
  return products_of_pieces(d.kernel.h, d.stride.h) * products_of_pieces(d.kernel.w, d.stride.w);
}

/// Whether the pieces save no more than half of the products, as those of a 3x3 kernel at stride
/// two and of a 1x7 one do: they need more channels and more tiles to pay for the transforms.
inline bool pieces_save_little(const Conv2dDims& d) {
  return 2 * products_of_pieces(d) >= 16 * d.taps();
}

/// Whether the convolution is put together from pieces of three taps along each axis at most: if
/// that takes three quarters of the products or less, and there are enough channels to pay for the
/// transforms: more where they save little, and for groups at a stride.
inline bool uses_pieces(const Conv2dDims& d) {
  const bool needs_more = pieces_save_little(d) || (d.groups > 1 && d.stride != Size2d(1));
  const bool known = (d.stride == Size2d(1) || d.dilation == Size2d(1)) &&
                     d.kernel.h >= d.stride.h && d.kernel.w >= d.stride.w;
  return known && d.algorithm != ConvAlgorithm::direct &&
         std::min(d.group_c(), d.group_o()) >= (needs_more ? 32 : 16) &&
         4 * products_of_pieces(d) <= 3 * (16 * d.taps());
}

/// Whether their transformed weights are so many that it takes many images to pay for reading them,
/// as they do not stay in a cache: unless the pieces save most of the products.
template <class T>
bool has_many_weights_for_pieces(const Conv2dDims& d) {
  constexpr Index cached = (12 << 20) / static_cast<Index>(sizeof(T));
  return products_of_pieces(d) * d.group_c() * d.o > cached &&
         5 * products_of_pieces(d) > 2 * (16 * d.taps());
}

/// Whether Winograd's algorithm can be asked for.
inline bool has_winograd(const Conv2dDims& d) { return fits_winograd(d) || uses_pieces(d); }

/// Whether pieces were asked for, or take less time than the direct algorithm from `channels` to
/// `outputs` channels of a group, though their tiles reach beyond the image, and images, outputs
/// and weights are transformed for them: by multiply-adds for each channel and output, or what
/// takes as long, as `per_weight` for each of the weights.
template <class T>
bool pieces_pay(const Conv2dDims& d, Index channels, Index outputs, double per_weight) {
  constexpr double per_value = 10;
  constexpr double direct_is_slower = 1.15;
  const auto tiles = [](Index pixels, Index dilation) {
    Index sum = 0;
    for (Index phase = 0; phase < std::min(dilation, pixels); ++phase) {
      sum += ((pixels - phase + dilation - 1) / dilation + 3) / 4;
    }
    return sum;
  };
  const auto of_products = static_cast<double>(products_of_pieces(d));
  const auto all_tiles =
      static_cast<double>(d.n * tiles(d.oh(), d.dilation.h) * tiles(d.ow(), d.dilation.w));
  const double lanes =
      static_cast<double>(round_up(outputs, Packet<T>::width)) / static_cast<double>(outputs);
  const double values =
      per_value / static_cast<double>(channels) + per_value / static_cast<double>(outputs);
  const double pieces = of_products * (all_tiles * (lanes + values) + per_weight);
  const double direct =
      static_cast<double>(d.n * d.oh() * d.ow() * d.taps()) * share_inside(d) * lanes;
  return d.algorithm == ConvAlgorithm::winograd || pieces < direct_is_slower * direct;
}

/// Whether the convolution is a product of matrices: no two of its windows share a pixel.
inline bool is_product(const Conv2dDims& d) {
  const auto apart = [](Index kernel, Index stride, Index dilation) {
    return kernel == 1 || (dilation == 1 && kernel <= stride);
  };
  return apart(d.kernel.h, d.stride.h, d.dilation.h) &&
         apart(d.kernel.w, d.stride.w, d.dilation.w) && d.padding == Size2d(0) && d.groups == 1;
}

/// Whether the windows of a product fill the image.
inline bool windows_fill(const Conv2dDims& d) {
  return d.kernel == d.stride && d.oh() * d.stride.h == d.h && d.ow() * d.stride.w == d.w;
}

/// Whether x is the matrix of the windows as it is.
inline bool windows_are_rows(const Conv2dDims& d) { return windows_fill(d) && d.kernel.h == 1; }

/// Whether y is a product whose windows are brought together first. The direct algorithm reads them
/// where they lie, but reads all weights for each band: so many had better be used for more pixels.
template <class T>
bool gathers_windows(const Conv2dDims& d) {
  constexpr Index cached = (512 << 10) / static_cast<Index>(sizeof(T));
  return is_product(d) && !windows_are_rows(d) && d.taps() * d.c * d.o > cached;
}

/// Whether the groups are so narrow that a packet of outputs holds two of them or more: each by
/// itself would leave most of a register tile empty.
template <class T>
bool is_depthwise(const Conv2dDims& d) {
  const Index widest = std::max(d.group_c(), d.group_o());
  return d.groups > 1 && (widest == 1 || 2 * widest <= Packet<T>::width);
}

/// Whether Winograd's algorithm takes pairs of groups as one, with zeros between them: those of
/// half a packet, which would leave the other half empty.
template <class T>
bool pairs_groups(const Conv2dDims& d) {
  constexpr Index least = 8;
  return d.groups > 1 && d.groups % 2 == 0 && d.group_c() == d.group_o() && d.group_c() >= least &&
         2 * d.group_c() == Packet<T>::width;
}

/// Whether Winograd's algorithm is the one to use. Without groups that is wherever it exists, since
/// in the worst cases measured it is a fifth slower (see docs/performance.md); groups must have
/// enough channels on both sides to pay for the transforms.
template <class T>
bool uses_winograd(const Conv2dDims& d) {
  constexpr Index least_of_group = 8;
  const bool pays = std::min(d.group_c(), d.group_o()) >= least_of_group && !is_depthwise<T>(d);
  const bool chosen = d.groups == 1 || pays || pairs_groups<T>(d);
  return fits_winograd(d) && (d.algorithm == ConvAlgorithm::winograd ||
                              (d.algorithm == ConvAlgorithm::automatic && chosen));
}

/// How many parts of a band share a packet in the direct algorithm: of convolutions of few channels
/// to outputs that fill half a packet or less.
template <class T>
Index parts_of_packet(const Conv2dDims& d) {
  constexpr Index most_channels = 3;
  constexpr Index width = Packet<T>::width;
  const bool few = d.groups == 1 && d.c <= most_channels;
  return few && 4 * d.o <= width ? 4 : few && 2 * d.o <= width ? 2 : 1;
}

// Cycles that a pixel takes, roughly: to choose between algorithms for few channels or outputs.

/// By scalar products, a packet of what the window reads at a time, whose lanes are summed.
template <class T>
double cycles_of_dots(const Conv2dDims& d, Index channels, Index outputs) {
  const bool dense = d.dilation.w == 1;
  const Index runs = d.kernel.h * (dense ? 1 : d.kernel.w);
  const Index length = (dense ? d.kernel.w : 1) * channels;
  const Index packets = runs * ((length + Packet<T>::width - 1) / Packet<T>::width);
  constexpr double per_sum = 5;
  return static_cast<double>(outputs) * (static_cast<double>(packets) / 1.3 + per_sum);
}

/// By packets of outputs.
template <class T>
double cycles_of_direct(const Conv2dDims& d, Index channels, Index outputs) {
  const Index packets = (outputs + Packet<T>::width - 1) / Packet<T>::width;
  constexpr double per_pixel = 8;
  return static_cast<double>(d.taps() * channels * packets) / 1.7 + per_pixel;
}

/// By columns, that is products of which each is added to a pixel.
template <class T>
double cycles_of_columns(const Conv2dDims& d, Index channels, Index outputs) {
  const Index packets = (d.taps() * outputs + Packet<T>::width - 1) / Packet<T>::width;
  constexpr double per_packet = 20;
  return static_cast<double>(packets) * (static_cast<double>(channels) / 1.6 + per_packet);
}

/// Whether a convolution of `channels` to `outputs` channels makes so few of them, of so many, that
/// packets had better hold channels: if of the direct algorithm, `parts` parts share a packet.
/// Winograd's algorithm is the better one from three outputs on.
template <class T>
bool has_few_outputs(const Conv2dDims& d, Index channels, Index outputs, Index parts = 1) {
  if (d.groups != 1 || d.algorithm == ConvAlgorithm::winograd || Packet<T>::width == 1) {
    return false;
  }
  constexpr Index least_channels = 4;
  return fits_winograd(d)
             ? outputs <= 2 && 2 * outputs <= channels && channels >= least_channels
             : 2 * outputs <= Packet<T>::width &&
                   cycles_of_dots<T>(d, channels, outputs) <
                       cycles_of_direct<T>(d, channels, outputs) / static_cast<double>(parts);
}

/// Whether an input gradient goes through columns: at a stride without groups, else where that
/// takes less time.
template <class T>
bool uses_columns(const Conv2dDims& d) {
  if (d.stride != Size2d(1)) {
    return d.groups == 1;
  }
  const double columns = cycles_of_columns<T>(d, d.group_o(), d.group_c());
  return columns < cycles_of_direct<T>(d, d.group_o(), d.group_c()) &&
         (!has_few_outputs<T>(d, d.o, d.c) || columns < cycles_of_dots<T>(d, d.o, d.c));
}

/// The kernel of y.
template <class T>
ConvKernel forward_kernel(const Conv2dDims& d) {
  if (has_few_outputs<T>(d, d.c, d.o, parts_of_packet<T>(d))) {
    return ConvKernel::few_outputs;
  }
  if (uses_winograd<T>(d)) {
    return winograd_is_1d(d.c, d.groups) ? ConvKernel::winograd_1d : ConvKernel::winograd;
  }
  constexpr double half_of_weights = 6;  // they are often packed before
  const bool pieces = uses_pieces(d) && !has_many_weights_for_pieces<T>(d) &&
                      pieces_pay<T>(d, d.group_c(), d.group_o(), half_of_weights);
  const bool product = gathers_windows<T>(d) || (is_product(d) && windows_are_rows(d));
  return product              ? ConvKernel::product
         : is_depthwise<T>(d) ? ConvKernel::depthwise
         : pieces             ? ConvKernel::pieces
                              : ConvKernel::direct;
}

/// Whether there are no more than `most_tiles` tiles of 4 x 4 outputs, and more than `most`
/// weights: transformed, these grow several times as large.
inline bool has_few_tiles_for_weights(const Conv2dDims& d, Index most_tiles, Index most) {
  const auto tiles = [](Index pixels) { return (pixels + 3) / 4; };
  return d.n * tiles(d.oh()) * tiles(d.ow()) <= most_tiles && d.taps() * d.group_c() * d.o > most;
}

/// Whether there are so few tiles that a gradient is not put together from pieces, whose weights
/// are transformed for it alone.
inline bool has_few_tiles_for_pieces(const Conv2dDims& d, Index most_tiles, Index most) {
  return has_few_tiles_for_weights(d, most_tiles, most) ||
         (pieces_save_little(d) && has_few_tiles_for_weights(d, 32, 0));
}

/// Whether channels leave at most an eighth of their packets empty.
template <class T>
bool fill_packets(Index channels) {
  return 8 * channels >= 7 * round_up(channels, Packet<T>::width);
}

/// Whether a gradient is put together from pieces: not that of groups at a stride, nor one that
/// pieces save little of, if part of it is lost in packets that are not full. It is that of
/// `outputs` channels of a group by way of `channels`.
template <class T>
bool gradient_uses_pieces(const Conv2dDims& d, Index channels, Index outputs, Index few_tiles,
                          Index many_weights) {
  constexpr double all_weights = 12;
  const bool full = fill_packets<T>(d.group_c()) && fill_packets<T>(d.group_o());
  return uses_pieces(d) && !(d.groups > 1 && d.stride != Size2d(1)) &&
         (full || !pieces_save_little(d)) && pieces_pay<T>(d, channels, outputs, all_weights) &&
         !has_few_tiles_for_pieces(d, few_tiles, many_weights);
}

/// The kernel of the gradient of the input.
template <class T>
ConvKernel backward_input_kernel(const Conv2dDims& d) {
  if (d.stride == Size2d(1) && has_few_outputs<T>(d, d.o, d.c) &&
      (fits_winograd(d) || is_product(d) || !uses_columns<T>(d))) {
    return ConvKernel::few_outputs;
  }
  if (uses_winograd<T>(d)) {
    return winograd_is_1d(d.o, d.groups) ? ConvKernel::winograd_1d : ConvKernel::winograd;
  }
  if (is_product(d)) {
    return ConvKernel::product;
  }
  if (is_depthwise<T>(d)) {
    return ConvKernel::depthwise;
  }
  return gradient_uses_pieces<T>(d, d.group_o(), d.group_c(), 24, 1 << 18) ? ConvKernel::pieces
         : uses_columns<T>(d)                                              ? ConvKernel::columns
                                                                           : ConvKernel::direct;
}

/// The kernel of the gradient of the weight.
template <class T>
ConvKernel backward_weight_kernel(const Conv2dDims& d) {
  const ConvKernel kernel = forward_kernel<T>(d);
  if (is_product(d)) {
    const bool in_one_packet = d.taps() * d.c <= Packet<T>::width;
    return kernel == ConvKernel::few_outputs && in_one_packet ? kernel : ConvKernel::product;
  }
  if (kernel == ConvKernel::winograd) {
    const bool few = has_few_tiles_for_weights(d, 8, 1 << 18);
    return few && d.algorithm != ConvAlgorithm::winograd ? ConvKernel::direct : kernel;
  }
  if (kernel == ConvKernel::pieces || kernel == ConvKernel::direct) {
    return gradient_uses_pieces<T>(d, d.group_c(), d.group_o(), 48, 1 << 16) ? ConvKernel::pieces
                                                                             : ConvKernel::direct;
  }
  return kernel;
}

// Convolutions of bfloat16 are made of products of pairs, which take half the time of those of
// float, or by the kernels above, which are float inside. Where the machine has no products of
// pairs, always by these.

/// Whether the algorithm of a kernel takes so few products, of those of the definition, that they
/// are faster in float than all are in pairs: three eighths. Tiles at the rim count whole.
inline bool saves_enough_products(const Conv2dDims& d, ConvKernel kernel) {
  if (kernel == ConvKernel::pieces) {
    return 8 * products_of_pieces(d) <= 3 * (16 * d.taps());
  }
  const auto tiles = [](Index pixels) { return (pixels + 3) / 4; };
  return kernel == ConvKernel::winograd &&
         8 * (36 * tiles(d.oh()) * tiles(d.ow())) <= 3 * (d.taps() * d.oh() * d.ow()) &&
         !has_few_tiles_for_weights(d, 8, 1 << 16);
}

/// Whether a direction that `kernel` would make in float, with so many channels of the result, is
/// made of products of pairs instead: not if most of a packet would be empty. Groups have an even
/// number of channels.
inline bool uses_pairs(const Conv2dDims& d, ConvKernel kernel, Index columns) {
  constexpr Index least_columns = 8;
  const bool even = d.group_c() % 2 == 0 && d.group_o() % 2 == 0;
  return has_pair_products && (d.groups == 1 || even) && columns >= least_columns &&
         d.algorithm != ConvAlgorithm::winograd && kernel != ConvKernel::depthwise &&
         kernel != ConvKernel::few_outputs && !saves_enough_products(d, kernel);
}

/// Whether a kernel of float reads and writes bfloat16 as it is: Winograd's for 3x3 kernels at
/// stride one. For the others all that they read is turned into float before.
inline bool reads_bfloat16(const Conv2dDims& d, ConvKernel kernel) {
  return kernel == ConvKernel::winograd && fits_winograd(d) && !pairs_groups<float>(d);
}

/// The kernel of y, of bfloat16.
template <class T>
requires is_bfloat16<T> ConvKernel forward_kernel(const Conv2dDims& d) {
  const ConvKernel kernel = forward_kernel<float>(d);
  const bool copies_windows = is_product(d) && d.taps() > 1 && d.c % 2 != 0;
  return uses_pairs(d, kernel, d.group_o()) && !copies_windows ? ConvKernel::in_pairs : kernel;
}

/// The kernel of the gradient of the input.
template <class T>
requires is_bfloat16<T> ConvKernel backward_input_kernel(const Conv2dDims& d) {
  const ConvKernel kernel = backward_input_kernel<float>(d);
  return uses_pairs(d, kernel, d.group_c()) ? ConvKernel::in_pairs : kernel;
}

/// The kernel of the gradient of the weight: few channels would have to be copied for each tap.
template <class T>
requires is_bfloat16<T> ConvKernel backward_weight_kernel(const Conv2dDims& d) {
  constexpr Index least_channels = 16;
  const ConvKernel kernel = backward_weight_kernel<float>(d);
  return uses_pairs(d, kernel, d.group_o()) && d.group_c() >= least_channels ? ConvKernel::in_pairs
                                                                             : kernel;
}

CNNRNN_KERNELS_END
