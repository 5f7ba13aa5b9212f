# To be sourced: runs commands as steps that are shown with their elapsed time, and says where the log is of one that fails.
# Whatever ends the script (Ctrl-C, a signal, an error) ends the commands that it started, with all their children.
# shellcheck shell=bash
mkdir -p .local/log
started=()
end_started() {
  local group
  for group in ${started[@]+"${started[@]}"}; do kill -TERM -- "-$group" 2> /dev/null || true; done
}
trap end_started EXIT
trap 'exit 130' INT TERM HUP

# begin LOG COMMAND... : starts a command in a process group of its own, whose id is then in $begun.
# File descriptor 8 is the lock of cluster.sh, which must not live on in a daemon that the command leaves behind.
begin() {
  local log=$1
  shift
  set -m
  "$@" < /dev/null > "$log" 2>&1 8>&- &
  begun=$!
  set +m
  started+=("$begun")
}

# step TITLE COMMAND... : the command's output goes to .local/log/<title>.log
step() {
  local title=$1 log began=$SECONDS shown=
  shift
  log=.local/log/$(tr -c 'a-z0-9\n' '-' <<< "${title,,}" | tr -s -).log
  begin "$log" "$@"
  if [[ ! -t 1 ]]; then
    printf '  … %s\n' "$title"
  else
    while kill -0 "$begun" 2> /dev/null; do
      printf '\r  … %-52s %4d s' "$title" $((SECONDS - began))
      sleep 0.5
    done
    shown=$'\r'
  fi
  if wait "$begun"; then
    printf '%s  ✓ %-52s %4d s\n' "$shown" "$title" $((SECONDS - began))
  else
    printf '%s  ✗ %-52s %4d s\n' "$shown" "$title" $((SECONDS - began))
    {
      tail -n 20 "$log" | sed 's/^/      /'
      echo "    \"$title\" failed; its log is $PWD/$log"
    } >&2
    exit 1
  fi
}
