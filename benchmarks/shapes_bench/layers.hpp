#pragma once

namespace bench {

/// Registers conv_transpose/N/H/C/O/KHxKW/STRIDE/PADDING and conv1d/N/T/C/O/K/STRIDE/DILATION, each
/// with /forward and with /train, a forward pass and all gradients: layers with a bias, on images
/// H x H and on sequences whose padding is such that a stride of 1 keeps them.
void register_layers();

/// Prints the kernel of each case and direction.
void explain_layers();

}  // namespace bench
