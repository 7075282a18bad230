#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "cnnrnn/nn/back_projection.hpp"
#include "inspect/answers.hpp"
#include "inspect/colours.hpp"
#include "inspect/page.hpp"
#include "inspect/sheet.hpp"
#include "inspect/strongest.hpp"
#include "inspect/subject.hpp"

namespace inspect {

/// What is projected back to pixels, and how.
struct ProjectionOptions {
  std::vector<Index> stages;  ///< from 1 on; all if empty
  Index maps = 8;             ///< of each stage
  Index top = 9;              ///< images for each map
  Index search = 1000;        ///< images in which they are looked for
  std::string rule = "deconvolution";
};

inline std::map<std::string, cnnrnn::nn::ReluRule> relu_rules() {
  using cnnrnn::nn::ReluRule;
  return {{"deconvolution", ReluRule::deconvolution},
          {"guided", ReluRule::guided},
          {"gradient", ReluRule::gradient}};
}

/// A square of an image; what of it lies outside stays transparent.
struct Window {
  Index top = 0;
  Index left = 0;
  Index side = image_side;

  /// Calls pixel(row, column) for the pixels that there are, and paints what it returns.
  template <class Pixel>
  Picture picture(const Pixel& pixel) const {
    Picture result(side, side);
    for (Index row = std::max<Index>(0, top); row < std::min(top + side, image_side); ++row) {
      for (Index column = std::max<Index>(0, left); column < std::min(left + side, image_side);
           ++column) {
        result.paint(row - top, column - left, pixel(row, column));
      }
    }
    return result;
  }
};

/// The part of the image that a peak comes from.
inline Window window_of(const Answer& answer, const Peak& peak) {
  const auto& [step, first, size] = answer.field;
  return answer.sees_all || size >= image_side
             ? Window{}
             : Window{peak.row * step + first, peak.column * step + first, size};
}

/// A projection in a window, image `n` of (N, 32, 32, 3): grey is 0, the largest magnitude there is
/// black or white.
inline Picture projected_picture(const Tensor<float>& projections, Index n, const Window& window) {
  double largest = 1e-30;
  window.picture([&](Index row, Index column) {
    for (Index c = 0; c < 3; ++c) {
      largest = std::max(largest, std::abs(static_cast<double>(projections(n, row, column, c))));
    }
    return Colour{};
  });
  return window.picture([&](Index row, Index column) {
    const auto byte = [&](Index c) {
      const double share = static_cast<double>(projections(n, row, column, c)) / largest;
      return static_cast<std::uint8_t>(std::lround(127.5 + 127.5 * share));
    };
    return Colour{byte(0), byte(1), byte(2)};
  });
}

/// The same part of the image. Where that is all, a frame shows what the convolutions alone see.
inline Picture patch_picture(const Tensor<std::uint8_t>& pixels, const Answer& answer,
                             const Peak& peak, const Window& window, Index factor) {
  Picture patch =
      window
          .picture([&](Index row, Index column) {
            return Colour{pixels(row, column, 0), pixels(row, column, 1), pixels(row, column, 2)};
          })
          .enlarged(factor);
  const auto& [step, first, size] = answer.field;
  if (window.side == image_side && step > 1 && size < image_side) {
    patch.frame((peak.row * step + first) * factor, (peak.column * step + first) * factor,
                size * factor, Colour{255, 214, 0});
  }
  return patch;
}

/// The images that excite each channel of an answer most.
inline Strongest search(const Network& network, const Answer& answer,
                        std::span<const Subject> subjects, Index top) {
  constexpr Index batch = 100;
  const cnnrnn::NoGradGuard no_grad;
  Strongest strongest(top);
  for (Index first = 0; first < std::ssize(subjects); first += batch) {
    std::vector<const Subject*> some;
    for (Index k = first; k < std::min(first + batch, std::ssize(subjects)); ++k) {
      some.push_back(&subjects[static_cast<std::size_t>(k)]);
    }
    strongest.look_at(answer.compute(Variable<float>(inputs(some, network.card()))).value(), first);
  }
  return strongest;
}

/// A line for each chosen map: on the left what its peaks project to, on the right the patches that
/// caused them.
class ProjectionSheet {
 public:
  ProjectionSheet(const Network& network, const Answer& answer, std::span<const Subject> subjects,
                  const ProjectionOptions& options)
      : answer_(answer),
        subjects_(subjects),
        strongest_(search(network, answer, subjects, options.top)),
        maps_(strongest_.maps(options.maps)) {
    std::vector<const Subject*> images;
    for (const Index map : maps_) {
      for (const Peak& peak : strongest_.of(map)) {
        images.push_back(&subjects[static_cast<std::size_t>(peak.image)]);
        columns_ = std::max(columns_, std::ssize(strongest_.of(map)));
      }
    }
    if (!images.empty()) {
      projections_ = project(inputs(images, network.card()), relu_rules().at(options.rule));
    }
  }

