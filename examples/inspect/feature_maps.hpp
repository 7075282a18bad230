#pragma once

#include <string>
#include <vector>

#include "inspect/colours.hpp"
#include "inspect/network.hpp"
#include "inspect/page.hpp"
#include "inspect/sheet.hpp"
#include "inspect/subject.hpp"

namespace inspect {

/// An image's pixels (H, W, 3), enlarged.
inline Picture photograph(const Tensor<std::uint8_t>& pixels, Index factor) {
  Picture picture(pixels.dim(0), pixels.dim(1));
  for (Index row = 0; row < picture.height(); ++row) {
    for (Index column = 0; column < picture.width(); ++column) {
      picture.paint(row, column,
                    {pixels(row, column, 0), pixels(row, column, 1), pixels(row, column, 2)});
    }
  }
  return picture.enlarged(factor);
}

/// Up to 32 channels of a map (1, H, W, C) from channel `first` on, each with its own colours: of
/// strength where none is negative, else of both signs.
inline Picture channel_sheet(const Tensor<float>& map, Index first = 0) {
  constexpr Index columns = 16;
  const Index shown = std::min<Index>(2 * columns, map.dim(3) - first);
  const Index factor = enlargement(map.dim(1), 64);
  Sheet sheet((shown + columns - 1) / columns, std::min(columns, shown), map.dim(1) * factor,
              map.dim(2) * factor);
  const bool one_sign = std::ranges::min(map.span()) >= 0;
  for (Index k = 0; k < shown; ++k) {
    Grid<double> channel(map.dim(1), map.dim(2));
    for (Index row = 0; row < channel.height; ++row) {
      for (Index column = 0; column < channel.width; ++column) {
        channel(row, column) = static_cast<double>(map(0, row, column, first + k));
      }
    }
    const double largest = largest_magnitude<double>(channel.values);
    sheet.place(heat_map(channel.height, channel.width, one_sign ? strength_colour : signed_colour,
                         [&](Index r, Index c) { return channel(r, c) / largest; })
                    .enlarged(factor),
                k / columns, k % columns);
  }
  return sheet.picture();
}

/// A tap's states (1, features), 64 to a line, in colours of both signs.
inline Picture state_map(const Tensor<float>& states) {
  constexpr Index line = 64;
  const Index width = std::min(line, states.dim(1));
  const double largest = largest_magnitude(states.span());
  return heat_map((states.dim(1) + width - 1) / width, width, signed_colour,
                  [&](Index row, Index column) {
                    const Index k = row * width + column;
                    return k < states.dim(1) ? static_cast<double>(states(0, k)) / largest : 0;
                  })
      .enlarged(14);
}

/// What the stages and the taps make of one image; `number` is in the pictures' names.
inline void show_feature_maps(const Network& network, const Subject& subject, std::size_t number,
                              Page& page) {
  const auto x = subject.input(network.card());
  page.paragraph(to_message("<b>", escaped(subject.name), ".</b> The network takes it for: ",
                            escaped(prediction(network, x)), "."));
  page.begin_figures();
  page.figure(to_message("image", number), photograph(subject.pixels, 6), "The image.");
  page.end_figures();
  auto map = network.stem(x);
  for (std::size_t k = 0; k < network.stages().size(); ++k) {
    const auto& [layer, sweep, control, rows, readout] = network.stages()[k];
    map = (*layer)(map);
    const auto shape = map.shape();
    const std::string stage = to_message("Stage ", k + 1);
    const std::string name = to_message("image", number, "_stage", k + 1);
    const std::string size = to_message(shape[1], 'x', shape[2], 'x', shape[3]);
    std::cout << "maps:    " << subject.name << ": " << stage << ' ' << size << std::endl;
    page.begin_figures();
    page.figure(name + "_map", channel_sheet(map.value()), stage + ": the map.",
                to_message(size, ", its first ", std::min<Index>(32, shape[3]), " channels."));
    if (sweep != nullptr) {
      map = (*sweep)(map);
      page.figure(name + "_swept", channel_sheet(map.value()), stage + ": the map, swept.",
                  "What the recurrent networks along rows and columns have added to.");
    }
    if (control != nullptr) {
      map = (*control)(map);
      page.figure(name + "_control", channel_sheet(map.value()), stage + ": behind the control.",
                  "What the convolution in a sweep's place makes of the map.");
    }
    if (rows != nullptr) {
      const auto read = network.read_by_tap(map);
      if (network.card().model.wavelet != "none") {
        for (const auto& [band, first] : {std::pair{"LL", 0}, {"HH", 3}}) {
          page.figure(name + "_map_" + band, channel_sheet(read.value(), first * shape[3]),
                      to_message(stage, ": ", band, " of the map."),
                      "One of the four sub-bands that the tap reads.");
        }
      }
      const auto states = (*rows)(read);
      page.figure(name + "_tap", state_map(states.value()), stage + ": what the tap makes of it.",
                  to_message(states.dim(1), " final states, 64 to a line, before the batch norm."));
    }
    if (readout != nullptr) {
      const auto features = (*readout)(map);
      page.figure(name + "_readout", state_map(features.value()),
                  stage + ": what the read-out makes of it.",
                  to_message(features.dim(1), " features, 64 to a line."));
    }
    page.end_figures();
  }
}

}  // namespace inspect
