#pragma once

#include <array>
#include <string>
#include <vector>

#include "inspect/feature_maps.hpp"
#include "inspect/filters.hpp"

namespace inspect {

/// An image as numbers around 0, from -1/2 to 1/2: (1, 32, 32, 3).
inline Variable<float> centred(const Tensor<std::uint8_t>& pixels) {
  Tensor<float> x({1, pixels.dim(0), pixels.dim(1), 3});
  for (Index k = 0; k < x.size(); ++k) {
    x.mutable_data()[k] = static_cast<float>(pixels.data()[k]) / 255 - 0.5F;
  }
  return Variable<float>(x);
}

/// Three channels of (1, H, W, C) from `first` on as a colour picture: 0 is grey, `range` from it
/// to black and to white.
inline Picture colour_picture(const Tensor<float>& x, Index first, double range) {
  Picture picture(x.dim(1), x.dim(2));
  const auto byte = [&](Index row, Index column, Index channel) {
    const double value = static_cast<double>(x(0, row, column, first + channel)) / range;
    return static_cast<std::uint8_t>(std::lround(255 * std::clamp(0.5 + 0.5 * value, 0.0, 1.0)));
  };
  for (Index row = 0; row < picture.height(); ++row) {
    for (Index column = 0; column < picture.width(); ++column) {
      picture.paint(row, column,
                    {byte(row, column, 0), byte(row, column, 1), byte(row, column, 2)});
    }
  }
  return picture;
}

/// All levels as they are drawn: LL of the last in the corner, around it the details, LH below,
/// HL on the right.
inline Picture pyramid(const cnnrnn::WaveletLevels<float>& levels) {
  const Index side = 2 * levels.details.back().dim(1);
  Picture picture(side, side);
  const double scale = static_cast<double>(side / levels.approximation.dim(1));
  picture.place(colour_picture(levels.approximation.value(), 0, scale / 2), 0, 0);
  for (const auto& details : levels.details) {
    const Index size = details.dim(1);
    const auto band = [&](Index k) {
      return colour_picture(details.value(), 3 * k, largest_magnitude(details.value().span()) / 2);
    };
    picture.place(band(0), size, 0);
    picture.place(band(1), 0, size);
    picture.place(band(2), size, size);
  }
  return picture;
}

/// The energy that each sub-band of one level has, as shares.
inline std::array<double, 4> energy_shares(const Tensor<float>& bands) {
  std::array<double, 4> energy{};
  const Index channels = bands.dim(3) / 4;
  for (Index k = 0; k < bands.size(); ++k) {
    const auto value = static_cast<double>(bands.data()[k]);
    energy[static_cast<std::size_t>(k % bands.dim(3) / channels)] += value * value;
  }
  const double all = energy[0] + energy[1] + energy[2] + energy[3];
  for (double& share : energy) {
    share = all > 0 ? share / all : 0;
  }
  return energy;
}

/// A wavelet's filter for one sub-band, as an image: (taps, taps).
inline Grid<double> band_filter(const cnnrnn::Wavelet& wavelet, Index band) {
  const Index taps = wavelet.taps;
  const auto tap = [&](bool high, Index k) {
    const double h = wavelet.scaling[static_cast<std::size_t>(high ? taps - 1 - k : k)];
    return high && k % 2 != 0 ? -h : h;
  };
  Grid<double> filter(taps, taps);
  for (Index i = 0; i < taps; ++i) {
    for (Index j = 0; j < taps; ++j) {
      filter(i, j) = tap(band % 2 == 1, i) * tap(band / 2 == 1, j);
    }
  }
  return filter;
}

/// The largest difference between an image and what its bands bring back.
inline double reconstruction_error(const Variable<float>& x, const Variable<float>& bands,
                                   const cnnrnn::Wavelet& wavelet) {
  const auto again = idwt2d(bands, {wavelet}).value();
  double error = 0;
  for (Index k = 0; k < again.size(); ++k) {
    error = std::max(error, std::abs(static_cast<double>(again.data()[k] - x.value().data()[k])));
  }
  return error;
}

/// One image's bands by every wavelet, and a row of the table for each.
inline void show_sub_bands_of(const Subject& subject, std::size_t number, Page& page,
                              std::vector<std::vector<std::string>>& table) {
  constexpr Index levels = 2;
  const auto x = centred(subject.pixels);
  page.begin_figures();
  for (const auto& wavelet : cnnrnn::wavelets::all) {
    page.figure(to_message("image", number, "_wavelet_", wavelet.name),
                pyramid(wavedec2d(x, levels, {wavelet})).enlarged(8),
                to_message(wavelet.name, ", two levels."), subject.name);
    const auto bands = dwt2d(x, {wavelet});
    std::vector<std::string> row{to_message(subject.name, ", ", wavelet.name)};
    for (const double share : energy_shares(bands.value())) {
      row.push_back(percent(share));
    }
    row.push_back(to_message(reconstruction_error(x, bands, wavelet)));
    table.push_back(row);
  }
  page.end_figures();
}

/// What the filters of the four bands let pass, each wavelet's as a square of 2 x 2.
inline void show_band_responses(Page& page) {
  constexpr Index factor = 4;
  constexpr Index step = factor * response_size + 4;
  page.begin_figures();
  for (const auto& wavelet : cnnrnn::wavelets::all) {
    Picture picture(2 * step, 2 * step);
    for (Index band = 0; band < 4; ++band) {
      const auto response = frequency_response(band_filter(wavelet, band), response_size);
      picture.place(FilterPictures::response_map(response).enlarged(factor), band % 2 * step,
                    band / 2 * step);
    }
    page.figure(to_message("wavelet_response_", wavelet.name), picture,
                to_message(wavelet.name, ": frequency responses."),
                "LL and HL above, LH and HH below.");
  }
  page.end_figures();
}

/// The sub-bands of the images, their shares of the energy, and the responses of the filters.
inline void show_sub_bands(const std::vector<Subject>& subjects, Page& page) {
  page.chapter("Wavelet sub-bands");
  page.paragraph(
      "A wavelet transform takes an image apart into bands of half its size: LL is low-pass in "
      "both "
      "directions, LH low-pass along the rows and high-pass down the columns (horizontal edges), "
      "HL "
      "the other way about (vertical edges), HH high-pass in both. Nothing is lost. In the "
      "drawings "
      "of two levels LL stands in the corner, HL on its right, LH below; grey is zero, and details "
      "are brightened. The image goes on periodically at its edges, so to the longer wavelets the "
      "step from one side to the other is an edge too.");
  std::vector<std::vector<std::string>> table{
      {"image, wavelet", "LL", "LH", "HL", "HH", "reconstruction error"}};
  for (std::size_t number = 0; number < subjects.size(); ++number) {
    std::cout << "wavelet: " << subjects[number].name << std::endl;
    show_sub_bands_of(subjects[number], number, page, table);
  }
  page.paragraph(
      "The energy in each band of one level, around mid-grey, and the largest error of an image "
      "that its bands bring back, of a range of 1, in single precision.");
  page.table(table);
  page.paragraph(
      "What the bands' filters let pass, as above for the filters that were learned: the longer "
      "the wavelet, the more sharply it parts the bands.");
  page.scale("strength", "|F| = 0", "the tile's largest |F|");
  show_band_responses(page);
}

}  // namespace inspect
