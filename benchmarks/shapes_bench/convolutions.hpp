#pragma once

namespace bench {

/// Registers conv/KIND/N/H/C/O/KHxKW/STRIDE/DILATION/GROUPS/forward, and the same with /train: a
/// forward pass and both gradients; of bfloat16 with /bf16 behind that. Images are H x H, paddings
/// such that a stride of 1 keeps them.
void register_convolutions();

/// Prints the kernel of each case and direction.
void explain_convolutions();

}  // namespace bench
