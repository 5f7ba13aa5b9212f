"""Runs a claimed task to its end: looks, asks what to do, writes it down, does it."""

import logging
from collections.abc import Callable, Mapping
from queue import Empty

from taskmaster import decide, explain, manifests, observe, plan, tasklog
from taskmaster.kube import Kube, Object
from taskmaster.observe import Pod, Terminated
from taskmaster.plan import Kind, Step
from taskmaster.settings import Settings
from taskmaster.watches import Watches
from tescore import document, model, mounts, naming, record, report
from tescore.errors import Conflict, Missing, Refused, shortened
from tescore.record import Record
from tescore.states import FINAL, State

_QUIET_CANCEL = 3.0
"""Seconds that stopping a cancelled task may take before it is told as CANCELING."""

_SENTENCE = 1000
"""Characters of a reason in an annotation and an Event; the log has all of it."""

log = logging.getLogger(__name__)


class SteppedBack(Exception):
    """The record is gone, or belongs to a newer taskmaster."""


class Taskmaster:
    """One task, from its claim to its end. Everything that matters is in the record, so it can be killed anywhere."""

    def __init__(self, kube: Kube, settings: Settings, claimed: Record, now: Callable[[], str]) -> None:
        self._kube = kube
        self._settings = settings
        self._now = now
        self._record = claimed
        self._task = model.task(document.parse(claimed.document)[0])
        self._steps = plan.steps(self._task)
        self._watches = Watches()

    def run(self) -> None:
        """Returns when the task has ended and nothing is left of it but its record."""
        if self._record.state not in FINAL:
            self._kube.patch(
                "batch/v1/jobs",
                naming.job(self._record.task_id),
                {"metadata": {"ownerReferences": [manifests.owner(self._record)]}},
            )
            self._watches.follow(
                "configmaps",
                self._record.task_id,
                self._kube.follow("configmaps", self._record.task_id, self._record.resource_version),
                until=lambda seen: seen is None,
            )
            self._run_steps()
        self._clean()

    def _run_steps(self) -> None:
        pod = self._look()
        while self._record.state not in FINAL:
            try:
                pod = self._pass(pod)
            except Conflict:
                self._refresh()

    def _pass(self, pod: Pod | None) -> Pod | None:
        """One look, one decision, at most one write; returns the pod of the step that is now begun."""
        journal = plan.journal(self._record.step)
        step = self._steps[journal.index]
        match decide.next_move(step, journal, pod, cancelled=bool(self._record.cancel)):
            case decide.Create():
                return self._create(step, journal.attempt)
            case decide.Wait(reason, running):
                self._note(step, pod, journal, reason, running=running)
                return self._next_sight(pod)
            case decide.Close(ended, end):
                self._close(step, journal.index, ended, end)
            case decide.Stop(failure):
                self._conclude(self._record.log, journal.index, failure)
            case decide.Cancel():
                self._cancel()
        return None

    def _look(self) -> Pod | None:
        """The pod of the step that was begun, which a taskmaster before this one may have made."""
        journal = plan.journal(self._record.step)
        name = naming.pod(self._record.task_id, self._steps[journal.index].name, journal.attempt)
        shown = self._kube.get("pods", name)
        return self._followed(shown) if shown is not None else None

    def _create(self, step: Step, attempt: int) -> Pod | None:
        index = self._steps.index(step)
        failed = tasklog.failed(self._record.log, self._task)
        try:
            if index == 0 and mounts.needs_scratch(self._task):
                claim = manifests.scratch_claim(self._record, self._task, self._settings)
                self._kube.create("persistentvolumeclaims", claim)
            made = self._kube.create(
                "pods", manifests.pod(self._record, self._task, step, attempt, self._settings, failed=failed)
            )
        except Refused as error:
            message = f"{step.title} could not be created: {error}"
            self._conclude(self._record.log, index, explain.Failure("Refused", message, by_executor=False))
            return None
        return self._followed(made) if made is not None else self._look()

    def _followed(self, shown: Object) -> Pod:
        name, version = shown["metadata"]["name"], shown["metadata"]["resourceVersion"]
        self._watches.follow(
            "pods",
            name,
            self._kube.follow("pods", name, version),
            until=lambda seen: seen is None or observe.pod(seen).terminated is not None,
        )
        return observe.pod(shown)

    def _next_sight(self, pod: Pod | None) -> Pod | None:
        """Waits for a change and takes it in; returns how the step's pod looks after it."""
        change = self._watches.next()
        if change.kind == "pods":
            if pod is None or change.name != pod.name:
                return pod
            return observe.pod(change.object) if change.object is not None else None
        if change.object is None:
            raise SteppedBack("The record is gone.")
        # An older sight than the last write may come late; so it is only a hint to look.
        seen = record.record(change.object)
        if seen.cancel != self._record.cancel or seen.taskmaster != self._record.taskmaster:
            self._refresh()
        return pod

    def _note(self, step: Step, pod: Pod | None, journal: plan.Journal, reason: str, *, running: bool) -> None:
        """Writes down what a waiting step waits for, and that an executor runs."""
        state, annotations = self._record.state, dict[str, str | None]()
        if running and step.kind == Kind.EXECUTOR and not journal.seen:
            state = State.RUNNING
            annotations[naming.STEP] = plan.Journal(journal.index, journal.attempt, seen=True).encoded()
        if reason != self._record.reason and not tasklog.failed(self._record.log, self._task):
            annotations[naming.REASON] = reason or None
        if annotations:
            self._write(state, annotations)
            log.info("step seen", extra={"step": step.name, "node": pod.node if pod else "", "reason": reason})

    def _close(self, step: Step, index: int, pod: Pod, end: Terminated) -> None:
        """Reads the log of a step that has ended and goes on from there."""
        if step.kind == Kind.EXECUTOR:
            executor = self._task.executors[step.executor]
            # With only stdout in a file, what is left in the pod's log is stderr.
            stream = "stderr" if executor.stdout and not executor.stderr else "stdout"
            told, text = report.Report(), self._log_tail(pod.name)
            grown = tasklog.with_executor(self._record.log, end, stream, text)
        else:
            told = self._report(pod.name)
            grown = tasklog.with_report(self._record.log, told)
        log.info("step ended", extra={"step": step.name, "exit_code": end.exit_code})
        self._conclude(grown, index, explain.ended(step, pod, told))

    def _conclude(self, grown: tasklog.TaskLog, index: int, failure: explain.Failure | None) -> None:
        """Writes the end of a step together with the beginning of the next, or with the end of the task."""
        failed_before = self._record.reason if tasklog.failed(self._record.log, self._task) else ""
        step = self._steps[index]
        verdict = decide.after(self._steps, index, failure, self._task, failed_before=failed_before)
        codes = ",".join(str(code) for code in tasklog.exit_codes(grown))
        annotations: dict[str, str | None] = {naming.EXIT_CODES: codes or None}
        if failure:
            grown = tasklog.with_note(grown, failure.message)
        match verdict:
            case decide.Begin(following):
                annotations[naming.STEP] = plan.Journal(following).encoded()
                counts = failure and tasklog.failed(grown, self._task)
                annotations[naming.REASON] = failure.message if failure and counts else failed_before or None
                state = State.RUNNING if step.kind == Kind.EXECUTOR else self._record.state
                self._write(state, annotations, grown)
            case decide.Finish(state, reason):
                self._finish(state, reason, annotations, grown, failure.reason if failure else "")

    def _finish(
        self,
        state: State,
        reason: str,
        annotations: Mapping[str, str | None],
        grown: tasklog.TaskLog,
        code: str,
    ) -> None:
        now = self._now()
        ends = {**annotations, naming.ENDED: now, naming.REASON: shortened(reason, _SENTENCE) or None}
        self._write(state, ends, {**tasklog.with_note(grown, reason), "end_time": now})
        log.info("task ended", extra={"state": state.value, "reason": reason})
        if reason:
            event = manifests.event(
                self._record, code or "Failed", shortened(reason, _SENTENCE), state=state.value, now=now[:19] + "Z"
            )
            self._kube.create("events", event)

    def _cancel(self) -> None:
        """Stops and frees everything, and only then says so."""
        gone = Watches()
        waited_for = self._clean()
        for kind, name in waited_for:
            gone.follow(kind, name, self._kube.follow(kind, name), until=lambda seen: seen is None)
        timeout: float | None = _QUIET_CANCEL
        while waited_for:
            try:
                change = gone.next(timeout)
            except Empty:
                timeout = None
                self._write(State.CANCELING, {})
                continue
            if change.object is None:
                waited_for.discard((change.kind, change.name))
        now = self._now()
        ends = {**self._record.log, "end_time": now}
        self._write(
            State.CANCELED, {naming.ENDED: now, naming.REASON: "Cancelled."}, tasklog.with_note(ends, "Cancelled.")
        )
        log.info("task ended", extra={"state": State.CANCELED.value})

    def _clean(self) -> set[tuple[str, str]]:
        """Has the pods and the scratch volume deleted; returns kind and name of each that was there."""
        journal = plan.journal(self._record.step)
        task = self._record.task_id
        made = [("pods", naming.pod(task, step.name, 1)) for step in self._steps[: journal.index + 1]]
        if mounts.needs_scratch(self._task):
            made.append(("persistentvolumeclaims", naming.scratch(task)))
        return {(kind, name) for kind, name in made if self._kube.delete(kind, name)}

    def _write(self, state: State, annotations: Mapping[str, str | None], grown: tasklog.TaskLog | None = None) -> None:
        patch = record.change(self._record, state=state, annotations=annotations, log=grown)
        try:
            self._record = record.record(self._kube.patch("configmaps", self._record.task_id, patch))
        except Missing as error:
            raise SteppedBack("The record is gone.") from error

    def _refresh(self) -> None:
        stored = self._kube.get("configmaps", self._record.task_id)
        if stored is None:
            raise SteppedBack("The record is gone.")
        self._record = record.record(stored)
        if self._record.taskmaster != self._settings.pod_uid:
            raise SteppedBack("Another taskmaster has claimed the record.")

    def _log_tail(self, pod: str) -> str:
        try:
            return self._kube.log_tail(pod, tasklog.tail_size(self._record, self._task))
        except (Missing, Refused):
            return ""  # a container that never started has no log

    def _report(self, pod: str) -> report.Report:
        try:
            return report.read(self._kube.log_lines(pod))
        except (Missing, Refused):
            return report.Report()
