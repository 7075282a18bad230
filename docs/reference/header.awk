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
  printf "/** @file %s\n@brief `#include <%s>` */", header, header
  next
}

/= (default|delete);/ { sub(/^.*= (default|delete);/, "") }

# Macros are the library's own business, but for those of programs of many translation units.
in_macro || (/^ *#(define|undef) / && !/ CNNRNN_(EXTERN|INSTANTIATE)\(/) {
  in_macro = /\\$/
  print ""
  next
}

{ print }
