# To be sourced: which cluster is used, and how it is started, given images, reached and removed.
# It is the one that CONTEXT names; else kind, if a Docker engine answers; else the one-node cluster of k8s/node.
# shellcheck shell=bash
cache=${TESK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tesk}
kind_version=v0.30.0
kind_name=tesk
mkdir -p .local/audit "$cache"

if [[ -n ${CONTEXT:-} ]]; then cluster=context
elif command -v docker > /dev/null && docker info > /dev/null 2>&1; then cluster=kind
else cluster=node
fi

# One run at a time has the cluster, whichever checkout it is of; until the script that called this ends.
cluster_lock() {
  [[ -z ${TESK_CLUSTER_LOCKED:-} ]] || return 0
  exec 8> "$cache/cluster.lock"
  flock --nonblock 8 || { echo "  … waiting for another run that has the cluster"; flock 8; }
  export TESK_CLUSTER_LOCKED=yes
}

cluster_start() {
  case $cluster in
    node)
      k8s/node/up
      ;;
    kind)
      [[ -x $cache/kind/$kind_version/kind ]] || GOBIN=$cache/kind/$kind_version go install "sigs.k8s.io/kind@$kind_version"
      "$cache/kind/$kind_version/kind" get clusters | grep -qx "$kind_name" ||
        "$cache/kind/$kind_version/kind" create cluster --name "$kind_name" --config k8s/kind.yaml --kubeconfig .local/kubeconfig
      ;;
    context) kubectl --context "$CONTEXT" version ;;
  esac
}

# Sets KUBECONFIG to a file that names this cluster and no other, and PATH so that there is a kubectl.
cluster_use() {
  case $cluster in
    node)
      PATH=$(k8s/node/binaries 2> /dev/null | tail -n 1):$PATH
      KUBECONFIG=${TESK_NODE_STATE:-/var/lib/tesk-node}/kubeconfig
      AUDIT_LOG=${KUBECONFIG%/*}/log/audit.log
      ;;
    kind)
      "$cache/kind/$kind_version/kind" get kubeconfig --name "$kind_name" > .local/kubeconfig
      KUBECONFIG=$PWD/.local/kubeconfig
      AUDIT_LOG=$PWD/.local/audit/audit.log
      ;;
    context)
      kubectl config view --context "$CONTEXT" --minify --flatten --raw > .local/kubeconfig
      KUBECONFIG=$PWD/.local/kubeconfig
      ;;
  esac
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
      cut -d' ' -f2 .local/images.new | xargs "$cache/kind/$kind_version/kind" load docker-image --name "$kind_name"
      ;;
    context)
      : "${REGISTRY:?REGISTRY must name a registry that this machine can push to and the cluster can pull from}"
      scripts/images --push > .local/images.new
      ;;
  esac
  mv .local/images.new .local/images
}

# The address at which this machine reaches the cluster's node ports.
cluster_address() {
  case $cluster in
    node) kubectl get nodes -o jsonpath='{.items[0].status.addresses[?(@.type=="InternalIP")].address}' ;;
    kind | context) echo 127.0.0.1 ;;
  esac
}

# A cluster of the user's may not show its node ports to this machine: they are forwarded to the same ports here.
cluster_forward() {
  [[ $cluster == context ]] || return 0
  cluster_unforward
  local target
  for target in "tesk-system tesk-api 30080:80" "tesk-storage s3 30070:7070" "tesk-storage http 30081:8080"; do
    read -r namespace service ports <<< "$target"
    setsid kubectl --namespace "$namespace" port-forward "service/$service" "$ports" > ".local/log/forward-$service.log" 2>&1 8>&- &
    echo $! >> .local/forwards
  done
}

cluster_unforward() {
  [[ -e .local/forwards ]] || return 0
  local pid
  while read -r pid; do
    grep -q port-forward "/proc/$pid/cmdline" 2> /dev/null && kill "$pid"
  done < .local/forwards
  rm .local/forwards
}

# Removes the cluster if this project made it; of a cluster of the user's only what was installed there.
cluster_remove() {
  case $cluster in
    node) k8s/node/down ;;
    kind) "$cache/kind/$kind_version/kind" delete cluster --name "$kind_name" ;;
    context)
      cluster_use
      cluster_unforward
      kubectl delete --ignore-not-found -k k8s/overlays/local
      ;;
  esac
}
