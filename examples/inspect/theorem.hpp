#pragma once

#include <string>
#include <vector>

#include "inspect/filters.hpp"
#include "inspect/subject.hpp"

namespace inspect {

/// How well the convolution theorem holds in numbers.
struct TheoremErrors {
  Index pairs = 0;
  double spectra = 0;  ///< largest |DFT(x * f) - DFT(x) DFT(f)|
  double largest = 0;  ///< largest |DFT(x * f)|, to compare with
};

/// Convolves every image with every filter of a layer, as its definition says, and compares the
/// spectrum of the result with the product of the spectra.
inline TheoremErrors check_theorem(const std::vector<Subject>& subjects, const Filters& filters) {
  TheoremErrors errors;
  for (const Subject& subject : subjects) {
    const auto x = subject.brightness();
    const auto x_spectrum = fourier_transform(x, image_side);
    for (Index o = 0; o < filters.weight.dim(0); ++o) {
      const auto filter = filter_at(filters.weight, o, 0);
      const auto filter_spectrum = fourier_transform(filter, image_side);
      const auto y_spectrum = fourier_transform(circular_convolution(x, filter), image_side);
      for (std::size_t k = 0; k < y_spectrum.values.size(); ++k) {
        const Complex y = y_spectrum.values[k];
        const Complex product = x_spectrum.values[k] * filter_spectrum.values[k];
        errors.spectra = std::max(errors.spectra, std::abs(y - product));
        errors.largest = std::max(errors.largest, std::abs(y));
      }
      ++errors.pairs;
    }
  }
  return errors;
}

/// The convolution theorem as numbers, and drawn for one image and one filter.
inline void show_theorem(const std::vector<Subject>& subjects, const Filters& filters, Page& page) {
  const TheoremErrors errors = check_theorem(subjects, filters);
  const std::string numbers =
      to_message("largest |DFT(x * f) - DFT(x) DFT(f)| = ", errors.spectra, " over ", errors.pairs,
                 " pairs of image and filter, where |DFT(x * f)| reaches ", errors.largest);
  std::cout << "theorem: " << numbers << std::endl;
  page.chapter("The convolution theorem, in numbers");
  page.paragraph(to_message(
      "The spectrum of a circular convolution is the product of the spectra: DFT(<i>x</i> &lowast; "
      "<i>f</i>) = DFT(<i>x</i>) DFT(<i>f</i>). Here the brightness of the images is convolved "
      "with "
      "the filters of <code>",
      escaped(filters.layer),
      "</code> (first input) by the definition, "
      "pixel by pixel in double precision, and both sides are compared at all 1024 frequencies. A "
      "network's layers correlate, which is to convolve with the turned filter: |F| is the same."));
  page.paragraph(to_message("<b id=\"theorem\">", escaped(numbers), ".</b>"));
  const auto x = subjects.front().brightness();
  const auto filter = filter_at(filters.weight, 0, 0);
  const auto drawn = [](Grid<double> response) {
    for (double& value : response.values) {
      value = std::log1p(value);
    }
    return FilterPictures::response_map(response).enlarged(6);
  };
  page.begin_figures();
  page.figure("theorem_image", drawn(frequency_response(x, image_side)), "log(1 + |DFT(x)|).",
              subjects.front().name);
  page.figure("theorem_filter",
              FilterPictures::response_map(frequency_response(filter, image_side)).enlarged(6),
              "|DFT(f)|.", "Filter 0, input 0.");
  page.figure("theorem_product",
              drawn(frequency_response(circular_convolution(x, filter), image_side)),
              "log(1 + |DFT(x * f)|).", "The product of the two.");
  page.end_figures();
}

}  // namespace inspect
