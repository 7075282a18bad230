# Doxygen's view of a header: its names in the group of its room, include/cnnrnn/ROOM, and no special
# members, of which there is nothing to say. Lines keep their numbers.

FNR == 1 {
  header = FILENAME
  sub(/^.*\/include\//, "", header)
  room = header
  sub(/^cnnrnn\//, "", room)
  if (!sub(/\/.*/, "", room)) {
    room = "core"
  }
  # Two lines, of which the second one is that of the empty line behind `#pragma once`.
  printf "/** @file %s\n@brief `#include <%s>` */", header, header
  next
}

/= (default|delete);/ { sub(/^.*= (default|delete);/, "") }
/include <stb/ { $0 = "" }

# A name of a function in prose becomes a link by its parentheses.
/\/\/\/.*(see|Options of) [a-z0-9_]+[.;]/ && match($0, /(see|Options of) [a-z0-9_]+/) {
  $0 = substr($0, 1, RSTART + RLENGTH - 1) "()" substr($0, RSTART + RLENGTH)
}

# Most macros are the library's own business.
in_macro || (/^ *#(define|undef) / && !/ CNNRNN_(EXTERN|INSTANTIATE|VERSION)/) {
  in_macro = /\\$/
  print ""
  next
}

# The group begins and ends with each namespace but detail; on its line, so that lines keep their
# numbers.
/^CNNRNN_NAMESPACE_BEGIN|^namespace [a-z:]+ {/ && !/detail/ {
  $0 = $0 "/** @addtogroup " room " */ /** @{ */"
}
/^CNNRNN_NAMESPACE_END|^}  \/\/ namespace [a-z:]+$/ && !/detail/ { $0 = "/** @} */ " $0 }

{ print }
