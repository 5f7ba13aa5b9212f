# To be sourced: which cluster is used, and how it is started, given images, reached and removed.
# It is the one that CONTEXT names; else kind, if a Docker engine answers; else the one-node cluster of k8s/node.
# shellcheck shell=bash
cache=${TESK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tesk}
kind_version=v0.30.0
kind_name=tesk
kind=$cache/kind/$kind_version-$(uname -m)
mkdir -p .local "$cache"

if [[ -n ${CONTEXT:-} ]]; then cluster=context
elif command -v docker > /dev/null && docker info > /dev/null 2>&1; then cluster=kind
else cluster=node
fi
# One file per cluster: nothing that was told of one may ever reach another.
kubeconfig=$PWD/.local/kubeconfig-$cluster${CONTEXT:+-${CONTEXT//[^A-Za-z0-9._-]/-}}

# One run at a time has the cluster, whichever checkout it is of; until the script that called this ends. Of a cluster of
# yours, which wants no root here, one run of yours.
cluster_lock() {
  [[ -z ${TESK_CLUSTER_LOCKED:-} ]] || return 0
  local lock=/run/lock/tesk-cluster
  [[ $cluster != context ]] || lock=$cache/lock
  exec 8> "$lock"
  flock --nonblock 8 || { echo "  … waiting for another run that has the cluster"; flock 8; }
  export TESK_CLUSTER_LOCKED=yes
}

cluster_start() {
  case $cluster in
    node) k8s/node/up ;;
    kind) kind_start ;;
    context)
      command -v kubectl > /dev/null || { echo "kubectl is needed for a cluster of yours, and there is none"; return 1; }
      kubectl --context "$CONTEXT" --request-timeout=15s version
      ;;
  esac
}

# Sets KUBECONFIG to a file that names this cluster alone, and `tools` to a folder with a kubectl if there is none otherwise.
cluster_use() {
  tools=
  case $cluster in
    node)
      tools=$(k8s/node/binaries | tail -n 1)
      KUBECONFIG=${TESK_NODE_STATE:-/var/lib/tesk-node}/kubeconfig
      AUDIT_LOG=${KUBECONFIG%/*}/log/audit.log
      ;;
    kind)
      tools=$kind
      keep_kubeconfig "$kind/kind" get kubeconfig --name "$kind_name"
      AUDIT_LOG=$kind/audit/audit.log
      ;;
    context) keep_kubeconfig kubectl config view --context "$CONTEXT" --minify --flatten --raw ;;
  esac
  PATH=${tools:+$tools:}$PATH
  export PATH KUBECONFIG AUDIT_LOG
}

# Builds the images, brings them to where the cluster finds them, and leaves "name reference" lines in .local/images.
cluster_images() {
  case $cluster in
    node)
      scripts/images > .local/images.new
      local missing=() name reference
      while read -r name reference; do
        k8s/node/has "$reference" || missing+=("$name")
      done < .local/images.new
      if ((${#missing[@]})); then
        scripts/images --export .local/archives "${missing[@]}" > /dev/null
        k8s/node/load .local/archives/*.tar
        rm -r .local/archives
      fi
      ;;
    kind)
      scripts/images > .local/images.new
      cut -d' ' -f2 .local/images.new | xargs "$kind/kind" load docker-image --name "$kind_name"
      ;;
    context)
      : "${REGISTRY:?REGISTRY must name a registry that this machine can push to and the cluster can pull from}"
      scripts/images --push > .local/images.new
      ;;
  esac
  mv .local/images.new .local/images
}

# The address at which this machine reaches the cluster's node ports, or the ports that are forwarded to it.
cluster_address() {
  case $cluster in
    node) kubectl get nodes -o jsonpath='{.items[0].status.addresses[?(@.type=="InternalIP")].address}' ;;
    kind | context) echo 127.0.0.1 ;;
  esac
}

# A cluster of the user's gets no node ports: what local clusters have there is forwarded to the same ports of this machine.
cluster_forward() {
  [[ $cluster == context ]] || return 0
  cluster_unforward
  forward tesk-system tesk-api 30080:80
  forward tesk-storage s3 30070:7070
  forward tesk-storage http 30081:8080
  forward tesk-storage ftp 30021:2121 $(seq 30100 30109)
}

forward() { # NAMESPACE SERVICE PORT...
  local log=.local/log/forward-$2.log pid
  setsid kubectl --namespace "$1" port-forward "service/$2" "${@:3}" > "$log" 2>&1 8>&- &
  pid=$!
  echo "$pid" >> .local/forwards
  until grep -q 'Forwarding from' "$log"; do
    kill -0 "$pid" 2> /dev/null || { cat "$log"; return 1; }
    sleep 0.1
  done
}

cluster_unforward() {
  [[ -e .local/forwards ]] || return 0
  local pid
  while read -r pid; do
    if grep -q port-forward "/proc/$pid/cmdline" 2> /dev/null; then kill "$pid"; fi
  done < .local/forwards
  rm .local/forwards
}

# Removes the cluster if this project made it; of a cluster of the user's only what `make up` installed there.
cluster_remove() {
  case $cluster in
    node) k8s/node/down ;;
    kind)
      [[ ! -e $kind/made ]] || "$kind/kind" delete cluster --name "$kind_name" --kubeconfig "$kubeconfig"
      rm -rf "$kind/made" "$kind/audit" "$kubeconfig"
      ;;
    context)
      cluster_use
      cluster_unforward
      on_trial || { echo "the service on $CONTEXT was not put there by \`make up\`"; return 1; }
      kubectl delete --ignore-not-found -k k8s/overlays/trial
      rm "$kubeconfig"
      ;;
  esac
}

# Whether the service may be put on the cluster for trial: there is none, or one that was put there so.
on_trial() {
  local all trials
  all=$(kubectl get namespaces -o name --field-selector metadata.name=tesk-system)
  trials=$(kubectl get namespaces -o name --field-selector metadata.name=tesk-system -l tesk/trial=true)
  [[ $all == "$trials" ]]
}

kind_start() {
  if [[ ! -x $kind/kind ]]; then
    mkdir -p "$kind"
    GOBIN=$kind/new go install "sigs.k8s.io/kind@$kind_version"
    mv "$kind/new/kind" "$kind/kind"
  fi
  if [[ ! -e $kind/made ]]; then
    if "$kind/kind" get clusters | grep -qx "$kind_name"; then
      echo "there is a kind cluster '$kind_name' that \`make up\` did not make, or did not finish: kind delete cluster --name $kind_name"
      return 1
    fi
    mkdir -p "$kind/audit"
    cp k8s/node/config/audit.yaml "$kind/audit/policy.yaml"
    sed "s|@AUDIT@|$kind/audit|" k8s/kind.yaml |
      "$kind/kind" create cluster --name "$kind_name" --config - --kubeconfig "$kubeconfig" --wait 120s
    touch "$kind/made"
  fi
  docker start "$kind_name-control-plane"
  # The node's own kubectl, for machines that have none.
  docker cp "$kind_name-control-plane:/usr/bin/kubectl" "$kind/kubectl"
}

keep_kubeconfig() { # COMMAND... that prints one
  (umask 077; "$@" > "$kubeconfig.new")
  mv "$kubeconfig.new" "$kubeconfig"
  KUBECONFIG=$kubeconfig AUDIT_LOG=${AUDIT_LOG:-}
}
