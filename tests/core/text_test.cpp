#include "cnnrnn/core/text.hpp"

#include "support/catch.hpp"

using namespace cnnrnn;

TEST_CASE("text in UTF-8 is printed as it is") {
  for (const char* const text : {"", "tench, Tinca tinca", "a\\b\tc", "Käse", "\xe2\x82\xac",
                                 "\xf0\x9f\x90\x88", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
    CAPTURE(text);
    CHECK(printable(text) == text);
    CHECK(is_printable(text));
  }
}

TEST_CASE("control characters and other bytes are escaped") {
  CHECK(printable("a\nb") == "a\\nb");
  CHECK(printable("\x1b[2J") == "\\x1b[2J");
  CHECK(printable(std::string("\0\x7f", 2)) == "\\x00\\x7f");
  CHECK(printable("\xc2\x9b") == "\\xc2\\x9b");
  CHECK(printable("caf\xe9") == "caf\\xe9");
  CHECK(printable("\xe9\xc3\xa9") == "\\xe9\xc3\xa9");
  // A character in too many bytes, half a pair, above U+10FFFF, cut off.
  for (const char* const text :
       {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80", "\xe2\x82", "\xc3"}) {
    CAPTURE(text);
    CHECK_FALSE(is_printable(text));
    CHECK(printable(text).starts_with("\\x"));
  }
}
