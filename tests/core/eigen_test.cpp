#include "cnnrnn/core/eigen.hpp"

#include "support/catch.hpp"

using namespace cnnrnn;

TEST_CASE("a tensor and an Eigen matrix look at the same memory, row by row") {
  auto tensor = Tensor<double>({2, 1, 3}, {1, 2, 3, 4, 5, 6});
  const auto matrix = as_eigen(tensor);
  CHECK(matrix.rows() == 2);
  CHECK(matrix.cols() == 3);
  CHECK(matrix(1, 0) == 4);

  const auto before = tensor.version();
  as_mutable_eigen(tensor)(0, 2) = 7;
  CHECK(tensor(0, 0, 2) == 7);
  CHECK(tensor.version() > before);
}

TEST_CASE("an Eigen expression becomes a tensor") {
  Eigen::MatrixXf matrix(2, 2);  // column-major, as Eigen's default is
  matrix << 1, 2, 3, 4;
  const auto tensor = from_eigen(2 * matrix.transpose());
  CHECK(tensor.shape() == Shape{2, 2});
  CHECK(tensor(0, 1) == 6);
  CHECK(tensor(1, 0) == 4);
}

TEST_CASE("scalars and empty tensors have a matrix, too") {
  CHECK(as_eigen(Tensor<float>::scalar(3))(0, 0) == 3);
  CHECK(as_eigen(Tensor<float>::zeros({0, 4})).rows() == 0);
  CHECK(as_eigen(Tensor<float>::zeros({4, 0})).cols() == 0);
}
