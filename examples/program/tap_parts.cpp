// Every cell and wavelet that --rnn and --wavelet name.
#include "models/tap_parts.hpp"

template std::vector<TapCell<float>> tap_cells<float>();
template std::vector<TapWavelet<float>> tap_wavelets<float>();
template std::vector<TapCell<cnnrnn::bfloat16>> tap_cells<cnnrnn::bfloat16>();
template std::vector<TapWavelet<cnnrnn::bfloat16>> tap_wavelets<cnnrnn::bfloat16>();
