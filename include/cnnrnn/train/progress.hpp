#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "cnnrnn/system/terminal.hpp"
#include "cnnrnn/train/text.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace train {

/// Seconds since some fixed moment.
inline double steady_seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

/// Options of Progress.
struct ProgressOptions {
  std::FILE* out = stdout;            ///< null: say nothing
  std::optional<bool> terminal = {};  ///< whether `out` is one; asked of the system if not given
  double line_seconds = 10;           ///< between plain lines
  double bar_seconds = 0.1;           ///< between two states of the bar
  std::function<double()> clock = steady_seconds;  ///< seconds from any point on
};

/// Shows how far a piece of work is: a bar with rate and remaining time on a terminal, a plain line
/// now and then in a file.
class Progress {
 public:
  /// A display that has shown nothing yet.
  explicit Progress(ProgressOptions options = {})
      : options_(std::move(options)),
        terminal_(
            options_.out != nullptr &&
            (options_.terminal.has_value() ? *options_.terminal : os::is_terminal(options_.out))) {}
  ~Progress() { erase(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Begins a piece of work of `total` parts, `done` of which were done before.
  void begin(std::string label, Index total, Index done = 0) {
    label_ = std::move(label);
    total_ = total;
    first_ = done;
    items_ = 0;
    began_ = shown_ = options_.clock();
  }

  /// Notes that `done` parts are done now, the last of them with `items` images, and shows it with
  /// `note` if it is time.
  template <class Note>
  void update(Index done, Index items, const Note& note) {
    items_ += items;
    const double now = options_.clock();
    const double pause = terminal_ ? options_.bar_seconds : options_.line_seconds;
    if (options_.out == nullptr || now - shown_ < pause) {
      return;
    }
    shown_ = now;
    const double seconds = now - began_;
    const double left = static_cast<double>(total_ - done) * seconds /
                        static_cast<double>(std::max<Index>(done - first_, 1));
    const std::string numbers = to_message(detail::fixed(static_cast<double>(items_) / seconds, 0),
                                           " images/s  ETA ", detail::duration(left), "  ", note());
    if (terminal_) {
      draw(to_message(label_, ' ', bar(done), ' ', numbers));
    } else {
      print(to_message(label_, "  ", done, '/', total_, "  ", numbers, '\n'));
    }
  }

  /// Takes the bar away and prints a line that stays.
  void line(const std::string& text) {
    erase();
    print(text + '\n');
  }

 private:
  std::string bar(Index done) const {
    constexpr Index width = 24;
    const Index full = total_ > 0 ? done * width / total_ : width;
    const Index percent = total_ > 0 ? done * 100 / total_ : 100;
    return to_message('[', std::string(static_cast<std::size_t>(full), '='),
                      std::string(static_cast<std::size_t>(width - full), ' '), "] ",
                      percent < 10    ? "  "
                      : percent < 100 ? " "
                                      : "",
                      percent, '%');
  }

  // A line longer than the terminal would wrap, and the next one could not replace it.
  void draw(const std::string& text) {
    const int width = std::max(os::terminal_width(options_.out).value_or(80), 2);
    print("\r\x1b[K" + text.substr(0, static_cast<std::size_t>(width) - 1));
    drawn_ = true;
  }

  void erase() {
    if (drawn_) {
      print("\r\x1b[K");
      drawn_ = false;
    }
  }

  void print(const std::string& text) const {
    if (options_.out != nullptr) {
      std::fputs(text.c_str(), options_.out);
      std::fflush(options_.out);
    }
  }

  ProgressOptions options_;
  bool terminal_;
  bool drawn_ = false;
  std::string label_;
  Index total_ = 0;
  Index first_ = 0;
  Index items_ = 0;
  double began_ = 0;
  double shown_ = 0;
};

}  // namespace train
CNNRNN_NAMESPACE_END
