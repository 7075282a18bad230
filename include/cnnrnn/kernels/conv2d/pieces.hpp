#pragma once

#include <algorithm>

#include "cnnrnn/core/gradient.hpp"
#include "cnnrnn/core/parallel.hpp"
#include "cnnrnn/core/tensor.hpp"
#include "cnnrnn/kernels/conv2d/dims.hpp"
#include "cnnrnn/kernels/conv2d/output.hpp"
#include "cnnrnn/kernels/conv2d/pieces/space_to_batch.hpp"
#include "cnnrnn/kernels/conv2d/winograd.hpp"

// Convolutions at stride one that are put together from 3x3 ones, for Winograd's algorithm: a
// larger kernel is a sum of 3x3 pieces, each of which reads the image 3 a rows and 3 b columns
// further on, with zeros behind the last tap; a dilated convolution is one without dilation of
// images that hold every DH-th row and DW-th column.

CNNRNN_KERNELS_BEGIN

namespace detail {

/// The pieces of a kernel, row by row.
struct KernelPieces {
  static constexpr Index side = Winograd::kernel;

  explicit KernelPieces(const Size2d& kernel)
      : rows((kernel.h + side - 1) / side), columns((kernel.w + side - 1) / side) {}

  Index rows, columns;

  Index count() const { return rows * columns; }
  /// The first tap of a piece.
  Size2d first(Index piece) const { return {piece / columns * side, piece % columns * side}; }
};

/// The weights (O, C / groups, 3, 3) of a piece.
template <class T>
Tensor<T> weights_of_piece(const Conv2dDims& d, const T* weight, const Size2d& first) {
  constexpr Index side = KernelPieces::side;
  auto piece = Tensor<T>::zeros({d.o * d.group_c(), side, side});
  T* const to = piece.mutable_data();
  for (Index kernel = 0; kernel < d.o * d.group_c(); ++kernel) {
    for (Index i = 0; i < std::min(side, d.kernel.h - first.h); ++i) {
      for (Index j = 0; j < std::min(side, d.kernel.w - first.w); ++j) {
        to[(kernel * side + i) * side + j] =
            weight[(kernel * d.kernel.h + first.h + i) * d.kernel.w + first.w + j];
      }
    }
  }
  return piece;
}

/// The 3x3 convolution of a piece: the same result, of an image seen from further on.
inline Conv2dDims dims_of_piece(const Conv2dDims& d, const Size2d& first) {
  Conv2dDims piece = d;
  piece.kernel = KernelPieces::side;
  piece.padding = {d.padding.h - first.h, d.padding.w - first.w};
  return piece;
}

/// The tiles of a piece, whose result is that of the whole convolution.
inline WinogradTiles forward_tiles_of_piece(const Conv2dDims& d, const Size2d& first) {
  WinogradTiles tiles = forward_tiles(d);
  tiles.padding = dims_of_piece(d, first).padding;
  return tiles;
}
inline WinogradTiles backward_tiles_of_piece(const Conv2dDims& d, const Size2d& first) {
  WinogradTiles tiles = backward_tiles(d);
  const Size2d padding = dims_of_piece(d, first).padding;
  tiles.padding = {2 - padding.h, 2 - padding.w};
  return tiles;
}

/// Adds up the pieces: calls convolve(piece, output) for each with what becomes of it. What comes
/// first, as a bias, goes to the first piece, what comes last, as a ReLU, to the last one.
template <class T, class Convolve>
void add_pieces(Index pieces, const ConvOutput<T>& whole, const Convolve& convolve) {
  for (Index piece = 0; piece < pieces; ++piece) {
    ConvOutput<T> part{whole.data, whole.channels, whole.accumulate || piece > 0};
    part.bias = piece == 0 ? whole.bias : nullptr;
    if (piece + 1 == pieces) {
      part.residual = whole.residual;
      part.activation = whole.activation;
      part.moments = whole.moments;
    }
    convolve(piece, part);
  }
}

/// The weights of all pieces (pieces, U), transformed.
template <class T>
Tensor<T> undilated_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  const KernelPieces pieces(d.kernel);
  const auto transformed = [&](const T* kernels) {
    return winograd_weights<T>(d.group_o(), d.group_c(),
                               winograd_kernels(dims_of_piece(d, {0, 0}), kernels, scale));
  };
  if (d.kernel == Size2d(KernelPieces::side)) {  // the one piece is the kernel
    const auto u = transformed(weight);
    return u.reshape({1, u.size()});
  }
  Tensor<T> packed;
  for (Index piece = 0; piece < pieces.count(); ++piece) {
    const auto part = weights_of_piece(d, weight, pieces.first(piece));
    const auto u = transformed(part.data());
    if (!packed.defined()) {
      packed = Tensor<T>({pieces.count(), u.size()});
    }
    std::copy_n(u.data(), u.size(), packed.mutable_data() + piece * u.size());
  }
  return packed;
}

template <class T>
void undilated_convolve(const Conv2dDims& d, const T* x, const Tensor<T>& packed,
                        const ConvOutput<T>& y) {
  const KernelPieces pieces(d.kernel);
  add_pieces(pieces.count(), y, [&](Index piece, const ConvOutput<T>& part) {
    winograd_convolve(forward_tiles_of_piece(d, pieces.first(piece)), x,
                      packed.data() + piece * packed.dim(1), part);
  });
}

