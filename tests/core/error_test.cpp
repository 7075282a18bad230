#include "cnnrnn/core/error.hpp"

#include <ostream>
#include <string>

#include "support/catch.hpp"

using namespace cnnrnn;

namespace {

/// Streams itself, and counts how often.
struct Counted {
  int* streamed;
};
std::ostream& operator<<(std::ostream& out, const Counted& counted) {
  ++*counted.streamed;
  return out << "counted";
}

template <class E>
void check_kind() {
  CHECK_THROWS_AS(require<E>(false, "x"), E);
  CHECK_THROWS_AS(require<E>(false, "x"), Error);
  CHECK_THROWS_AS(require<E>(false, "x"), std::runtime_error);
}

}  // namespace

TEST_CASE("to_message joins whatever can be streamed") {
  CHECK(to_message("got ", 3, ", ", 0.5, ' ', std::string("of it")) == "got 3, 0.5 of it");
}

TEST_CASE("require throws the error it is told with the joined message") {
  CHECK_THROWS_WITH(require<ValueError>(false, "stride: expected more than 0, got ", -2),
                    "stride: expected more than 0, got -2");
  check_kind<ShapeError>();
  check_kind<ValueError>();
  check_kind<FileError>();
  check_kind<GraphError>();
  check_kind<NumericError>();
}

TEST_CASE("require formats nothing when all is well") {
  int streamed = 0;
  CHECK_NOTHROW(require<ValueError>(true, Counted{&streamed}));
  CHECK(streamed == 0);
  CHECK_THROWS_WITH(require<ValueError>(false, Counted{&streamed}), "counted");
  CHECK(streamed == 1);
}
