#pragma once

namespace bench {

/// Registers lstm/T/N/F/U/forward, and the same with /train: a forward pass and all gradients of a
/// layer on N sequences of T steps, from F features to U units. The names gru and rnn (tanh), and
/// those with _bidirectional, likewise.
void register_recurrent();

}  // namespace bench
