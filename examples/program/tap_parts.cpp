// Every cell and wavelet that --rnn and --wavelet name.
#include "models/tap_parts.hpp"

template std::vector<TapCell<float>> tap_cells<float>();
template std::vector<TapWavelet<float>> tap_wavelets<float>();
