#pragma once

#include <array>
#include <string_view>

#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN

/// An orthogonal wavelet, by its scaling filter h: the low-pass filter that puts signals together.
/// The high-pass filter is h backwards with alternating signs. Both, backwards, take signals apart.
struct Wavelet {
  static constexpr Index most_taps = 8;  ///< of the longest filter

  std::string_view name;                       ///< as PyWavelets calls it
  Index taps = 0;                              ///< even
  std::array<double, most_taps> scaling = {};  ///< h, `taps` numbers whose squares add up to 1
};

/// What a signal is taken to be outside its ends. `periodic` repeats it, an odd one after its last
/// value was doubled: the transform has half as many numbers in each band, rounded up (PyWavelets'
/// "periodization"). `symmetric` mirrors it, edge included, and needs some numbers more.
enum class WaveletExtension { periodic, symmetric };

/// Haar's wavelet and those of Daubechies with two to four vanishing moments (Daubechies 1988,
/// table 1), the filters to double precision from the roots of their polynomials.
namespace wavelets {

/// Haar's, 2 taps.
inline constexpr Wavelet haar{"haar", 2, {0.7071067811865475244, 0.7071067811865475244}};

/// Daubechies' wavelet of 4 taps.
inline constexpr Wavelet db2{"db2",
                             4,
                             {0.48296291314453414337, 0.83651630373780790558,
                              0.22414386804201338103, -0.12940952255126038117}};

/// Daubechies' wavelet of 6 taps.
inline constexpr Wavelet db3{
    "db3",
    6,
    {0.332670552950082616, 0.80689150931109257649, 0.4598775021184915701, -0.1350110200102545887,
     -0.085441273882026661693, 0.035226291885709536603}};

/// Daubechies' wavelet of 8 taps.
inline constexpr Wavelet db4{
    "db4",
    8,
    {0.23037781330889650086, 0.71484657055291564709, 0.63088076792985890788,
     -0.027983769416859854211, -0.18703481171909308408, 0.030841381835560763627,
     0.032883011666885199735, -0.010597401785069032105}};

inline constexpr std::array all{haar, db2, db3, db4};  ///< in the order of their lengths

}  // namespace wavelets

CNNRNN_NAMESPACE_END
