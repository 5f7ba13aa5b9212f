# To be sourced: which cluster is used, and how it is started, given images, reached and removed.
# It is the one that CONTEXT names; else what CLUSTER says: kind, or node for the one-node cluster of k8s/node. Without
# either it is kind if a Docker engine answers, else node.
# shellcheck shell=bash
cache=${TESK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tesk}
kind_version=v0.30.0
kind_name=tesk
kind_node=$kind_name-control-plane
kind=$cache/kind/$kind_version-$(uname -m)
ftp_ports=({30100..30129})  # those of demo/storage/vsftpd.conf
mkdir -p .local "$cache"

if [[ -n ${CONTEXT:-} ]]; then cluster=context
elif [[ ${CLUSTER:-} == kind || ${CLUSTER:-} == node ]]; then cluster=$CLUSTER
elif [[ -n ${CLUSTER:-} ]]; then
  echo "CLUSTER must be kind or node, and is '$CLUSTER'" >&2
  exit 2
elif docker info > /dev/null 2>&1; then cluster=kind
else cluster=node
fi
# One file per cluster: nothing that was told of one may ever reach another.
kubeconfig=$PWD/.local/kubeconfig-$cluster${CONTEXT:+-${CONTEXT//[^A-Za-z0-9._-]/-}}

# One run at a time has the cluster, whichever checkout it is of; until the script that called this ends. A machine has
# one one-node cluster. The others want no root here, and of each one run of yours has it.
cluster_lock() {
  [[ -z ${TESK_CLUSTER_LOCKED:-} ]] || return 0
  local lock=$cache/lock-$cluster
  [[ $cluster != node ]] || lock=/run/lock/tesk-cluster
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

# Sets KUBECONFIG to a file that names this cluster alone, and `tools` to a folder with a kubectl if there is none otherwise;
# for the tests AUDIT_LOG, and NODE_SHELL, a command that is a root's shell on the node. Of a cluster of yours you set these.
cluster_use() {
  tools=
  case $cluster in
    node)
      tools=$(k8s/node/binaries | tail -n 1)
      KUBECONFIG=${TESK_NODE_STATE:-/var/lib/tesk-node}/kubeconfig
      AUDIT_LOG=${KUBECONFIG%/*}/log/audit.log
      NODE_SHELL="sh"
      ;;
    kind)
      tools=$kind
      keep_kubeconfig "$kind/kind" get kubeconfig --name "$kind_name"
      AUDIT_LOG=$kind/node/audit.log
      NODE_SHELL="docker exec $kind_node sh"
      ;;
    context) keep_kubeconfig kubectl config view --context "$CONTEXT" --minify --flatten --raw ;;
  esac
  PATH=${tools:+$tools:}$PATH
  export PATH KUBECONFIG AUDIT_LOG NODE_SHELL
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
  forward tesk-storage ftp 30021:2121 "${ftp_ports[@]}"
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
      rm -rf "$kind/made" "$kind/node" "$kubeconfig"
      ;;
    context)
      cluster_use
      cluster_unforward
      on_trial || { echo "nothing is removed: it is not certain that \`make up\` has put the service on $CONTEXT"; return 1; }
      kubectl delete --ignore-not-found -k k8s/overlays/trial
      rm "$kubeconfig"
      ;;
  esac
}

# Whether the service may be put on the cluster for trial: there is none, or one that was put there so. False if kubectl fails:
# the caller asks in a condition, where `set -e` does not count.
on_trial() {
  local others
  others=$(kubectl get namespaces -o name --field-selector metadata.name=tesk-system -l 'tesk/trial!=true') && [[ -z $others ]]
}

kind_start() {
  docker version > /dev/null  # else it says here that no engine answers
  if [[ ! -x $kind/kind ]]; then
    mkdir -p "$kind"
    if command -v kind > /dev/null; then
      ln -sf "$(command -v kind)" "$kind/kind"
    else
      GOBIN=$kind/new go install "sigs.k8s.io/kind@$kind_version"
      mv "$kind/new/kind" "$kind/kind"
    fi
  fi
  local clusters end=$((SECONDS + 120))
  clusters=$("$kind/kind" get clusters)
  if ! grep -qx "$kind_name" <<< "$clusters"; then
    kind_create
  elif [[ ! -e $kind/made ]]; then
    echo "there is a kind cluster '$kind_name' that \`make up\` did not make, or did not finish: $kind/kind delete cluster --name $kind_name"
    return 1
  fi
  docker start "$kind_node"
  until kind_answers > /dev/null 2>&1; do
    ((SECONDS < end)) || { kind_answers; return 1; }
    sleep 1
  done
  # The node's own kubectl, for machines that have none.
  docker cp "$kind_node:/usr/bin/kubectl" "$kind/kubectl"
}

# Makes the cluster, and in $kind/node what k8s/kind.yaml mounts.
kind_create() {
  local component port
  rm -rf "$kind/made" "$kind/node"  # of a cluster that was removed otherwise
  mkdir -p "$kind/node/patches"
  cp k8s/node/config/audit.yaml "$kind/node/policy.yaml"
  touch "$kind/node/audit.log"  # the API server's own would be readable for root alone
  # kubeadm's requests, 0.65 cpu together, leave none of two for the demo's task.
  for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    echo "spec: {containers: [{name: $component, resources: {requests: {cpu: 10m}}}]}" > "$kind/node/patches/$component+strategic.yaml"
  done
  {
    sed "s|@NODE@|$kind/node|" k8s/kind.yaml
    for port in 30080 30070 30081 30021 "${ftp_ports[@]}"; do
      echo "      - {listenAddress: 127.0.0.1, hostPort: $port, containerPort: $port}"
    done
  } | "$kind/kind" create cluster --name "$kind_name" --config - --kubeconfig "$kubeconfig" --wait 120s
  touch "$kind/made"
}

# After a start the API server is ready a moment before it knows what its admin may do.
kind_answers() {
  docker exec "$kind_node" sh -ec 'export KUBECONFIG=/etc/kubernetes/admin.conf
    kubectl --request-timeout 5s get --raw /readyz
    kubectl --request-timeout 5s get namespace kube-system'
}

keep_kubeconfig() { # COMMAND... that prints one
  (umask 077; "$@" > "$kubeconfig.new")
  mv "$kubeconfig.new" "$kubeconfig"
  KUBECONFIG=$kubeconfig AUDIT_LOG=${AUDIT_LOG:-} NODE_SHELL=${NODE_SHELL:-}
}
