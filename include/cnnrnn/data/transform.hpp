#pragma once

#include "cnnrnn/data/transform/colour.hpp"
#include "cnnrnn/data/transform/crop.hpp"
#include "cnnrnn/data/transform/erase.hpp"
#include "cnnrnn/data/transform/flip.hpp"
#include "cnnrnn/data/transform/image_transform.hpp"
#include "cnnrnn/data/transform/normalization.hpp"

// What happens to an image between a data set and a batch: transforms of its bytes, and their
// normalisation.
