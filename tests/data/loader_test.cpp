#include "cnnrnn/data/loader.hpp"
#include "cnnrnn/data/mix.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <set>
#include <thread>
#include <type_traits>

#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

/// Images of 4x4 pixels and 3 channels; image i has the label i and bytes that begin with i.
data::ImageDataset numbered(Index count) {
  data::ImageDataset dataset{.images = Tensor<std::uint8_t>(Shape{count, 4, 4, 3}),
                             .labels = Tensor<Index>(Shape{count}),
                             .class_names = {},
                             .name = "numbered"};
  for (Index i = 0; i < count; ++i) {
    dataset.labels.mutable_data()[i] = i;
    dataset.class_names.push_back(std::to_string(i));
    for (Index byte = 0; byte < 48; ++byte) {
      dataset.images.mutable_data()[i * 48 + byte] = static_cast<std::uint8_t>(i + 5 * byte);
    }
  }
  return dataset;
}

/// Everything that a pass yields.
struct Pass {
  std::vector<Index> labels;
  std::vector<float> values;
  std::vector<Index> sizes;
  bool operator==(const Pass&) const = default;
};

Pass run(const data::Loader<float>& loader) {
  Pass pass;
  for (auto [images, labels] : loader) {
    REQUIRE(images.shape() == Shape{labels.size(), 4, 4, 3});
    pass.sizes.push_back(labels.size());
    pass.labels.insert(pass.labels.end(), labels.span().begin(), labels.span().end());
    pass.values.insert(pass.values.end(), images.span().begin(), images.span().end());
  }
  return pass;
}

const data::LoaderOptions augmented{
    .batch = 4,
    .shuffle = true,
    .seed = 7,
    .transforms = {data::random_crop(2), data::random_flip()},
    .normalization = {.mean = {0.1, 0.2, 0.3}, .standard_deviation = {0.4, 0.5, 0.6}}};

}  // namespace

TEST_CASE("a loader without options keeps the order and scales to 0 ... 1") {
  const auto dataset = numbered(10);
  const data::Loader<float> loader(dataset, {.batch = 4});
  CHECK(loader.batches() == 3);
  CHECK(loader.images() == 10);
  const Pass pass = run(loader);
  CHECK(pass.sizes == std::vector<Index>{4, 4, 2});
  CHECK(pass.labels.front() == 0);
  CHECK(pass.labels.back() == 9);
  for (Index i = 0; i < dataset.images.size(); ++i) {
    CHECK(pass.values[static_cast<std::size_t>(i)] ==
          static_cast<float>(dataset.images.data()[i]) / 255);
  }
}

TEST_CASE("drop_last leaves out the last batch when it is not full") {
  const data::Loader<float> loader(numbered(10), {.batch = 4, .drop_last = true});
  CHECK(loader.batches() == 2);
  CHECK(loader.images() == 8);
  CHECK(run(loader).sizes == std::vector<Index>{4, 4});
  CHECK(data::Loader<float>(numbered(8), {.batch = 4, .drop_last = true}).batches() == 2);
  CHECK(data::Loader<float>(numbered(3), {.batch = 4}).batches() == 1);
}

TEST_CASE("shuffling yields every image once, by seed and epoch alone") {
  data::Loader<float> loader(numbered(50), {.batch = 8, .shuffle = true, .seed = 3});
  const Pass first = run(loader);
  CHECK(std::set<Index>(first.labels.begin(), first.labels.end()).size() == 50);
  CHECK(run(loader) == first);
  loader.set_epoch(1);
  CHECK(loader.epoch() == 1);
  const Pass second = run(loader);
  CHECK(second.labels != first.labels);
  CHECK(std::set<Index>(second.labels.begin(), second.labels.end()).size() == 50);
  loader.set_epoch(0);
  CHECK(run(loader) == first);
  CHECK(run(data::Loader<float>(numbered(50), {.batch = 8, .shuffle = true, .seed = 4})) != first);
  // Another batch size cuts the same order.
  CHECK(run(data::Loader<float>(numbered(50), {.batch = 5, .shuffle = true, .seed = 3})).labels ==
        first.labels);
}

