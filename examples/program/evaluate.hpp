#pragma once

#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>

#include "cnnrnn/data/open_dataset.hpp"
#include "program/model_file.hpp"
#include "program/png.hpp"
#include "program/terminal.hpp"
#include "program/text_file.hpp"

namespace program {

struct EvaluateOptions {
  std::string checkpoint;
  std::string data = "auto";
  cnnrnn::Index batch = 256;
  cnnrnn::Index limit = 0;    ///< test images; 0: all
  cnnrnn::Index samples = 0;  ///< test images to write out with their predictions
  std::string out = ".";      ///< where to
  cnnrnn::data::ImageOptions image = {};
};

/// Writes the first test images as PNG files with samples.csv, which names label and prediction.
class SampleWriter {
 public:
  SampleWriter(const EvaluateOptions& options, const cnnrnn::data::ImageDataset& test)
      : options_(options), test_(test) {
    table_ << "file,label,prediction,probability\n";
    if (options.samples > 0) {
      make_folder(options.out + "/samples");
    }
  }

  /// Sees the logits (B, K) of the next batch.
  void add(const cnnrnn::Variable<float>& logits) {
    const auto p = cnnrnn::softmax(logits).value();
    for (cnnrnn::Index row = 0; row < p.dim(0) && next_ < options_.samples; ++row, ++next_) {
      const auto best = cnnrnn::train::predicted_class(p, row);
      const std::string file = "samples/" + std::to_string(next_) + ".png";
      write_png(options_.out + "/" + file, test_, next_);
      table_ << file << ',' << class_name(test_.labels(next_)) << ',' << class_name(best) << ','
             << p(row, best) << '\n';
    }
  }

  void finish() const {
    if (options_.samples > 0) {
      cnnrnn::io::write_text(options_.out + "/samples.csv", table_.str());
      std::cout << "samples: " << options_.out << "/samples.csv\n";
    }
  }

 private:
  const std::string& class_name(cnnrnn::Index label) const {
    return test_.class_names[static_cast<std::size_t>(label)];
  }

  const EvaluateOptions& options_;
  const cnnrnn::data::ImageDataset& test_;
  std::ostringstream table_;
  cnnrnn::Index next_ = 0;
};

/// Tests a saved model on the test images of a data set with the classes it was trained for.
inline int evaluate(const Classifier& classifier, const EvaluateOptions& options) {
  using namespace cnnrnn;
  const auto [card, model] = load_model(classifier, options.checkpoint);
  auto data = data::open_dataset(options.data, {.image = options.image});
  if (options.limit > 0) {
    data.split.test = data::limit(data.split.test, options.limit);
  }
  const auto& test = data.split.test;
  require<ValueError>(test.class_names == card.class_names, "evaluate: expected the classes of ",
                      card.data_name, ", which the model was trained on, got those of ", test.name);
  std::cout << "data:    " << data.describe() << '\n';
  print_setup(*model);

  const data::Loader<float> loader(test,
                                   {.batch = options.batch, .normalization = card.statistics()});
  SampleWriter samples(options, test);
  train::RunningMetrics metrics;
  train::Progress progress;
  progress.begin("test", loader.batches());
  const NoGradGuard no_grad;
  Index done = 0;
  for (const auto& [images, labels] : loader) {
    const Variable<float> logits = (*model)(images);
    metrics.add(cross_entropy(logits, labels).item(), train::count_correct(logits.value(), labels),
                labels.size());
    samples.add(logits);
    progress.update(++done, labels.size(), [] { return std::string(); });
  }
  progress.line(to_message("test loss ", metrics.loss()));
  samples.finish();
  std::cout << "test accuracy " << std::fixed << std::setprecision(4) << metrics.accuracy()
            << std::endl;
  return 0;
}

}  // namespace program
