#pragma once

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "cnnrnn/data/open_dataset.hpp"
#include "program/model_file.hpp"
#include "program/png.hpp"
#include "program/terminal.hpp"
#include "program/text_file.hpp"

namespace program {

struct EvaluateOptions {
  std::string checkpoint;
  std::string precision;  ///< empty: that of the training
  std::string data = "auto";
  std::string data_kind = "auto";
  bool skip_unreadable = false;
  cnnrnn::Index batch = 256;
  cnnrnn::Index limit = 0;    ///< test images; 0: all
  cnnrnn::Index samples = 0;  ///< test images to write out with their predictions
  std::string out = ".";      ///< where to
  cnnrnn::data::ImageOptions image = {};
};

/// Writes the first test images as PNG files, as `predict` may read them again, with samples.csv,
/// which names label and prediction.
class SampleWriter {
 public:
  SampleWriter(const EvaluateOptions& options, const cnnrnn::data::ImageDataset& test,
               const cnnrnn::data::Preparation& preparation)
      : options_(options), test_(test), preparation_(preparation) {
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
      write_png(options_.out + "/" + file,
                cnnrnn::data::without_padding(image_of(test_, next_), preparation_));
      table_ << file << ',' << csv_field(class_name(test_.labels(next_))) << ','
             << csv_field(class_name(best)) << ',' << p(row, best) << '\n';
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
  const cnnrnn::data::Preparation& preparation_;
  std::ostringstream table_;
  cnnrnn::Index next_ = 0;
};

/// The data set with the labels that a model gives the same classes. Throws ValueError when it does
/// not know one of them.
inline cnnrnn::data::ImageDataset with_labels_of(const ModelCard& card,
                                                 const cnnrnn::data::ImageDataset& dataset) {
  std::vector<cnnrnn::Index> label_of;
  for (const std::string& name : dataset.class_names) {
    const auto found = std::ranges::find(card.class_names, name);
    cnnrnn::require<cnnrnn::ValueError>(
        found != card.class_names.end(), "evaluate: expected classes of ", card.data_name,
        ", which the model was trained on, got ", name, " of ", dataset.name);
    label_of.push_back(found - card.class_names.begin());
  }
  auto result = dataset;
  result.class_names = card.class_names;
  result.labels = cnnrnn::Tensor<cnnrnn::Index>(dataset.labels.shape(), dataset.labels.span());
  for (cnnrnn::Index& label : result.labels.mutable_span()) {
    label = label_of[static_cast<std::size_t>(label)];
  }
  return result;
}

/// Tests a saved model on the test images of a data set with the classes it was trained for.
template <class T>
int evaluate(const Classifier& classifier, const EvaluateOptions& options) {
  using namespace cnnrnn;
  const auto [card, model] = load_model<T>(classifier, options.checkpoint);
  auto data = data::open_dataset(options.data, {.kind = options.data_kind,
                                                .preparation = card.preparation,
                                                .skip_unreadable = options.skip_unreadable,
                                                .image = image_options(card, options.image)});
  if (options.limit > 0) {
    data.split.test = data::limit(data.split.test, options.limit);
  }
  const auto test = with_labels_of(card, data.split.test);
  print_data(data);
  print_setup(*model);

  const data::Loader<T> loader(test, {.batch = options.batch, .normalization = card.statistics()});
  SampleWriter samples(options, test, card.preparation);
  train::RunningMetrics metrics;
  train::Progress progress;
  progress.begin("test", loader.batches());
  const NoGradGuard no_grad;
  Index done = 0;
  for (const auto& [images, labels] : loader) {
    const Variable<float> logits = in_float((*model)(images));
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

/// The same with numbers of the precision that is asked for, or else was trained with.
inline int evaluate(const Classifier& classifier, const EvaluateOptions& options) {
  return with_precision(classifier, options.precision, options.checkpoint,
                        [&]<class T>(T) { return evaluate<T>(classifier, options); });
}

}  // namespace program