template <class T>
void undilated_backward_input(const Conv2dDims& d, const T* weight, const T* dy,
                              GradientSpan<T> dx) {
  const KernelPieces pieces(d.kernel);
  const ConvOutput<T> whole{dx.data(), d.c, dx.accumulate};
  add_pieces(pieces.count(), whole, [&](Index piece, const ConvOutput<T>& part) {
    const auto w = weights_of_piece(d, weight, pieces.first(piece));
    const auto u = winograd_weights<T>(d.group_c(), d.group_o(),
                                       winograd_turned_kernels(dims_of_piece(d, {0, 0}), w.data()));
    winograd_convolve(backward_tiles_of_piece(d, pieces.first(piece)), dy, u.data(), part);
  });
}

template <class T>
void undilated_backward_weight(const Conv2dDims& d, const T* x, const T* dy,
                               GradientSpan<T> dweight) {
  const KernelPieces pieces(d.kernel);
  constexpr Index side = KernelPieces::side;
  Tensor<T> part({d.o * d.group_c(), side, side});
  for (Index piece = 0; piece < pieces.count(); ++piece) {
    const Size2d first = pieces.first(piece);
    winograd_backward_weight(forward_tiles_of_piece(d, first), x, dy,
                             GradientSpan<T>{part.mutable_span()});
    for (Index kernel = 0; kernel < d.o * d.group_c(); ++kernel) {
      for (Index i = 0; i < std::min(side, d.kernel.h - first.h); ++i) {
        for (Index j = 0; j < std::min(side, d.kernel.w - first.w); ++j) {
          dweight.put((kernel * d.kernel.h + first.h + i) * d.kernel.w + first.w + j,
                      part.data()[(kernel * side + i) * side + j]);
        }
      }
    }
  }
}

/// Rows of y that a job puts together from the batch.
template <class T>
Index rows_from_batch(const Conv2dDims& d) {
  constexpr Index elements = (1 << 16) / static_cast<Index>(sizeof(T));
  return std::max<Index>(1, elements / std::max<Index>(1, d.ow() * d.o));
}

}  // namespace detail

/// How many blocks the output of pieces_convolve has.
template <class T>
Index pieces_blocks(const Conv2dDims& d) {
  if (d.dilation == Size2d(1)) {
    return winograd_blocks<T>(detail::forward_tiles_of_piece(d, {0, 0}));
  }
  const Index rows = detail::rows_from_batch<T>(d);
  return (d.n * d.oh() + rows - 1) / rows;
}

/// The weights as pieces_convolve reads them, those of each output times its scale unless that is
/// null.
template <class T>
Tensor<T> pieces_weights(const Conv2dDims& d, const T* weight, const T* scale) {
  return detail::undilated_weights(d, weight, scale);
}

/// y (N, OH, OW, O) = x (N, H, W, C) convolved with the packed weights.
template <class T>
void pieces_convolve(const Conv2dDims& d, const T* x, const Tensor<T>& packed,
                     const ConvOutput<T>& y) {
  if (d.dilation == Size2d(1)) {
    detail::undilated_convolve(d, x, packed, y);
    return;
  }
  const auto batch = space_to_batch(d, x);
  const Conv2dDims undilated = undilated_dims(d);
  Tensor<T> results({undilated.n, undilated.oh(), undilated.ow(), d.o});
  ConvOutput<T> output{results.mutable_data(), d.o};
  output.bias = y.bias;
  detail::undilated_convolve(undilated, batch.data(), packed, output);
  const Index block = detail::rows_from_batch<T>(d);
  parallel_for(d.n * d.oh(), block, [&](Index begin, Index end) {
    batch_to_rows(d, {d.oh(), d.ow(), d.o}, {0}, results, begin, end, y.data, y.accumulate);
    y.finish(begin / block, begin * d.ow(), end * d.ow());
  });
}

/// dx (N, H, W, C) = what dy (N, OH, OW, O) owes to each input.
template <class T>
void pieces_backward_input(const Conv2dDims& d, const T* weight, const T* dy, GradientSpan<T> dx) {
  if (d.dilation == Size2d(1)) {
    detail::undilated_backward_input(d, weight, dy, dx);
    return;
  }
  const auto batch = gradient_to_batch(d, dy);
  const Conv2dDims undilated = undilated_dims(d);
  Tensor<T> results({undilated.n, undilated.h, undilated.w, d.c});
  detail::undilated_backward_input(undilated, weight, batch.data(),
                                   GradientSpan<T>{results.mutable_span()});
  parallel_for(d.n * d.h, 1, [&](Index begin, Index end) {
    batch_to_rows(d, {d.h, d.w, d.c}, batch_padding(d), results, begin, end, dx.data(),
                  dx.accumulate);
  });
}

/// dweight (O, C / groups, KH, KW) = sum over pixels of x at the taps times dy.
template <class T>
void pieces_backward_weight(const Conv2dDims& d, const T* x, const T* dy, GradientSpan<T> dweight) {
  if (d.dilation == Size2d(1)) {
    detail::undilated_backward_weight(d, x, dy, dweight);
    return;
  }
  const auto batch = space_to_batch(d, x);
  const auto gradients = gradient_to_batch(d, dy);
  detail::undilated_backward_weight(undilated_dims(d), batch.data(), gradients.data(), dweight);
}

CNNRNN_KERNELS_END
