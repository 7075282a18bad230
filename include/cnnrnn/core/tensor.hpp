#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "cnnrnn/core/allocator.hpp"
#include "cnnrnn/core/shape.hpp"

CNNRNN_NAMESPACE_BEGIN

/// Memory of a tensor, shared by its handles, with a count of the changes made to it.
template <class T>
class Storage {
 public:
  /// Uninitialised memory for `size` elements. Throws std::bad_alloc.
  explicit Storage(Index size)
      : bytes_(static_cast<std::size_t>(size) * sizeof(T)),
        data_(static_cast<T*>(CachingAllocator::instance().allocate(bytes_))) {}
  ~Storage() { CachingAllocator::instance().deallocate(data_, bytes_); }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  /// The first element.
  T* data() const { return data_; }

  /// How often the memory was handed out for writing.
  std::uint64_t version() const { return version_.load(std::memory_order_relaxed); }

  /// Counts that the memory is handed out for writing.
  void bump_version() { version_.fetch_add(1, std::memory_order_relaxed); }

 private:
  std::size_t bytes_;
  T* data_;
  std::atomic<std::uint64_t> version_{0};
};

/// A dense, contiguous, row-major array whose shape is known at run time.
///
/// A tensor is a handle: copies share the memory, `clone` copies it. A default-constructed tensor
/// is undefined: it has no memory, and its spans are empty. Reading is through const members;
/// writing goes through `mutable_data`, `mutable_span` and `mutable_at`, which count the change, so
/// that backward notices when a value that it saved is no longer what it was.
template <class T>
class Tensor {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// The scalar type.
  using value_type = T;

  /// An undefined tensor.
  Tensor() = default;

  /// An uninitialised tensor of the given shape. Throws std::bad_alloc, ShapeError.
  explicit Tensor(const Shape& shape)
      : shape_(shape), storage_(std::make_shared<Storage<T>>(checked_size(shape))) {}

  /// A tensor holding a copy of `values`, row by row. Throws ShapeError when the counts differ.
  Tensor(const Shape& shape, std::span<const T> values) : Tensor(shape) {
    require<ShapeError>(std::ssize(values) == shape.size(), "tensor: expected ", shape.size(),
                        " values for shape ", shape, ", got ", values.size());
    std::copy(values.begin(), values.end(), storage_->data());
  }

  /// A tensor of these values, row by row. Throws ShapeError unless their number fits the shape.
  Tensor(const Shape& shape, std::initializer_list<T> values)
      : Tensor(shape, std::span<const T>(values.begin(), values.size())) {}

  /// A tensor filled with one value.
  static Tensor full(const Shape& shape, T value) {
    Tensor tensor(shape);
    std::fill_n(tensor.storage_->data(), shape.size(), value);
    return tensor;
  }

  /// A tensor of zeros.
  static Tensor zeros(const Shape& shape) { return full(shape, T{}); }

  /// A tensor of ones.
  static Tensor ones(const Shape& shape) { return full(shape, T{1}); }

  /// A tensor of shape () with one value.
  static Tensor scalar(T value) { return full(Shape{}, value); }

  /// Whether there is memory; an undefined tensor means "none".
  bool defined() const { return storage_ != nullptr; }

  /// The shape; () of an undefined tensor.
  const Shape& shape() const { return shape_; }

  /// The number of axes.
  Index rank() const { return shape_.rank(); }

  /// The length of an axis. Throws ShapeError for one that is not there.
  Index dim(Index axis) const { return shape_[axis]; }

  /// Number of elements; 0 when undefined.
  Index size() const { return defined() ? shape_.size() : 0; }

  /// The elements, row by row, for reading; null if undefined.
  const T* data() const { return defined() ? storage_->data() : nullptr; }

  /// The elements for writing: tensors saved for backward notice.
  T* mutable_data() {
    if (!defined()) {
      return nullptr;
    }
    storage_->bump_version();
    return storage_->data();
  }

  /// The elements for reading.
  std::span<const T> span() const { return {data(), static_cast<std::size_t>(size())}; }

  /// The elements for writing, as mutable_data.
  std::span<T> mutable_span() { return {mutable_data(), static_cast<std::size_t>(size())}; }

  /// Element at the given position; throws ShapeError unless there is one index per dimension and
  /// each is inside it. For tests and small work: kernels use data().
  template <class... Indices>
  const T& operator()(Indices... index) const {
    return data()[offset({static_cast<Index>(index)...})];
  }