TEST_CASE("a pass is bitwise the same with and without prefetching") {
  for (const Index epoch : {0, 1, 5}) {
    std::vector<Pass> passes;
    for (const Index prefetch : {0, 1, 2, 100}) {
      auto options = augmented;
      options.prefetch = prefetch;
      options.threads = std::max(Index{1}, prefetch / 20);
      data::Loader<float> loader(numbered(30), options);
      loader.set_epoch(epoch);
      passes.push_back(run(loader));
    }
    CHECK(passes[1] == passes[0]);
    CHECK(passes[2] == passes[0]);
    CHECK(passes[3] == passes[0]);
  }
}

TEST_CASE("transforms depend on neither batch size nor shuffling, but on the epoch") {
  auto options = augmented;
  options.shuffle = false;
  const Pass reference = run(data::Loader<float>(numbered(30), options));
  options.batch = 7;
  CHECK(run(data::Loader<float>(numbered(30), options)).values == reference.values);
  data::Loader<float> later(numbered(30), options);
  later.set_epoch(1);
  CHECK(run(later).values != reference.values);

  const Pass shuffled = run(data::Loader<float>(numbered(30), augmented));
  for (std::size_t i = 0; i < shuffled.labels.size(); ++i) {
    const auto image = static_cast<std::size_t>(shuffled.labels[i]) * 48;
    CHECK(std::equal(shuffled.values.begin() + static_cast<std::ptrdiff_t>(i * 48),
                     shuffled.values.begin() + static_cast<std::ptrdiff_t>(i * 48 + 48),
                     reference.values.begin() + static_cast<std::ptrdiff_t>(image)));
  }
}

TEST_CASE("a pass may begin in the middle, as after a resume") {
  data::Loader<float> loader(numbered(30), augmented);
  loader.set_epoch(2);
  const Pass whole = run(loader);
  loader.set_epoch(2, 3);
  const Pass rest = run(loader);
  CHECK(rest.sizes == std::vector<Index>{4, 4, 4, 4, 2});
  CHECK(std::equal(rest.values.begin(), rest.values.end(),
                   whole.values.begin() + std::ptrdiff_t{3} * 4 * 48, whole.values.end()));
  loader.set_epoch(2, loader.batches());
  CHECK(run(loader).labels.empty());
  loader.set_epoch(3);
  CHECK(run(loader).labels.size() == 30);
  CHECK_THROWS_WITH(loader.set_epoch(0, 9), "loader: expected a first batch of 0 to 8, got 9");
  CHECK_THROWS_WITH(loader.set_epoch(-1), "loader: expected an epoch of 0 or more, got -1");
}

TEST_CASE("leaving a pass early stops the thread") {
  const data::Loader<float> loader(numbered(30), augmented);
  for (int round = 0; round < 200; ++round) {
    Index seen = 0;
    for (auto [images, labels] : loader) {
      if (seen++ == round % 5) {
        break;
      }
    }
  }
  for (int round = 0; round < 200; ++round) {
    const auto unused = loader.begin();
  }
  CHECK_THROWS_AS(
      [&] {
        for (auto [images, labels] : loader) {
          throw ValueError("in the loop");
        }
      }(),
      ValueError);
}

