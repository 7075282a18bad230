#include "cnnrnn/train/progress.hpp"

#include "support/catch.hpp"

using namespace cnnrnn;
using Catch::Matchers::Contains;

namespace {

/// What is printed to it.
class Printed {
 public:
  Printed() : file_(std::tmpfile()) { REQUIRE(file_ != nullptr); }
  ~Printed() { std::fclose(file_); }
  Printed(const Printed&) = delete;
  Printed& operator=(const Printed&) = delete;

  std::FILE* file() const { return file_; }
  std::string text() const {
    std::string text;
    std::rewind(file_);
    for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_)) {
      text += static_cast<char>(c);
    }
    return text;
  }

 private:
  std::FILE* file_;
};

/// 100 parts of 8 images, one a second.
std::string printed(bool terminal, Index done = 0) {
  const Printed out;
  double now = 5;
  train::Progress progress({.out = out.file(), .terminal = terminal, .clock = [&] { return now; }});
  progress.begin("epoch 1/2", 100, done);
  while (done < 100) {
    now += 1;
    progress.update(++done, 8, [] { return std::string("loss 1.5"); });
  }
  progress.line("epoch 1/2  done");
  return out.text();
}

}  // namespace

TEST_CASE("without a terminal there is a plain line now and then") {
  const std::string text = printed(false);
  CHECK(std::count(text.begin(), text.end(), '\n') == 11);
  CHECK(
      text.starts_with("epoch 1/2  10/100  8 images/s  ETA 1:30  loss 1.5\n"
                       "epoch 1/2  20/100  8 images/s  ETA 1:20  loss 1.5\n"));
  CHECK(text.ends_with("epoch 1/2  100/100  8 images/s  ETA 0 s  loss 1.5\nepoch 1/2  done\n"));
  CHECK(text.find('\r') == std::string::npos);
}

TEST_CASE("on a terminal a bar is drawn in place and goes away") {
  const std::string text = printed(true);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK_THAT(text, Contains("\r\x1b[Kepoch 1/2 [============            ]  50% 8 images/s  "
                            "ETA 50 s  loss 1.5"));
  CHECK(text.ends_with("100% 8 images/s  ETA 0 s  loss 1.5\r\x1b[Kepoch 1/2  done\n"));
}

TEST_CASE("the remaining time of resumed work counts from where it began") {
  CHECK_THAT(printed(false, 80), Contains("90/100  8 images/s  ETA 10 s"));
}

TEST_CASE("a silent progress says nothing, and a bar is gone after an exception") {
  train::Progress silent({.out = nullptr});
  silent.begin("x", 1);
  silent.update(1, 1, [] { return std::string(); });
  silent.line("x");

  const Printed out;
  try {
    double now = 0;
    train::Progress progress({.out = out.file(), .terminal = true, .clock = [&] { return now++; }});
    progress.begin("x", 0);
    progress.update(0, 0, [] { return std::string(200, 'y'); });
    throw ValueError("");
  } catch (const ValueError&) {
  }
  CHECK(out.text().ends_with("yyy\r\x1b[K"));
  CHECK(out.text().size() < 100);
}

TEST_CASE("times and numbers are written for people") {
  CHECK(train::detail::duration(0.4) == "0 s");
  CHECK(train::detail::duration(59.4) == "59 s");
  CHECK(train::detail::duration(59.6) == "1:00");
  CHECK(train::detail::duration(3725) == "1:02:05");
  CHECK(train::detail::duration(1e300) == "100:00:00");
  CHECK(train::detail::fixed(1234.5678, 2) == "1234.57");
  CHECK(train::detail::fixed(1e308, 1).size() == 311);
}
