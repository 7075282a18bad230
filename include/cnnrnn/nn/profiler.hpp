#pragma once

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <locale>
#include <map>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cnnrnn/nn/module.hpp"

CNNRNN_NAMESPACE_BEGIN
namespace nn {

/// What a module has taken, in milliseconds, without the parts of it that have a row of their own.
struct ProfileRow {
  std::string path;     ///< empty for what belongs to no module, such as a loss
  Index calls = 0;      ///< how often it was called
  double forward = 0;   ///< milliseconds
  double backward = 0;  ///< milliseconds
  double share = 0;     ///< of the time of all rows, from 0 to 1
};

namespace detail {

/// Adds up times while it lives.
template <class T>
class ProfileRecorder : private Observer<T> {
  using Clock = std::chrono::steady_clock;

 public:
  explicit ProfileRecorder(std::map<std::string, ProfileRow>& rows)
      : rows_(rows), whole_(&rows[""]), current_(whole_), last_(Clock::now()) {}

 private:
  static double milliseconds(Clock::duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
  }

  /// The time since the last event.
  double lap() {
    const auto before = std::exchange(last_, Clock::now());
    return milliseconds(last_ - before);
  }

  void operation(std::string_view /*name*/, const std::vector<Variable<T>>& /*inputs*/,
                 const std::vector<Tensor<T>>& /*outputs*/) override {
    current_->forward += lap();
  }

  void module_begins(const std::string& path) override {
    const double before = lap();
    current_->forward += outside_.empty() ? 0 : before;  // the program may have done other things
    ProfileRow* const row = path.empty() ? whole_ : &rows_[path];
    row->calls += row != current_ && row != whole_ ? 1 : 0;
    outside_.push_back(std::exchange(current_, row));
  }

  void module_ends() override {
    current_->forward += lap();
    current_ = outside_.back();
    outside_.pop_back();
  }

  void recorded(const Record<T>& record) override { owners_[&record] = current_; }

  void backward_begins(const Record<T>& /*record*/) override { lap(); }
  void backward_ends(const Record<T>& record) override {
    const auto owner = owners_.find(&record);
    (owner == owners_.end() ? whole_ : owner->second)->backward += lap();
  }

  std::map<std::string, ProfileRow>& rows_;
  ProfileRow* whole_;
  ProfileRow* current_;
  std::vector<ProfileRow*> outside_;
  std::unordered_map<const Record<T>*, ProfileRow*> owners_;
  Clock::time_point last_;
};

}  // namespace detail

/// Where the time of a model goes, module by module, on this thread: opt-in, and without cost while
/// it is stopped. A layer that another one takes along in one pass counts there.
///
///   nn::Profiler<float> profiler(model);
///   profiler.start(); ... profiler.stop();
///   std::cout << profiler;
template <class T>
class Profiler {
 public:
  /// A profiler of a model, stopped.
  explicit Profiler(Module<T>& model) { model.named_modules(); }  // which tells all their paths

  /// Counts from here on, beside what it has counted before. Begin and end may not lie within a
  /// call of the model.
  void start() {
    if (!recorder_) {
      recorder_.emplace(rows_);
    }
  }

  /// Counts no further.
  void stop() { recorder_.reset(); }

  /// Forgets what it has counted.
  void reset() {
    const bool running = recorder_.has_value();
    stop();
    rows_.clear();
    if (running) {
      start();
    }
  }

  /// A row for each module that has taken time, the longest time first.
  std::vector<ProfileRow> rows() const {
    std::vector<ProfileRow> result;
    double all = 0;
    for (const auto& [path, row] : rows_) {
      if (row.calls > 0 || row.forward + row.backward > 0) {
        result.push_back(row);
        result.back().path = path;
        all += row.forward + row.backward;
      }
    }
    for (auto& row : result) {
      row.share = all > 0 ? (row.forward + row.backward) / all : 0;
    }
    std::ranges::sort(result, [](const ProfileRow& a, const ProfileRow& b) {
      return std::tie(b.share, a.path) < std::tie(a.share, b.path);
    });
    return result;
  }

  // The rows as a table.
  friend std::ostream& operator<<(std::ostream& out, const Profiler& profiler) {
    std::ostringstream table;
    table.imbue(std::locale::classic());
    table << " share   calls  forward ms  backward ms  module\n" << std::fixed;
    for (const auto& row : profiler.rows()) {
      table << std::setprecision(1) << std::setw(5) << 100 * row.share << '%' << std::setw(8)
            << row.calls << std::setprecision(2) << std::setw(12) << row.forward << std::setw(13)
            << row.backward << "  " << (row.path.empty() ? "(no module)" : row.path) << '\n';
    }
    return out << table.str();
  }

 private:
  std::map<std::string, ProfileRow> rows_;
  std::optional<detail::ProfileRecorder<T>> recorder_;
};

}  // namespace nn
CNNRNN_NAMESPACE_END