TEST_CASE("no more batches are made than are asked for, and prefetch ahead") {
  auto options = augmented;
  std::atomic<int> made{0};
  options.batch = 1;
  options.transforms = {[&](data::ImageBuffer&, Random&) { ++made; }};
  options.prefetch = 3;
  {
    const data::Loader<float> loader(numbered(30), options);
    const auto pass = loader.begin();
    while (made < 4) {
      std::this_thread::yield();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(made == 4);
}

TEST_CASE("an exception of a transform arrives after the batches before it") {
  for (const Index prefetch : {0, 1, 4}) {
    CAPTURE(prefetch);
    int calls = 0;
    data::LoaderOptions options{.batch = 2, .prefetch = prefetch};
    options.transforms = {
        [&](data::ImageBuffer&, Random&) { require<ValueError>(++calls != 7, "the seventh"); }};
    const data::Loader<float> loader(numbered(30), options);
    Index seen = 0;
    CHECK_THROWS_WITH(
        [&] {
          for (auto [images, labels] : loader) {
            ++seen;
          }
        }(),
        "the seventh");
    CHECK(seen == 3);
  }
}

TEST_CASE("threads hand over the first exception in order, and stop") {
  data::LoaderOptions options{.batch = 2, .prefetch = 8, .threads = 4};
  options.transforms = {[](data::ImageBuffer&, const data::TransformContext& context) {
    // Batches 4 and 7 fail, the later one last.
    std::this_thread::sleep_for(std::chrono::milliseconds(context.position / 8));
    require<ValueError>(context.position != 9 && context.position != 15, "image ",
                        context.position);
  }};
  const data::Loader<float> loader(numbered(30), options);
  for (int round = 0; round < 10; ++round) {
    auto pass = loader.begin();
    for (Index batch = 1; batch < 4; ++batch) {
      ++pass;
      CHECK((*pass).labels.data()[0] == 2 * batch);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(round));
    CHECK_THROWS_WITH(++pass, "image 9");
  }
}

namespace {

data::Loader<float> with_transforms(std::vector<data::Transform> transforms) {
  return data::Loader<float>(numbered(3), {.batch = 2, .transforms = std::move(transforms)});
}

/// Gives images another shape, and as many values as `values` says.
auto reshaping(Index height, Index width, std::size_t values = 48) {
  return [=](data::ImageBuffer& image, Random&) {
    image.height = height;
    image.width = width;
    image.values.resize(values);
  };
}

}  // namespace

TEST_CASE("a transform makes images of the shape it says, or the error names it") {
  CHECK_THROWS_WITH(
      with_transforms({data::random_flip(), reshaping(8, 2)}).begin(),
      "loader: expected transform 2 of 2 to make an image (4, 4, 3), got (8, 2, 3); a transform to "
      "another shape says so in its options");
  const data::TransformOptions tall{.name = "tall", .shape = [](const Shape&) {
                                      return Shape{8, 2, 3};
                                    }};
  CHECK_THROWS_WITH(
      with_transforms({{reshaping(4, 4), tall}}).begin(),
      "loader: expected transform 1 of 1 (tall) to make an image (8, 2, 3), got (4, 4, 3)");
  CHECK_THROWS_WITH(
      with_transforms({reshaping(4, 4, 47)}).begin(),
      "loader: expected transform 1 of 1 to make an image (4, 4, 3) of 48 values, got 47");
  CHECK_THROWS_WITH(with_transforms({data::Transform()}),
                    "loader: expected a function as transform 1 of 1, got none");
  const data::TransformOptions flat{.shape = [](const Shape&) { return Shape{8, 2}; }};
  CHECK_THROWS_WITH(with_transforms({{reshaping(8, 2), flat}}),
                    "loader: expected transform 1 of 1 to make images (H, W, C), got (8, 2)");
  CHECK_THROWS_AS(with_transforms({data::random_crop({.height = 5})}), ShapeError);
  // A later transform gets what an earlier one makes.
  const auto loader =
      with_transforms({{reshaping(8, 2), tall}, data::random_crop({.height = 5, .width = 2})});
  CHECK(loader.image_shape() == Shape{5, 2, 3});
  CHECK((*loader.begin()).images.shape() == Shape{2, 5, 2, 3});
}

TEST_CASE("a transform learns seed, epoch and position, whatever the order") {
  data::LoaderOptions options{.batch = 4, .shuffle = true, .seed = 7, .prefetch = 0};
  options.transforms = {[](data::ImageBuffer& image, const data::TransformContext& context) {
    image.values = std::vector<std::uint8_t>(
        48, static_cast<std::uint8_t>(context.position + 50 * context.epoch +
                                      static_cast<Index>(context.seed)));
  }};
  data::Loader<float> loader(numbered(10), options);
  loader.set_epoch(2);
  const Pass pass = run(loader);
  for (std::size_t i = 0; i < pass.labels.size(); ++i) {
    CHECK(pass.values[i * 48] == static_cast<float>(pass.labels[i] + 107) / 255);
  }
}

TEST_CASE("a pass outlives its loader, and passes go side by side") {
  auto loader = std::make_unique<data::Loader<float>>(numbered(10), augmented);
  auto one = loader->begin();
  auto other = loader->begin();
  loader.reset();
  Index batches = 0;
  for (; one != std::default_sentinel; ++one, ++other, ++batches) {
    CHECK(std::ranges::equal((*one).images.span(), (*other).images.span()));
  }
  CHECK(batches == 3);
  CHECK(other == std::default_sentinel);
}

TEST_CASE("a loader refuses options and data sets that cannot be") {
  using Loader = data::Loader<float>;
  CHECK_THROWS_WITH(Loader(numbered(3), {.batch = 0}),
                    "loader: expected a positive batch size, got 0");
  CHECK_THROWS_WITH(Loader(numbered(3), {.prefetch = -1}),
                    "loader: expected 0 or more batches ahead, got -1");
  CHECK_THROWS_WITH(Loader(numbered(3), {.threads = 0}),
                    "loader: expected a positive number of threads, got 0");
  CHECK_THROWS_WITH(Loader(numbered(3), {.batch = 4, .drop_last = true}),
                    "loader: expected numbered to fill a batch of 4, got 3 images");
  CHECK_THROWS_AS(Loader(data::ImageDataset{}), ShapeError);
  auto broken = numbered(3);
  broken.class_names.pop_back();
  CHECK_THROWS_AS(Loader(broken), ValueError);
  CHECK_THROWS_AS(Loader(numbered(3), {.normalization = {{0.5}, {0.5}}}), ValueError);
}

TEST_CASE("a loader's passes are input ranges, in double as well") {
  static_assert(std::input_iterator<data::Loader<double>::Iterator>);
  for (auto [images, labels] : data::Loader<double>(numbered(2))) {
    static_assert(std::is_same_v<decltype(images), Tensor<double>>);
    CHECK(images(1, 0, 0, 0) == 1.0 / 255);
  }
}

namespace {

/// Five images of one class, four of another and one of a third; the fourth class has none.
data::ImageDataset unbalanced() {
  auto dataset = numbered(10);
  for (Index i = 0; i < 10; ++i) {
    dataset.labels.mutable_at(i) = i < 5 ? 0 : (i < 9 ? 1 : 3);
  }
  dataset.class_names = {"many", "some", "none", "one"};
  return dataset;
}

}  // namespace

TEST_CASE("weights of classes even out their numbers of images") {
  const auto weights = data::class_weights(unbalanced());
  REQUIRE(weights.size() == 4);
  CHECK(weights[0] == Approx(10.0 / (3 * 5)));
  CHECK(weights[1] == Approx(10.0 / (3 * 4)));
  CHECK(weights[2] == 0);
  CHECK(weights[3] == Approx(10.0 / 3));
  CHECK(data::sample_weights(unbalanced(), {1, 2, 3, 4}) ==
        std::vector<double>{1, 1, 1, 1, 1, 2, 2, 2, 2, 4});
  CHECK(data::sample_weights(unbalanced()) == data::sample_weights(unbalanced(), weights));
  CHECK_THROWS_WITH(data::sample_weights(unbalanced(), {1, 2}),
                    "sample_weights: expected a weight for each of 4 classes, got 2");
}

TEST_CASE("unlabelled images are loaded, and have no part in weights") {
  auto dataset = unbalanced();
  const auto weights = data::class_weights(dataset);
  dataset.labels.mutable_at(0) = data::unlabelled;
  const Pass pass = run(data::Loader<float>(dataset, {.batch = 4}));
  CHECK(pass.labels[0] == -100);
  CHECK(pass.labels.size() == 10);
  CHECK(data::class_weights(dataset)[0] == Approx(9.0 / (3 * 4)));
  CHECK(data::sample_weights(dataset, weights)[0] == 0);
  CHECK(data::sample_weights(dataset, weights)[1] == weights[0]);
  dataset.labels = Tensor<Index>::full({10}, data::unlabelled);
  CHECK(data::class_weights(dataset) == std::vector<double>(4));
}

TEST_CASE("images are drawn in proportion to their weights") {
  const Pass descending = run(data::Loader<float>(
      numbered(4), {.batch = 256, .sample_weights = {4, 3, 2, 1}, .samples = 20000}));
  for (Index label = 0; label < 4; ++label) {
    const auto count = std::count(descending.labels.begin(), descending.labels.end(), label);
    const double share = static_cast<double>(4 - label) / 10;
    CHECK(std::abs(static_cast<double>(count) - 20000 * share) <
          5 * std::sqrt(20000 * share * (1 - share)));
  }
  data::Loader<float> loader(
      unbalanced(),
      {.batch = 256, .sample_weights = data::sample_weights(unbalanced()), .samples = 30000});
  CHECK(loader.images() == 30000);
  CHECK(loader.batches() == 118);
  const Pass pass = run(loader);
  CHECK(pass.sizes.back() == 30000 - 117 * 256);
  for (const Index label : {0, 1, 3}) {
    const auto count = std::count(pass.labels.begin(), pass.labels.end(), label);
    CHECK(std::abs(static_cast<double>(count) - 10000) < 5 * std::sqrt(30000 * 2.0 / 9));
  }
  loader.set_epoch(1);
  CHECK(run(loader).labels != pass.labels);
  loader.set_epoch(0);
  CHECK(run(loader) == pass);
}

TEST_CASE("an image of weight 0 is never drawn") {
  auto weights = std::vector<double>(10, 0.0);
  weights[1] = weights[8] = 1e-300;
  const Pass pass = run(data::Loader<float>(numbered(10), {.sample_weights = weights}));
  CHECK(pass.labels.size() == 10);
  CHECK(std::set<Index>(pass.labels.begin(), pass.labels.end()) == std::set<Index>{1, 8});
  const data::WeightedDraw draw(weights);
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const Index drawn = draw(random);
    CHECK((drawn == 1 || drawn == 8));
  }
}

TEST_CASE("drawn images have transforms of their own, whatever the batches and the start") {
  auto options = augmented;
  options.sample_weights = std::vector<double>(30, 0.0);
  options.sample_weights[3] = 1;
  options.samples = 50;
  data::Loader<float> loader(numbered(30), options);
  const Pass whole = run(loader);
  std::set<std::vector<float>> images;
  for (auto image = whole.values.begin(); image != whole.values.end(); image += 48) {
    images.emplace(image, image + 48);
  }
  CHECK(images.size() > 10);
  loader.set_epoch(0, 4);
  const Pass rest = run(loader);
  CHECK(std::equal(rest.values.begin(), rest.values.end(),
                   whole.values.begin() + std::ptrdiff_t{4} * 4 * 48, whole.values.end()));
  options.batch = 7;
  options.prefetch = 0;
  CHECK(run(data::Loader<float>(numbered(30), options)).values == whole.values);
  options.drop_last = true;
  CHECK(data::Loader<float>(numbered(30), options).images() == 49);
}

TEST_CASE("a loader refuses weights that cannot be") {
  const auto with = [](const std::vector<double>& weights, Index samples = 0) {
    return data::Loader<float>(numbered(3), {.sample_weights = weights, .samples = samples});
  };
  CHECK_THROWS_WITH(with({1, 2}), "loader: expected a weight for each of 3 images, got 2");
  CHECK_THROWS_WITH(with({1, -1, 2}), "sample_weights: expected weights of 0 or more, got -1");
  CHECK_THROWS_WITH(with({0, 0, 0}),
                    "sample_weights: expected weights of a positive, finite sum, got 0");
  CHECK_THROWS_WITH(with({1e308, 1e308, 0}),
                    "sample_weights: expected weights of a positive, finite sum, got inf");
  CHECK_THROWS_WITH(with({}, 5),
                    "loader: expected a positive number of samples with sample_weights, got 5");
  CHECK_THROWS_WITH(with({1, 1, 1}, -5),
                    "loader: expected a positive number of samples with sample_weights, got -5");
}

namespace {

/// A batch of 4 images of one pixel, 0, 1, 2, 3, with these labels of 3 classes, by a transform.
data::Batch<double> mixed(const data::BatchTransform<double>& transform, std::uint64_t seed,
                          Tensor<Index> labels = Tensor<Index>({4}, {0, 1, 2, 0})) {
  data::Batch<double> batch{.images = Tensor<double>({4, 1, 1, 1}, {0, 1, 2, 3}),
                            .labels = std::move(labels)};
  Random random(seed);
  transform(batch, {.random = random, .classes = 3});
  return batch;
}

}  // namespace

TEST_CASE("mixup mixes images and targets with the ones before") {
  double sum = 0;
  double squares = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const auto batch = mixed(data::mixup<double>(0.4), seed);
    const double share = batch.images(1, 0, 0, 0);  // of 1 and 0
    REQUIRE((share >= 0 && share <= 1));
    CHECK(batch.images(0, 0, 0, 0) == Approx(3 * (1 - share)));
    CHECK(batch.images(3, 0, 0, 0) == Approx(3 * share + 2 * (1 - share)));
    CHECK(batch.targets(0, 0) == Approx(1));  // both labels are 0
    CHECK(batch.targets(3, 0) == Approx(share));
    CHECK(batch.targets(3, 2) == Approx(1 - share));
    CHECK(batch.labels(1) == (share < 0.5 ? 0 : 1));
    sum += share;
    squares += (share - 0.5) * (share - 0.5);
  }
  CHECK(std::abs(sum / 2000 - 0.5) < 0.04);
  CHECK(squares / 2000 == Approx(1 / (4 * (2 * 0.4 + 1))).epsilon(0.1));  // of beta (0.4, 0.4)
  CHECK_THROWS_WITH(data::mixup<float>(0), "mixup: expected a positive alpha, got 0");
}

