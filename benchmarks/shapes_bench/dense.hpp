#pragma once

namespace bench {

/// Registers dense/N/IN/OUT/forward, and the same with /train: a forward pass and all gradients of
/// a dense layer with a bias on N rows.
void register_dense();

}  // namespace bench
