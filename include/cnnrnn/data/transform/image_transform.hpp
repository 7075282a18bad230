#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "cnnrnn/core/random.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace data {

/// One image while transforms work on it: (height, width, channels).
struct ImageBuffer {
  Index height = 0;                  ///< in pixels
  Index width = 0;                   ///< in pixels
  Index channels = 0;                ///< values of a pixel
  std::vector<std::uint8_t> values;  ///< (height, width, channels)

  /// (height, width, channels).
  Shape shape() const { return {height, width, channels}; }

  /// The first value of a row.
  std::uint8_t* row(Index y) { return values.data() + y * width * channels; }

  /// The first value of a row, for reading.
  const std::uint8_t* row(Index y) const { return values.data() + y * width * channels; }
};

/// What a transform may know beside the image.
struct TransformContext {
  Random& random;          ///< numbers of this image in this epoch
  std::uint64_t seed = 0;  ///< of the loader
  Index epoch = 0;         ///< of the pass
  Index position = 0;      ///< of the image in the data set
};

/// Options of a Transform.
struct TransformOptions {
  std::string name = {};  ///< for messages

  /// The shape (H, W, C) of what comes out, from that of what goes in; none: the same.
  std::function<Shape(const Shape&)> shape = {};
};

namespace detail {

template <class F>
concept TakesRandom = std::is_invocable_v<F&, ImageBuffer&, Random&>;

template <class F>
concept TakesContext = std::is_invocable_v<F&, ImageBuffer&, const TransformContext&>;

}  // namespace detail

/// Changes an image: any function of (ImageBuffer&, Random&) or (ImageBuffer&, const
/// TransformContext&). It may run on another thread, so it must depend on nothing that changes. If
/// it changes an image's shape, its options say to what.
class Transform {
 public:
  /// Empty: a loader refuses it.
  Transform() = default;

  template <class F>
  requires(!std::is_same_v<F, Transform> && (detail::TakesRandom<F> || detail::TakesContext<F>))
      Transform(F function, TransformOptions options = {})  // NOLINT: any function is one
      : options_(std::move(options)) {
    if constexpr (detail::TakesRandom<F>) {
      function_ = [function = std::move(function)](ImageBuffer& image,
                                                   const TransformContext& context) mutable {
        function(image, context.random);
      };
    } else {
      function_ = std::move(function);
    }
  }

  /// Changes an image. Throws ShapeError if it comes out in another shape than announced.
  void operator()(ImageBuffer& image, const TransformContext& context) const {
    function_(image, context);
  }
  /// The same of the first image in the first epoch.
  void operator()(ImageBuffer& image, Random& random) const {
    function_(image, TransformContext{.random = random});
  }

  /// Whether there is a function.
  explicit operator bool() const { return static_cast<bool>(function_); }

  /// The name for messages.
  const std::string& name() const { return options_.name; }

  /// The shape that it makes of an image (H, W, C).
  Shape shape(const Shape& image) const { return options_.shape ? options_.shape(image) : image; }

 private:
  std::function<void(ImageBuffer&, const TransformContext&)> function_;
  TransformOptions options_;
};

}  // namespace data
CNNRNN_NAMESPACE_END