TEST_CASE("a mixed image without a label counts with the other's share alone") {
  const auto batch =
      mixed(data::mixup<double>(), 1, Tensor<Index>({4}, {0, data::unlabelled, 2, 0}));
  const double share = batch.images(1, 0, 0, 0);
  CHECK(batch.targets(1, 0) == Approx(1 - share));
  CHECK(batch.targets(1, 1) == 0);
  CHECK(batch.targets(2, 2) == Approx(share));
}

TEST_CASE("cutmix puts a rectangle of the image before into each, and mixes targets by area") {
  std::set<Index> areas;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    data::Batch<float> batch{.images = Tensor<float>({3, 6, 8, 2}),
                             .labels = Tensor<Index>({3}, {0, 1, 2})};
    for (Index i = 0; i < batch.images.size(); ++i) {
      batch.images.mutable_data()[i] = static_cast<float>(i / 96);
    }
    Random random(seed);
    data::cutmix<float>()(batch, {.random = random, .classes = 3});
    for (Index image = 0; image < 3; ++image) {
      const auto other = static_cast<float>((image + 2) % 3);
      const auto values = batch.images.span().subspan(static_cast<std::size_t>(image * 96), 96);
      const auto taken = std::ranges::count(values, other);
      CHECK(taken + std::ranges::count(values, static_cast<float>(image)) == 96);
      CHECK(batch.targets(image, (image + 2) % 3) == Approx(static_cast<double>(taken) / 96));
      areas.insert(taken);
    }
  }
  CHECK(areas.size() > 10);
  CHECK_THROWS_WITH(data::cutmix<float>(NAN), "cutmix: expected a positive alpha, got nan");
}

