#!/bin/sh
# The smallest plugin of postino in shell that is honest: it has no keys, so it
# refuses.  Put a cipher where it refuses; postino-plugin(7) says what a sealed
# letter must look like.
#
#     plugin "refuse" { command = "/path/to/refuse.sh" }
#     postino plugin check ./refuse.sh
#
# The postino developers put this file into the public domain.
#
# A frame is kept as words, one byte in decimal each, since a shell's variables
# hold no NUL.  Letters come and go in DATA frames (STREAM): a shell cannot be
# passed descriptors.

# ---- bytes ----

# hexadecimal of a number of $2 bytes, little-endian
little() {
  n=$1 left=$2
  while [ "$left" -gt 0 ]; do
    printf '%02x' $((n % 256))
    n=$((n / 256)) left=$((left - 1))
  done
}

hex() { od -An -v -tx1 | tr -d ' \n'; }

# a field: its number, and its value in hexadecimal, a number, or a text
field() { little "$1" 2; little $((${#2} / 2)) 4; printf %s "$2"; }
number() { field "$1" "$(little "$2" 8)"; }
text() { field "$1" "$(printf %s "$2" | hex)"; }

# send TYPE FIELDS: a frame is one write
send() {
  out=50535450$(little 1 2)$(little "$1" 2)$(little "$request" 4)$(little $((${#2} / 2)) 4)$2
  printf "$(printf '%s\n' "$out" | awk '
    BEGIN { digits = "0123456789abcdef" }
    { for (i = 1; i < length($0); i += 2)
        printf "\\%03o", index(digits, substr($0, i, 1)) * 16 - 17 + index(digits, substr($0, i + 1, 1)) }')" |
    dd bs=65536 iflag=fullblock 2>/dev/null >&3
}

# error CODE SENTENCE
fail() { send 255 "$(number 33 "$1")$(text 24 "$2")"; }

# ---- a frame that came ----

# at OFFSET BYTES: a number of the frame
at() {
  printf '%s\n' $frame | awk -v at="$1" -v n="$2" \
    'NR > at && NR <= at + n { sum += $1 * 256 ^ (NR - at - 1) } END { printf "%.0f", sum }'
}

# fields: a line each, its number and its value in hexadecimal; "strange" for one
# that must be understood and is not
fields() {
  printf '%s\n' $frame | awk '
    { byte[NR - 1] = $1 }
    END {
      for (at = 16; at < NR; at += 6 + n) {
        tag = byte[at] + byte[at + 1] * 256
        n = byte[at + 2] + byte[at + 3] * 256 + byte[at + 4] * 65536
        if (tag >= 32768 && tag - 32768 > 49) print "strange"
        printf "%d ", tag % 32768
        for (i = 0; i < n; i++) printf "%02x", byte[at + 6 + i]
        print ""
      }
    }'
}

# value FIELD: the number in the first of them
value() {
  printf '%s\n' "$all" | awk -v tag="$1" '
    BEGIN { digits = "0123456789abcdef" }
    $1 == tag {
      for (i = length($2) - 1; i > 0; i -= 2)
        n = n * 256 + index(digits, substr($2, i, 1)) * 16 - 17 + index(digits, substr($2, i + 1, 1))
      printf "%.0f", n
      exit
    }'
}

# ---- what is asked ----

hello() {
  # VERSION, NAME, PLUGIN_VERSION, CAPABILITIES (2: seal), STREAM
  if [ "$(value 1)" -le 1 ] && [ "$(value 2)" -ge 1 ]; then
    send 129 "$(number 3 1)$(text 4 "refuse")$(text 5 1)$(number 6 2)$(number 48 1)"
  else
    fail 9 "this plugin speaks version 1 of the protocol; install a newer one"
  fi
}

# For each RECIPIENT: CAN_SEAL and WHY.
recipients() {
  answer=
  for address in $(printf '%s\n' "$all" | sed -n 's/^18 //p'); do
    answer=$answer$(field 18 "$address")$(number 22 0)$(text 24 "this example has no keys; use another plugin")
  done
  send 130 "$answer"
}

seal() { fail 9 "this example seals nothing; use another plugin"; }

while frame=$(dd bs=65536 count=1 2>/dev/null <&3 | od -An -v -tu1) && [ -n "$frame" ]; do
  type=$(at 6 2) request=$(at 8 4) all=$(fields)
  case $all in *strange*) [ "$type" -eq 40 ] || type=0 ;; esac
  case $type in
    1) hello ;;
    2) recipients ;;
    3) seal ;;
    40) ;; # DATA of what was refused
    *) fail 9 "this plugin cannot do that" ;;
  esac
done
