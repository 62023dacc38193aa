# The ground of a behaviour story: a bash script that sources this file, tells
# one story in checks and ends with `finish`. It prints TAP.
#
# A story gets a directory of its own ($story), a provider of its own
# (provider_up), a home for each person, and tmux on a socket of its own. What
# it starts, it ends by pid. It waits for what it wants to see, never for time.
set -u

if [ -z "${STORY_GUARD:-}" ]; then
  STORY_GUARD=1 exec timeout -k 10 "${STORY_SECONDS:-240}" bash "$0" "$@"
fi

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
builddir=${abs_top_builddir:-$(pwd)}
program=${POSTINO:-$builddir/postino}
isp=$tests/isp/isp
story=$(mktemp -d /tmp/pst.XXXXXX)
chmod 755 "$story"
provider=$story/isp
case_number=0 failures=0
background=()
PATH=/usr/bin:/bin:$PATH:/usr/sbin:/sbin
export PYTHONDONTWRITEBYTECODE=1

leave() {
  local pid
  trap - EXIT
  [ ! -S "$story/tmux" ] || tmux -S "$story/tmux" kill-server 2>/dev/null
  for pid in "$story"/home/*/Mail; do
    ! mountpoint -q "$pid" 2>/dev/null || umount "$pid" 2>/dev/null || sudo -n umount "$pid"
  done
  for pid in "${background[@]}"; do kill "$pid" 2>/dev/null; done
  [ ! -d "$provider" ] || "$isp" down "$provider" >/dev/null 2>&1
  for pid in "$story"/home/*/.gnupg; do [ ! -d "$pid" ] || gpgconf --homedir "$pid" --kill all 2>/dev/null; done
  if [ -n "${KEEP:-}" ]; then printf '# kept: %s\n' "$story"; return; fi
  rm -rf "$story" 2>/dev/null || sudo -n rm -rf "$story"
}
trap leave EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# --- checks -----------------------------------------------------------------

diagnose() { sed 's/^/# /'; }

# check STATUS SENTENCE: one case; 0 is good.
check() {
  case_number=$((case_number + 1))
  if [ "$1" -eq 0 ]; then printf 'ok %d - %s\n' "$case_number" "$2"
  else
    printf 'not ok %d - %s\n' "$case_number" "$2"
    failures=$((failures + 1))
    return 1
  fi
}

skip() { # SENTENCE WHY
  case_number=$((case_number + 1))
  printf 'ok %d - %s # SKIP %s\n' "$case_number" "$1" "$2"
}

is() { # GOT WANTED SENTENCE
  [ "$1" = "$2" ]
  check $? "$3" || printf 'wanted: %s\ngot:    %s\n' "$2" "$1" | diagnose
}

like() { # TEXT EXTENDED-PATTERN SENTENCE
  grep -qE -- "$2" <<<"$1"
  check $? "$3" || printf 'wanted: /%s/ in\n%s\n' "$2" "$1" | diagnose
}

unlike() { # TEXT EXTENDED-PATTERN SENTENCE
  ! grep -qE -- "$2" <<<"$1"
  check $? "$3" || printf 'unwanted: /%s/ in\n%s\n' "$2" "$1" | diagnose
}

bail() { printf 'Bail out! %s\n' "$1"; exit 1; }

finish() {
  printf '1..%d\n' "$case_number"
  [ "$failures" -eq 0 ]
  exit
}

# until_true SECONDS COMMAND…: repeats it until it succeeds.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}

# --- the provider and its people --------------------------------------------

# provider_up [seed]: Dovecot and Postfix, with anna and bruno; sets the
# variables of `isp env`.
provider_up() {
  "$isp" up "$provider" >"$story/isp.log" 2>&1 || {
    local status=$?
    [ "$status" -ne 77 ] || { printf '1..0 # SKIP %s\n' "$(tail -n 1 "$story/isp.log")"; exit 0; }
    diagnose <"$story/isp.log"
    bail "the loopback provider did not start"
  }
  if [ "${1:-}" = seed ]; then
    "$isp" seed "$provider" >>"$story/isp.log" 2>&1 || { diagnose <"$story/isp.log"; bail "no sample mail"; }
  fi
  provider_env
}

provider_env() { set -a; eval "$("$isp" env "$provider")"; set +a; }

# person NAME [POP3-TLS [SMTP-TLS]]: a home with an rc file, a mail-dir and the
# key ring of that person.
person() {
  local home=$story/home/$1
  mkdir -p "$home" "$home/run" "$home/tmp"
  chmod 700 "$home" "$home/run"
  { printf 'mail-dir = "%s/Mail"\nsend-delay = 0\nfetch-every = 0\n' "$home"; "$isp" rc "$provider" "$@"; } >"$home/postinorc"
  chmod 600 "$home/postinorc"
}

# edit_rc NAME SED-EXPRESSION…: changes that person's rc file.
edit_rc() {
  local rc=$story/home/$1/postinorc
  shift
  sed -i "$@" "$rc"
}