TEST_CASE("batch transforms depend on seed, epoch and number of the batch alone") {
  auto options = augmented;
  std::vector<data::BatchTransform<float>> mix{data::mixup<float>(), data::cutmix<float>()};
  options.prefetch = 0;
  data::Loader<float> loader(numbered(30), options, mix);
  loader.set_epoch(3);
  const Pass whole = run(loader);
  CHECK(whole != run(data::Loader<float>(numbered(30), options)));
  options.prefetch = 4;
  options.threads = 3;
  data::Loader<float> threaded(numbered(30), options, mix);
  threaded.set_epoch(3);
  CHECK(run(threaded) == whole);
  threaded.set_epoch(3, 2);
  const Pass rest = run(threaded);
  CHECK(std::equal(rest.values.begin(), rest.values.end(),
                   whole.values.begin() + std::ptrdiff_t{2} * 4 * 48, whole.values.end()));
  CHECK((*threaded.begin()).targets.shape() == Shape{4, 30});

  std::set<float> draws;
  const data::BatchTransform<float> draw = [](auto& batch, const auto& context) {
    std::ranges::fill(batch.images.mutable_span(), static_cast<float>(context.random.uniform()));
  };
  for (const auto& batch : data::Loader<float>(numbered(30), options, {draw})) {
    draws.insert(batch.images.data()[0]);
  }
  CHECK(draws.size() == 8);

  const auto with = [](data::BatchTransform<float> transform) {
    return data::Loader<float>(numbered(3), {.batch = 3}, {std::move(transform)}).begin();
  };
  CHECK_THROWS_WITH(
      with([](auto& batch, auto&) {
        batch.images = Tensor<float>({2, 4, 4, 3});
      }),
      "loader: expected batch transform 1 of 1 to keep images (3, H, W, C) and labels "
      "(3,), got (2, 4, 4, 3) and (3,)");
  CHECK_THROWS_WITH(with([](auto& batch, auto&) {
                      batch.targets = Tensor<float>({3, 2});
                    }),
                    "loader: expected batch transform 1 of 1 to leave targets (3, 3) or none, got "
                    "(3, 2)");
}