  /// Whether any image excites any map.
  bool empty() const { return maps_.empty(); }
  Index maps() const { return std::ssize(maps_); }
  Index columns() const { return columns_; }

  Picture picture() const {
    const Index side = window_of(answer_, {}).side;
    const Index factor = enlargement(side, 64);
    Sheet left(maps_, columns_, side * factor, side * factor);
    Sheet right(maps_, columns_, side * factor, side * factor);
    Index n = 0;
    for (Index row = 0; row < maps(); ++row) {
      const auto& peaks = strongest_.of(maps_[static_cast<std::size_t>(row)]);
      for (Index column = 0; column < std::ssize(peaks); ++column, ++n) {
        const Peak& peak = peaks[static_cast<std::size_t>(column)];
        const Window window = window_of(answer_, peak);
        const auto& pixels = subjects_[static_cast<std::size_t>(peak.image)].pixels;
        left.place(projected_picture(projections_, n, window).enlarged(factor), row, column);
        right.place(patch_picture(pixels, answer_, peak, window, factor), row, column);
      }
    }
    return beside(left.picture(), right.picture());
  }

  /// The strongest image of each map: a table.
  std::vector<std::vector<std::string>> table() const {
    std::vector<std::vector<std::string>> rows{
        {answer_.unit, "strongest answer", "at", "image", "weakest shown"}};
    for (const Index map : maps_) {
      const auto& peaks = strongest_.of(map);
      const Peak& best = peaks.front();
      rows.push_back(
          {std::to_string(map), to_message(best.value), to_message(best.row, ", ", best.column),
           subjects_[static_cast<std::size_t>(best.image)].name, to_message(peaks.back().value)});
    }
    return rows;
  }

 private:
  /// All peaks at once, each of an image (N, 32, 32, 3) of its own.
  Tensor<float> project(const Tensor<float>& images, cnnrnn::nn::ReluRule rule) const {
    cnnrnn::nn::BackProjection<float> projection(images, answer_.compute, rule);
    auto signal = Tensor<float>::zeros(projection.y().shape());
    Index n = 0;
    for (const Index map : maps_) {
      for (const Peak& peak : strongest_.of(map)) {
        signal.mutable_at(n, peak.row, peak.column, map) =
            projection.y()(n, peak.row, peak.column, map);
        ++n;
      }
    }
    return projection.back(signal);
  }

  const Answer& answer_;
  std::span<const Subject> subjects_;
  Strongest strongest_;
  std::vector<Index> maps_;
  Index columns_ = 0;
  Tensor<float> projections_;
};

/// What the pictures show, for the page.
inline void explain_projections(const ProjectionOptions& options, Index images, Page& page) {
  page.chapter("What the maps answer to");
  page.paragraph(to_message(
      "For each stage the maps that answer most strongly to ", images,
      " images, a line for each, and for each map the images that excite it most, the strongest on "
      "the left. The patch on the right caused the answer. The picture on the left is the answer, "
      "all others set to zero, projected back to pixels: through max-pooling to the pixels that "
      "had won, through convolutions with their filters transposed, through batch norm by its "
      "scale, through a residual sum by both branches. Grey is zero."));
  const std::string rule =
      options.rule == "deconvolution"
          ? "A ReLU passes on the positive part of the signal (<code>deconvolution</code>, Zeiler "
            "and Fergus 2014)."
      : options.rule == "guided"
          ? "A ReLU passes on the positive part of the signal where it was active "
            "(<code>guided</code>, Springenberg et al. 2015)."
          : "A ReLU passes on the signal where it was active (<code>gradient</code>, Simonyan et "
            "al. 2014).";
  page.paragraph(rule +
                 " A recurrent network has no switches to undo it with: there the signal passes as "
                 "its gradient, whatever the rule. Where one lies on the way, every place sees the "
                 "whole image; a frame then shows what the convolutions alone would see.");
}

/// The strongest answers of all chosen parts, projected back to pixels, beside their patches.
inline void show_projections(const Network& network, const std::vector<Answer>& answers,
                             std::span<const Subject> subjects, const ProjectionOptions& options,
                             Page& page) {
  explain_projections(options, std::ssize(subjects), page);
  for (const Answer& answer : answers) {
    std::cout << "project: " << answer.title << ": " << subjects.size() << " images" << std::flush;
    const ProjectionSheet sheet(network, answer, subjects, options);
    std::cout << ", " << sheet.maps() << ' ' << answer.unit << "s of up to " << sheet.columns()
              << " images" << std::endl;
    if (sheet.empty()) {
      page.paragraph(escaped(answer.title) + ": no image excites any of it.");
      continue;
    }
    page.begin_figures();
    page.figure(
        "projections_" + answer.name, sheet.picture(), answer.title + ".",
        to_message("Projections on the left, patches on the right; the numbers beside the "
                   "lines are those of the ",
                   answer.unit, "s.",
                   answer.is_recurrent ? " Through recurrent layers: their gradient." : ""));
    page.end_figures();
    page.table(sheet.table());
  }
}

}  // namespace inspect
