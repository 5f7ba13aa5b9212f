# To be sourced: runs a command as a step that is shown with its elapsed time, and says where its log is if it fails.
# shellcheck shell=bash
mkdir -p .local/log

# step TITLE COMMAND... : the command's output goes to .local/log/<title>.log
step() {
  local title=$1 log
  shift
  log=.local/log/$(tr -c 'a-z0-9\n' '-' <<< "${title,,}" | tr -s -).log
  local began=$SECONDS shown=
  "$@" > "$log" 2>&1 8>&- &  # 8 is the lock of cluster.sh, which must not live on in a daemon
  local pid=$!
  if [[ ! -t 1 ]]; then
    printf '  … %s\n' "$title"
  else
    while kill -0 "$pid" 2> /dev/null; do
      printf '\r  … %-52s %4d s' "$title" $((SECONDS - began))
      sleep 0.5
    done
    shown=$'\r'
  fi
  if wait "$pid"; then
    printf '%s  ✓ %-52s %4d s\n' "$shown" "$title" $((SECONDS - began))
  else
    printf '%s  ✗ %-52s %4d s\n' "$shown" "$title" $((SECONDS - began))
    tail -n 20 "$log" | sed 's/^/      /'
    echo "    \"$title\" failed; its log is $PWD/$log"
    exit 1
  fi
}
