"""Programs of the service on the cluster, with other settings for a while."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from janitor.settings import Settings
from tescore import naming
from tescore.settings import table
from tests.e2e.cluster import SERVICE, Kubectl, wait_until

_SELDOM = {"TESK_SWEEP_SECONDS", "TESK_LAUNCH_SECONDS", "TESK_EXPIRY_SECONDS"}


@contextmanager
def switched(kubectl: Kubectl, program: str, **variables: str) -> Iterator[None]:
    """The program runs with these settings in each of its pods until the block ends, and then as before."""
    try:
        _set(kubectl, program, [f"{name}={value}" for name, value in variables.items()])
        yield
    finally:
        _set(kubectl, program, [f"{name}-" for name in variables])


def seldom(kubectl: Kubectl) -> AbstractContextManager[None]:
    """The janitor looks at the cluster as seldom as it does by default; that of `make up` looks ten times as often."""
    defaults = {name: default for name, default, _ in table(Settings) if name in _SELDOM}
    return switched(kubectl, "janitor", **defaults)


def _set(kubectl: Kubectl, program: str, variables: list[str]) -> None:
    deployment = f"deployment/tesk-{program}"
    kubectl("-n", SERVICE, "set", "env", deployment, *variables)
    kubectl("-n", SERVICE, "rollout", "status", deployment, "--timeout=120s")
    most = kubectl.json("-n", SERVICE, "get", deployment)["spec"]["replicas"]
    pods = ("pods", "-n", SERVICE, "-l", f"{naming.COMPONENT}={program}")
    wait_until(lambda: len(kubectl.names(*pods)) == most, f"the {program} that was there before has gone")