TEST_CASE("processes share a loader: shards of each batch, or every so-manieth batch") {
  data::Loader<float> whole(numbered(50), {.batch = 8,
                                           .shuffle = true,
                                           .seed = 3,
                                           .drop_last = true,
                                           .transforms = {data::random_crop(2)}});
  whole.set_epoch(1, 2);
  const Pass rest = run(whole);
  std::vector<Index> labels;
  std::vector<float> values;
  auto first = whole.shards(4, 0, 1);
  auto others = whole.shards(4, 1, 3);
  CHECK(first.batches() == 6);
  CHECK(first.images() == 12);
  CHECK(others.batches() == 18);
  first.set_epoch(1, 2);
  others.set_epoch(1, 6);
  auto from_others = others.begin();
  for (const auto& shard : first) {
    const auto take = [&](const data::Batch<float>& batch) {
      labels.insert(labels.end(), batch.labels.span().begin(), batch.labels.span().end());
      values.insert(values.end(), batch.images.span().begin(), batch.images.span().end());
    };
    take(shard);
    for (int i = 0; i < 3; ++i, ++from_others) {
      take(*from_others);
    }
  }
  CHECK(from_others == others.end());
  CHECK(labels == rest.labels);
  CHECK(values == rest.values);

  const data::Loader<float> test(numbered(10), {.batch = 4});
  CHECK(run(test.every(2, 0)).labels == std::vector<Index>{0, 1, 2, 3, 8, 9});
  CHECK(test.every(2, 0).images() == 6);
  CHECK(run(test.every(2, 1)).labels == std::vector<Index>{4, 5, 6, 7});
  CHECK(test.every(2, 1).images() == 4);
  CHECK(test.every(4, 3).batches() == 0);
  CHECK(run(test.every(4, 3)).labels.empty());

  auto later = whole;
  later.set_epoch(1, 5);
  CHECK(run(later.shards(4, 1, 2)).labels.size() == 4);
  later.set_epoch(1, 6);
  CHECK(run(later.shards(4, 1, 2)).labels.empty());
  auto late = test;
  late.set_epoch(0, 1);
  CHECK(run(late.every(2, 0)).labels == std::vector<Index>{8, 9});
  CHECK(run(late.every(2, 1)).labels == std::vector<Index>{4, 5, 6, 7});

  CHECK_THROWS_WITH(whole.shards(3, 0, 1), "loader: expected a batch that 3 shards divide, got 8");
  CHECK_THROWS_WITH(whole.shards(4, 3, 2),
                    "loader: expected some of 4 shards, got 2 from shard 3 on");
  CHECK_THROWS_WITH(test.shards(2, 0, 1),
                    "loader: expected full batches to cut into shards, got 10 images in batches of "
                    "4; leave out the last batch with drop_last");
  CHECK_THROWS_WITH(test.every(2, 2), "loader: expected a first batch of 0 to 1, got 2");
  CHECK_THROWS_WITH(first.shards(2, 0, 1),
                    "loader: expected a loader of whole batches to share, got one of a part");
}
