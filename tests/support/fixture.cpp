#include "support/fixture.hpp"

Fixture::Fixture(const std::string& name)
    : file_(cnnrnn::io::read_safetensors(CNNRNN_TEST_FIXTURES "/" + name + ".safetensors")) {}
