#pragma once

#include <iomanip>
#include <string>
#include <vector>

#include "inspect/colours.hpp"
#include "inspect/network.hpp"
#include "inspect/page.hpp"
#include "inspect/sheet.hpp"
#include "inspect/spectrum.hpp"

namespace inspect {

/// Frequencies of a response in each direction: a filter is followed by zeros up to this size.
inline constexpr Index response_size = 32;

/// The weights of one filter for one of its inputs.
inline Grid<double> filter_at(const Tensor<float>& weight, Index output, Index input) {
  Grid<double> filter(weight.dim(2), weight.dim(3));
  for (Index i = 0; i < filter.height; ++i) {
    for (Index j = 0; j < filter.width; ++j) {
      filter(i, j) = static_cast<double>(weight(output, input, i, j));
    }
  }
  return filter;
}

/// The filters of one layer as pictures and numbers.
class FilterPictures {
 public:
  explicit FilterPictures(const Filters& filters)
      : weight_(filters.weight),
        outputs_(std::min<Index>(weight_.dim(0), weight_.dim(1) <= 4 ? 32 : 16)),
        inputs_(std::min<Index>(weight_.dim(1), 16)),
        mean_(response_size, response_size) {
    for (Index o = 0; o < weight_.dim(0); ++o) {
      for (Index i = 0; i < weight_.dim(1); ++i) {
        const auto response = frequency_response(filter_at(weight_, o, i), response_size);
        for (std::size_t k = 0; k < mean_.values.size(); ++k) {
          mean_.values[k] += response.values[k] * response.values[k];
        }
      }
    }
    for (double& value : mean_.values) {
      value = std::sqrt(value / static_cast<double>(weight_.dim(0) * weight_.dim(1)));
    }
  }

  /// A column for each filter, a row for each of its inputs; a filter's colours are its own.
  Picture weights() const {
    const Index size = std::max(weight_.dim(2), weight_.dim(3));
    const Index factor = enlargement(size, 30);
    Sheet sheet(inputs_, outputs_, weight_.dim(2) * factor, weight_.dim(3) * factor);
    for_each_shown([&](Index o, Index i, const Grid<double>& filter, double largest) {
      sheet.place(heat_map(filter.height, filter.width, signed_colour,
                           [&](Index r, Index c) { return filter(r, c) / largest; })
                      .enlarged(factor),
                  i, o);
    });
    return sheet.picture();
  }

  /// |F(u, v)| of the same filters in the same places; each tile's colours are its own.
  Picture responses() const {
    Sheet sheet(inputs_, outputs_, response_size, response_size);
    for_each_shown([&](Index o, Index i, const Grid<double>& filter, double /*largest*/) {
      sheet.place(response_map(frequency_response(filter, response_size)), i, o);
    });
    return sheet.picture();
  }

  /// The root mean square of |F(u, v)| over all filters and inputs of the layer.
  Picture mean_response() const { return response_map(mean_).enlarged(6); }

  double low_share() const { return low_frequency_share(mean_); }

  /// How many filters and inputs are shown, of how many.
  std::string extent() const {
    return to_message(outputs_, " of ", weight_.dim(0), " filters (columns), ", inputs_, " of ",
                      weight_.dim(1), " inputs (rows).");
  }

  static Picture response_map(const Grid<double>& response) {
    const double largest = largest_magnitude<double>(response.values);
    return heat_map(response.height, response.width, strength_colour,
                    [&](Index u, Index v) { return response(u, v) / largest; });
  }

 private:
  /// Calls body(output, input, filter, largest weight of this output).
  template <class Body>
  void for_each_shown(const Body& body) const {
    const auto size = static_cast<std::size_t>(weight_.size() / weight_.dim(0));
    for (Index o = 0; o < outputs_; ++o) {
      const double largest =
          largest_magnitude(weight_.span().subspan(static_cast<std::size_t>(o) * size, size));
      for (Index i = 0; i < inputs_; ++i) {
        body(o, i, filter_at(weight_, o, i), largest);
      }
    }
  }

  Tensor<float> weight_;
  Index outputs_, inputs_;
  Grid<double> mean_;
};

inline std::string percent(double share) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << 100 * share << " %";
  return text.str();
}

/// The part of the network that a layer is in: `stem.0`, or `stages.1` of `stages.1.3`.
inline std::string group_of(const std::string& layer) {
  return layer.substr(0, layer.find('.', std::string_view("stages.").size()));
}

/// The layers that `names` asks for; without names the first of the network and of each stage.
/// Throws ValueError for a name that no layer has.
inline std::vector<Filters> chosen_filters(const Network& network,
                                           const std::vector<std::string>& names) {
  std::vector<Filters> chosen;
  std::string known;
  std::string last_group;
  for (const Filters& filters : network.filters()) {
    known += (known.empty() ? "" : ", ") + filters.layer;
    if (names.empty() && group_of(filters.layer) != last_group) {
      chosen.push_back(filters);
    }
    last_group = group_of(filters.layer);
  }
  for (const std::string& name : names) {
    const auto found = std::ranges::find(network.filters(), name, &Filters::layer);
    cnnrnn::require<cnnrnn::ValueError>(found != network.filters().end(),
                                        "--layer: expected one of ", known, ", got ", name);
    chosen.push_back(*found);
  }
  return chosen;
}

/// Filters and frequency responses of the chosen layers.
inline void show_filters(const std::vector<Filters>& layers, Page& page) {
  page.chapter("Filters and what they let pass");
  page.paragraph(
      "A convolution multiplies the spectrum of its input by the filter's frequency response "
      "|F(<i>u</i>,&thinsp;<i>v</i>)|. Each response here is the 2-D Fourier transform of "
      "one filter for one input, filled up with zeros to 32&times;32, with frequency zero in the "
      "middle and the highest frequencies at the rim: a bright middle smooths, a dark middle with "
      "a bright rim finds edges, and two spots tell a direction. A 3&times;3 filter has no sharp "
      "bands, whatever it has learned.");
  page.scale("signed", "negative weight", "positive weight");
  page.scale("strength", "|F| = 0", "the tile's largest |F|");
  std::vector<std::vector<std::string>> table{
      {"layer", "filters", "kernel", "energy at low frequencies"}};
  for (const Filters& filters : layers) {
    const auto& weight = filters.weight;
    std::cout << "filters: " << filters.layer << ' ' << weight.shape() << std::endl;
    const FilterPictures pictures(filters);
    page.begin_figures();
    page.figure("filters_" + filters.layer, pictures.weights(), filters.layer + ": filters.",
                pictures.extent());
    page.figure("responses_" + filters.layer, pictures.responses(),
                filters.layer + ": frequency responses.", "The same filters in the same places.");
    page.figure("mean_response_" + filters.layer, pictures.mean_response(),
                filters.layer + ": all filters.", "Root mean square of |F| over the whole layer.");
    page.end_figures();
    table.push_back({filters.layer, std::to_string(weight.dim(0) * weight.dim(1)),
                     to_message(weight.dim(2), 'x', weight.dim(3)), percent(pictures.low_share())});
  }
  page.paragraph(
      "The share of a layer's energy at frequencies below half the highest, in both directions. "
      "Filters of random weights have 25&nbsp;%.");
  page.table(table);
}

}  // namespace inspect
