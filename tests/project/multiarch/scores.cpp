// For programs in other languages.
#include "score.hpp"

extern "C" const char* score_text() {
  static const std::string text = score();
  return text.c_str();
}