# The surroundings of a person as `env` takes them: nothing of the tester's.
surroundings() {
  local name=$1 home=$story/home/$1 ring=$provider/gnupg-$1 upper=GNUPGHOME_${1^^}
  [ -d "$ring" ] && ring=${!upper} || ring=$home/.gnupg
  printf '%s\n' "PATH=$PATH" "HOME=$home" "TMPDIR=$home/tmp" "XDG_RUNTIME_DIR=$home/run" "POSTINORC=$home/postinorc" \
    "GNUPGHOME=$ring" "LANG=${STORY_LANG:-C.UTF-8}" "TERM=${STORY_TERM:-dumb}" "EDITOR=${STORY_EDITOR:-true}" \
    "ASAN_OPTIONS=${ASAN_OPTIONS:-}" "LSAN_OPTIONS=${LSAN_OPTIONS:-}" "UBSAN_OPTIONS=${UBSAN_OPTIONS:-}"
}

# as NAME ARGUMENT…: postino with these arguments, in that person's
# surroundings; stdin is passed on. Sets out, err, rc.
as() {
  local name=$1 env
  shift
  mapfile -t env < <(surroundings "$name")
  timeout -k 5 "${AS_SECONDS:-60}" env -i "${env[@]}" "$program" "$@" >"$story/out" 2>"$story/err"
  rc=$?
  out=$(tr -d '\0' <"$story/out")
  err=$(tr -d '\0' <"$story/err")
}

# expect STATUS SENTENCE: the status of the last `as`; tells all if it differs.
expect() {
  [ "$rc" -eq "$1" ]
  check $? "$2" || { printf 'exit status %s, wanted %s\nstdout: %s\nstderr: %s\n' "$rc" "$1" "$out" "$err" | diagnose; return 1; }
}

# one_sentence PATTERN SENTENCE: stderr of the last `as` is one line, ends the
# way a sentence does for a person, holds PATTERN and no control bytes.
one_sentence() {
  [ "$(wc -l <"$story/err")" -eq 1 ] && grep -qE -- "$1" "$story/err" && ! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]')" "$story/err"
  check $? "$2" || printf 'wanted one line with /%s/, got:\n%s\n' "$1" "$err" | diagnose
}

mail_dir() { printf '%s/home/%s/Mail' "$story" "$1"; }

# letters NAME FOLDER: how many letters that folder holds on disk.
letters() { find "$(mail_dir "$1")/$2/cur" "$(mail_dir "$1")/$2/new" -type f 2>/dev/null | wc -l; }

drop_count() { "$isp" drop "$provider" "$1" | wc -l; }

# --- peers of our own -------------------------------------------------------

# peer VARIABLE ARGUMENT…: starts tests/isp/hostile.py (or the script named by
# PEER) and sets VARIABLE to its port; its dialogue is in $story/VARIABLE.log.
peer() {
  local variable=$1 file=$story/$1.port
  shift
  rm -f "$file"
  python3 "$tests/isp/${PEER:-hostile.py}" "$@" --port-file "$file" --log "$story/$variable.log" 2>"$story/$variable.err" &
  background+=($!)
  until_true 10 test -s "$file" || { diagnose <"$story/$variable.err"; bail "a peer did not start"; }
  printf -v "$variable" %s "$(cat "$file")"
}

# --- the screen -------------------------------------------------------------

mux() { tmux -S "$story/tmux" -f /dev/null "$@"; }

# terminal NAME [COLUMNS ROWS]: a shell of that person on a real pty.
terminal() {
  local env
  STORY_TERM=${STORY_TERM:-tmux-256color}
  mapfile -t env < <(surroundings "$1")
  # The server outlives the answer; a new one on its socket would end with it.
  [ ! -S "$story/tmux" ] || { mux kill-server 2>/dev/null; rm -f "$story/tmux"; }
  cd "$story/home/$1" || exit
  # A shell that runs one command drops PS1, so it is given behind that one.
  env -i "${env[@]}" tmux -S "$story/tmux" -f /dev/null \
    new-session -d -x "${2:-80}" -y "${3:-24}" "exec env PS1='ready> ' bash --norc --noprofile" \; \
    set -g default-terminal tmux-256color \; set -g status off \; set -sg escape-time 20
  cd - >/dev/null || exit
  see '^ready>' 10 || bail "no terminal"
}

screen() { mux capture-pane -p; }

keys() { mux send-keys "$@"; }

type_text() { mux send-keys -l -- "$1"; }

seen() { screen | grep -qE -- "$1"; }

unseen() { ! seen "$1"; }

# see PATTERN [SECONDS]: waits until the screen shows it.
see() { until_true "${2:-15}" seen "$1"; }

# sees PATTERN SENTENCE: the same as a case, with the screen as evidence.
sees() {
  see "$1"
  check $? "$2" || { printf 'waited for /%s/; the screen is\n' "$1"; screen; } | diagnose
}

sees_no_more() {
  until_true 15 unseen "$1"
  check $? "$2" || { printf 'waited for /%s/ to leave; the screen is\n' "$1"; screen; } | diagnose
}
