#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cnnrnn/train/text.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace train {

/// The results of an epoch; what was not measured is NaN.
struct HistoryRow {
  Index epoch = 0;            ///< from 1 on
  double train_loss = 0;      ///< the mean over the epoch's images, as they were trained
  double train_accuracy = 0;  ///< from 0 to 1
  double test_loss = std::numeric_limits<double>::quiet_NaN();  ///< the mean over all test images
  double test_accuracy = std::numeric_limits<double>::quiet_NaN();  ///< from 0 to 1
  double seconds = 0;            ///< of training, without the test
  double images_per_second = 0;  ///< in training
};

/// The rows of all epochs, the first one first.
using History = std::vector<HistoryRow>;

/// The history as a table of comma-separated values with a header line; NaN is an empty field.
inline std::string to_csv(const History& history) {
  const auto field = [](double value, int digits) {
    return ',' + (std::isnan(value) ? "" : detail::fixed(value, digits));
  };
  std::string text =
      "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second\n";
  for (const auto& row : history) {
    text += to_message(row.epoch) + field(row.train_loss, 6) + field(row.train_accuracy, 6) +
            field(row.test_loss, 6) + field(row.test_accuracy, 6) + field(row.seconds, 3) +
            field(row.images_per_second, 1) + '\n';
  }
  return text;
}

/// The row in a line for people.
inline std::string to_line(const HistoryRow& row) {
  std::string text = to_message("train loss ", detail::fixed(row.train_loss, 4), " accuracy ",
                                detail::fixed(row.train_accuracy, 4));
  if (!std::isnan(row.test_loss)) {
    text += to_message("  test loss ", detail::fixed(row.test_loss, 4), " accuracy ",
                       detail::fixed(row.test_accuracy, 4));
  }
  return text + to_message("  ", detail::duration(row.seconds), "  ",
                           detail::fixed(row.images_per_second, 0), " images/s");
}

}  // namespace train
CNNRNN_NAMESPACE_END
