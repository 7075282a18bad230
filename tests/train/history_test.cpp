#include "cnnrnn/train/history.hpp"

#include "support/catch.hpp"

using namespace cnnrnn;

TEST_CASE("a history is a table with a header") {
  CHECK(train::to_csv({}) ==
        "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second\n");
  const train::HistoryRow whole = {1, 1.5, 0.25, 1.25, 0.5, 61.25, 1000.04};
  const train::HistoryRow untested = {.epoch = 12, .train_loss = 1e-7, .train_accuracy = 1};
  CHECK(train::to_csv({whole, untested}) ==
        "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second\n"
        "1,1.500000,0.250000,1.250000,0.500000,61.250,1000.0\n"
        "12,0.000000,1.000000,,,0.000,0.0\n");
  CHECK(train::to_line(whole) ==
        "train loss 1.5000 accuracy 0.2500  test loss 1.2500 accuracy 0.5000  1:01  1000 images/s");
  CHECK(train::to_line(untested) == "train loss 0.0000 accuracy 1.0000  0 s  0 images/s");
}
