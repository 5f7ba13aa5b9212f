"""What a user may do with the tasks of a tenant: Kubernetes' own answer on the virtual resource tasks.tesk."""

from collections.abc import Callable, Set
from enum import StrEnum

from api.access.bounded import Bounded
from api.access.user import User
from tescore import naming, review
from tescore.cluster import Cluster
from tescore.errors import Forbidden, TaskNotFound, TeskError

_MOST = 8192
"""Answers that are remembered."""


class Verb(StrEnum):
    """`CREATE` is to use the tenant: to create tasks, and to see, list and cancel those. The others are for all."""

    CREATE = "create"
    GET = "get"
    LIST = "list"
    DELETE = "delete"


Authorizer = Callable[[User, Verb, str], bool]
"""Whether a user may do that in a namespace."""


Judge = Callable[[str], None]
"""Lets a task pass by its owner, or raises why not."""


def anyone(*_: object) -> bool:
    """The authorizer of a service that is open."""
    return True


class AccessReviews:
    """An authorizer that remembers answers for a while. Raises what asking Kubernetes does."""

    def __init__(self, cluster: Cluster, *, seconds: float, clock: Callable[[], float]) -> None:
        self._cluster = cluster
        self._answers = Bounded[tuple[User, Verb, str], bool](_MOST, seconds, clock)

    def __call__(self, user: User, verb: Verb, namespace: str) -> bool:
        def ask() -> tuple[bool, float]:
            return review.may(self._cluster, user.name, user.groups, verb.value, namespace), float("inf")

        return self._answers.get((user, verb, namespace), ask)


class Permissions:
    """What one user may do in one tenant.

    Who may do nothing there is told so, whatever they ask for; who may use it is told of others' tasks no more than
    that there is none.
    """

    def __init__(self, authorizer: Authorizer, user: User, namespace: str) -> None:
        self.user = user
        self._authorizer = authorizer
        self._namespace = namespace
        self._granted: set[Verb] = set()

    def create(self) -> None:
        """Raises Forbidden."""
        if not self._may(Verb.CREATE):
            raise self._forbidden("create tasks")

    def listing(self) -> str:
        """The label selector of the tasks that may be listed; empty for all. Raises Forbidden if there are none."""
        if self._may(Verb.LIST):
            return ""
        if not self._may(Verb.CREATE):
            raise self._forbidden("see tasks")
        return f"{naming.OWNER}={naming.hashed(self.user.name)}"

    def see(self, task_id: str) -> Judge:
        """Lets those tasks pass that may be seen, else raises TaskNotFound. Raises Forbidden if there are none."""
        if self._may(Verb.GET):
            return _all
        if not self._may(Verb.CREATE):
            raise self._forbidden("see tasks")
        return _only({self.user.name}, TaskNotFound(task_id))

    def cancel(self, task_id: str) -> Judge:
        """As `see`; one that may be seen and not cancelled does not pass either, but by Forbidden."""
        if self._may(Verb.DELETE):
            return _all
        seen = self.see(task_id)
        own = _only({self.user.name} if self._may(Verb.CREATE) else set(), self._forbidden("cancel this task"))

        def judge(owner: str) -> None:
            seen(owner)
            own(owner)

        return judge

    def hold(self, user: User) -> bool:
        """Whether all that was granted here would be granted now to the user as seen now. Raises what asking does."""
        return user.name == self.user.name and all(
            self._authorizer(user, verb, self._namespace) for verb in self._granted
        )

    def _may(self, verb: Verb) -> bool:
        granted = self._authorizer(self.user, verb, self._namespace)
        if granted:
            self._granted.add(verb)
        return granted

    def _forbidden(self, what: str) -> Forbidden:
        return Forbidden(f"{self.user.name} may not {what} in {self._namespace}.")


def _all(_: str) -> None:
    """Lets every task pass."""


def _only(owners: Set[str], error: TeskError) -> Judge:
    """Raises the error for a task of anybody else."""

    def judge(owner: str) -> None:
        if owner not in owners:
            raise error

    return judge