  /// One element for writing. Throws ShapeError for an index outside.
  template <class... Indices>
  T& mutable_at(Indices... index) {
    return mutable_data()[offset({static_cast<Index>(index)...})];
  }

  /// The only element. Throws ShapeError when there is not exactly one.
  T item() const {
    require<ShapeError>(size() == 1, "item: expected exactly one element, got ", shape_);
    return *data();
  }

  /// The same memory under another shape of the same size; one dimension may be -1, meaning the
  /// rest. Throws ShapeError.
  Tensor reshape(std::initializer_list<Index> dims) const {
    return reshape(infer({dims.begin(), dims.size()}));
  }

  /// The same memory under another shape. Throws ShapeError unless the sizes agree.
  Tensor reshape(const Shape& shape) const {
    require<ShapeError>(shape.size() == size(), "reshape: expected ", size(), " elements of ",
                        shape_, ", got ", shape);
    Tensor view = *this;
    view.shape_ = shape;
    return view;
  }

  /// A copy with memory of its own.
  Tensor clone() const { return defined() ? Tensor(shape_, span()) : Tensor(); }

  /// Overwrites the elements with those of `source`. Throws ShapeError when the shapes differ.
  void copy_from(const Tensor& source) {
    require<ShapeError>(source.shape_ == shape_ && source.defined() == defined(),
                        "copy_from: expected shape ", shape_, ", got ", source.shape_);
    std::copy_n(source.data(), size(), mutable_data());
  }

  /// Converts every element: `x.template to<double>()`.
  template <class U>
  Tensor<U> to() const {
    if (!defined()) {
      return {};
    }
    Tensor<U> result(shape_);
    std::transform(data(), data() + size(), result.mutable_data(),
                   [](T value) { return static_cast<U>(value); });
    return result;
  }

  /// How often the memory was handed out for writing.
  std::uint64_t version() const { return defined() ? storage_->version() : 0; }

  /// Whether no other handle shares the memory.
  bool unique() const { return storage_.use_count() == 1; }

  /// The memory, whatever the scalar: to tell whether two tensors share it. Null if undefined.
  std::shared_ptr<const void> memory() const { return storage_; }

  /// Whether both are handles to the same memory.
  bool shares_memory_with(const Tensor& other) const {
    return defined() && storage_ == other.storage_;
  }

 private:
  static Index checked_size(const Shape& shape) {
    constexpr auto most = std::numeric_limits<Index>::max() / static_cast<Index>(sizeof(T));
    require<ShapeError>(shape.size() <= most, "tensor: expected fewer than 2^63 bytes, got shape ",
                        shape);
    return shape.size();
  }

  Index offset(std::initializer_list<Index> index) const {
    require<ShapeError>(defined() && std::ssize(index) == rank(), "tensor: expected ", rank(),
                        " indices for ", shape_, ", got ", index.size());
    Index position = 0;
    Index axis = 0;
    for (const Index i : index) {
      require<ShapeError>(i >= 0 && i < shape_[axis], "tensor: expected an index in [0, ",
                          shape_[axis], ") on axis ", axis, " of ", shape_, ", got ", i);
      position = position * shape_[axis++] + i;
    }
    return position;
  }

  Shape infer(std::span<const Index> dims) const {
    std::array<Index, Shape::max_rank> filled{};
    require<ShapeError>(dims.size() <= filled.size(), "reshape: expected at most ", Shape::max_rank,
                        " dimensions, got ", dims.size());
    std::replace_copy(dims.begin(), dims.end(), filled.begin(), Index{-1}, Index{1});
    const Shape known(std::span<const Index>(filled.data(), dims.size()));
    const auto unknown = std::count(dims.begin(), dims.end(), Index{-1});
    if (unknown == 0) {
      return known;
    }
    require<ShapeError>(unknown == 1, "reshape: expected one dimension of -1 at most, got ",
                        unknown);
    require<ShapeError>(known.size() > 0 && size() % known.size() == 0,
                        "reshape: expected a divisor of the ", size(), " elements of ", shape_,
                        " beside the -1, got ", known.size());
    const auto place = std::find(dims.begin(), dims.end(), Index{-1}) - dims.begin();
    return known.with(place, size() / known.size());
  }

  Shape shape_;
  std::shared_ptr<Storage<T>> storage_;
};

CNNRNN_NAMESPACE_END
