"""Every name, label and annotation that a task has on the cluster, computed and never drawn."""

import hashlib
import json
import re

MANAGED_BY = "app.kubernetes.io/managed-by"
COMPONENT = "app.kubernetes.io/component"
TASK = "tesk/task"
"""Label on all that a task makes: the task's id."""
STATE = "tesk/state"
OWNER = "tesk/owner"
"""As a label the hash of the owner, as an annotation the owner."""
TENANT = "tesk/tenant"
"""Label that makes a namespace a tenant."""
PAUSED = "tesk/janitor-paused"
"""Annotation of a tenant's namespace: the janitor leaves it alone while this is `true`."""

NAME = "tesk/name"
CREATED = "tesk/created"
STARTED = "tesk/started"
ENDED = "tesk/ended"
REASON = "tesk/reason"
EXIT_CODES = "tesk/exit-codes"
CANCEL = "tesk/cancel"
TASKMASTER = "tesk/taskmaster"
TENANT_SETTINGS = "tesk/settings"
"""Annotation with the tenant's settings with which the task was begun."""
STEP = "tesk/step"
"""Annotation in which the taskmaster keeps the step that it has begun."""
OUTPUTS = "tesk/outputs"
"""Annotation that counts the outputs which are kept on pages of their own."""

IMAGES = "tesk/images"
"""Annotation with the images that were found for TRS URIs of the document."""

TASK_LABELS = {MANAGED_BY: "tesk", COMPONENT: "task"}
"""What makes a ConfigMap a task."""
TASK_SELECTOR = ",".join(f"{key}={value}" for key, value in TASK_LABELS.items())

OUTPUTS_COMPONENT = "outputs"
"""What makes a ConfigMap a page of a task's outputs."""
SCRUB_LABELS = {MANAGED_BY: "tesk", COMPONENT: "scrub"}
"""On what removes folders of a shared claim."""
SWEEP_JOB = "tesk-sweep"
"""The Job that removes folders without a task from a tenant's shared claim."""

CONTAINERS = ("executor", "filer", "taskmaster")
"""Names of the containers in the pods of a task, of which each has one; others are injected."""
NO_SIDECAR_LABELS = {"sidecar.istio.io/inject": "false"}
NO_SIDECAR_ANNOTATIONS = {"linkerd.io/inject": "disabled"}
"""Keep service meshes from injecting a container that never ends, so that the pod would not either."""

TASK_ID = re.compile(r"task-[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""At most 45 characters, so that all names made from it fit a label's 63."""

TASKMASTER_ACCOUNT = "tesk-taskmaster"
REPORT_VARIABLE = "TESK_REPORT_TO"
"""How a filer is told where its taskmaster hears; no setting, for settings are logged and this has a key in it."""
EXECUTOR_ACCOUNT = "tesk-executor"
TASKMASTER_PRIORITY = "tesk-taskmaster"
"""PriorityClass of taskmasters."""
SETTINGS = "tesk-settings"
"""ConfigMap of a tenant with settings of its own."""
S3_SECRET = "tesk-s3"  # noqa: S105 - the name of the Secret
"""Secret of a tenant: `config` and `credentials`, in the formats of the AWS command line."""
STORAGE_SECRET = "tesk-storage"  # noqa: S105 - likewise
"""Secret of a tenant with its keys for all other storage: the filer's home folder."""

_MILLISECONDS = 2**44
"""Milliseconds since 1970 until the year 2527: what the time part of an id counts down from."""


def task_id(milliseconds: int, random: int) -> str:
    """A new id. Later ones sort first, so that Kubernetes' own order of names lists the newest task first."""
    return f"task-{_MILLISECONDS - milliseconds:011x}-{random % 2**32:08x}"


def keyed_task_id(owner: str, key: str) -> str:
    """The id of what an owner sends with an Idempotency-Key: always the same, so listed after those that count time."""
    return f"task-key-{hashed(json.dumps([owner, key]))}"


def is_task_id(text: str) -> bool:
    return TASK_ID.fullmatch(text) is not None


def taskmaster(task: str) -> str:
    """The taskmaster's pod. No step's pod has a name that ends so."""
    return f"{task}-taskmaster"


def scratch(task: str, number: int = 1) -> str:
    """The claim for the task's scratch volume; a further one if the first was lost with its node."""
    return f"{task}-scratch{_further(number)}"


def shared_folder(namespace: str) -> str:
    """The folder of a shared claim that has those of all tasks, so that what else is on the claim is left alone."""
    return f"tesk-{namespace}"


def scratch_folder(task: str, uid: str) -> str:
    """A task's own folder in it; with the record's uid, since a task's name may come again."""
    return f"{task}-{uid[:8]}"


def is_scratch_folder(name: str) -> bool:
    task, _, uid = name.rpartition("-")
    return is_task_id(task) and re.fullmatch(r"[0-9a-f]{8}", uid) is not None


def scrub(folder: str) -> str:
    """The Job that removes a task's folder."""
    return f"{folder}-scrub"


def pod(task: str, step: str, attempt: int = 1) -> str:
    """The pod of a step (`inputs`, `executor-0`, `outputs`), in that attempt."""
    return f"{task}-{step}{_further(attempt)}"


def _further(number: int) -> str:
    return f"-{number}" if number > 1 else ""


def outputs_page(task: str, number: int) -> str:
    """The ConfigMap with a page of the task's outputs. The dot keeps it from being the name of another task."""
    return f"{task}.{OUTPUTS_COMPONENT}-{number}"


def labels(task: str, component: str) -> dict[str, str]:
    """Labels of what a task has: of a taskmaster, filer, executor or scratch, or a page of outputs."""
    return {MANAGED_BY: "tesk", COMPONENT: component, TASK: task}


def hashed(text: str) -> str:
    """Any text as a label value of 24 characters; 96 bits of SHA-256, so that two do not meet."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def tag_label(key: str) -> str:
    """The label key under which the hash of a tag's value is kept."""
    return f"tag.tesk/{hashed(key)}"
