"""Runs a claimed task to its end: looks, asks what to do, writes it down, does it."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from taskmaster import decide, explain, manifests, observe, ownership, plan, release, scratch, tasklog
from taskmaster.kube import Kube, Object
from taskmaster.objects import Objects
from taskmaster.observe import Pod, Terminated
from taskmaster.plan import Kind, Step
from taskmaster.settings import Settings
from taskmaster.watches import Watches
from tescore import document, model, mounts, naming, record, report
from tescore.errors import Conflict, Missing, Refused, TeskError, shortened
from tescore.record import Record
from tescore.states import FINAL, State

_QUIET_CANCEL = 3.0
"""Seconds that stopping a cancelled task may take before it is told as CANCELING."""
_LONG_CANCEL = 300.0
"""Seconds after which it is told as CANCELED all the same: some clients wait on CANCELING for ever."""

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
        self._objects = Objects(kube, claimed.uid)
        self._cause: explain.Failure | None = None

    def run(self) -> None:
        """Returns when the task has ended and nothing is left of it but its record."""
        if self._record.state not in FINAL:
            self._own_job()
            self._watches.follow(
                "configmaps",
                self._record.task_id,
                self._kube.follow("configmaps", self._record.task_id, self._record.resource_version),
                until=lambda seen: seen is None,
            )
            self._run_steps()
        self._clean()
        if self._cause:
            self._tell(self._cause)
        release.release(self._kube, self._settings)

    def _own_job(self) -> None:
        """Now that the record is known to be stored, its deletion shall remove the Job as well."""
        owned = {"metadata": {"ownerReferences": [ownership.owner(self._record)]}}
        try:
            self._kube.patch("batch/v1/jobs", naming.job(self._record.task_id), owned)
        except Missing as error:
            raise SteppedBack("The Job of this taskmaster has been deleted.") from error

    def _run_steps(self) -> None:
        pod = self._look()
        while self._record.state not in FINAL:
            begun = self._pod_name()
            try:
                pod = self._pass(pod)
            except Conflict:
                self._refresh()
                if self._pod_name() != begun:
                    # The write was stored, and its answer was lost: the pod at hand is that of the step before.
                    pod = self._look()

    def _pass(self, pod: Pod | None) -> Pod | None:
        """One look, one decision, at most one write; returns the pod of the step that is now begun."""
        journal = self._journal()
        step = self._steps[journal.index]
        match decide.next_move(step, journal, pod, cancelled=bool(self._record.cancel)):
            case decide.Create():
                return self._create(step)
            case decide.Wait(reason, running):
                self._note(step, journal, reason, running=running)
                return self._next_sight(pod)
            case decide.Conclude(ended, end):
                self._read_and_conclude(step, ended, end)
            case decide.Stop(failure):
                self._conclude(self._record.log, failure)
            case decide.Cancel():
                self._cancel()
        return None

    def _journal(self) -> plan.Journal:
        return plan.journal(self._record.step)

    def _pod_name(self) -> str:
        """The pod of the step that was begun."""
        return naming.pod(self._record.task_id, self._steps[self._journal().index].name)

    def _look(self) -> Pod | None:
        """The pod of the step that was begun, which a taskmaster before this one may have made."""
        shown = self._objects.find("pods", self._pod_name())
        return self._followed(shown) if shown is not None else None

    def _create(self, step: Step) -> Pod | None:
        failed = tasklog.failed(self._record.log, self._task)
        try:
            if step == self._steps[0] and mounts.needs_scratch(self._task):
                claim = scratch.claim(self._record, self._task, self._settings)
                self._objects.make("persistentvolumeclaims", claim)
            pod = manifests.pod(self._record, self._task, step, self._settings, failed=failed)
            return self._followed(self._objects.make("pods", pod))
        except Refused as error:
            message = f"{step.title} could not be created: {error}"
            self._conclude(self._record.log, explain.Failure("Refused", message, by_executor=False))
            return None

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
            if change.name != self._pod_name():
                return pod
            return observe.pod(change.object) if change.object is not None else None
        if change.object is None:
            raise SteppedBack("The record is gone.")
        # An older sight than the last write may come late; so it is only a hint to look.
        seen = record.record(change.object)
        if seen.cancel != self._record.cancel or seen.taskmaster != self._record.taskmaster:
            self._refresh()
        return pod

    def _note(self, step: Step, journal: plan.Journal, reason: str, *, running: bool) -> None:
        """Writes down what a waiting step waits for, and that an executor runs."""
        state, annotations = self._record.state, dict[str, str | None]()
        if running and step.kind == Kind.EXECUTOR and not journal.seen:
            state = State.RUNNING
            annotations[naming.STEP] = plan.Journal(journal.index, seen=True).encoded()
        if reason != self._record.reason and not tasklog.failed(self._record.log, self._task):
            annotations[naming.REASON] = reason or None
        if annotations:
            self._write(state, annotations)
            log.info("step seen", extra={"step": step.name, "running": running, "reason": reason})

    def _read_and_conclude(self, step: Step, pod: Pod, end: Terminated) -> None:
        if step.kind == Kind.EXECUTOR:
            executor = self._task.executors[step.executor]
            # With only stdout in a file, what is left in the pod's log is stderr.
            stream = "stderr" if executor.stdout and not executor.stderr else "stdout"
            told = report.Report()
            grown = tasklog.with_executor(
                self._record.log,
                end,
                stream,
                self._objects.log_tail(pod.name, tasklog.tail_size(self._record, self._task)),
            )
        else:
            told = self._objects.report(pod.name)
            grown = tasklog.with_report(self._record.log, told)
        log.info("step ended", extra={"step": step.name, "exit_code": end.exit_code})
        self._conclude(grown, explain.ended(step, pod, told))

    def _conclude(self, grown: tasklog.TaskLog, failure: explain.Failure | None) -> None:
        """Writes the end of a step together with the beginning of the next, or with the end of the task."""
        index = self._journal().index
        verdict = decide.after(self._steps, index, failure, self._task, failed_before=self._failed_before())
        grown = tasklog.with_note(grown, failure.message if failure else "")
        codes = ",".join(str(code) for code in tasklog.exit_codes(grown))
        annotations: dict[str, str | None] = {naming.EXIT_CODES: codes or None}
        match verdict:
            case decide.Begin(following):
                counts = failure is not None and tasklog.failed(grown, self._task)
                annotations[naming.REASON] = shortened(failure.message, _SENTENCE) if failure and counts else None
                annotations[naming.STEP] = plan.Journal(following).encoded()
                runs = self._steps[index].kind == Kind.EXECUTOR
                self._write(State.RUNNING if runs else self._record.state, annotations, grown)
            case decide.Finish(state, cause):
                self._cause = cause
                reason = shortened(cause.message, _SENTENCE) if cause else ""
                self._finish(state, {**annotations, naming.REASON: reason or None}, grown)

    def _failed_before(self) -> explain.Failure | None:
        """The executor whose failure the task will end with, once what outputs there are is uploaded."""
        if not tasklog.failed(self._record.log, self._task):
            return None
        return explain.Failure("ExecutorFailed", self._record.reason or "An executor failed.", by_executor=True)

    def _finish(self, state: State, annotations: Mapping[str, str | None], grown: tasklog.TaskLog) -> None:
        now = self._now()
        self._write(state, {**annotations, naming.ENDED: now}, {**grown, "end_time": now})
        log.info("task ended", extra={"state": state.value, "reason": self._record.reason})

    def _cancel(self) -> None:
        """Stops and frees everything, and only then says so."""
        going, note = self._clean(), "Cancelled."
        if not self._objects.gone(going, within=_QUIET_CANCEL):
            self._write(State.CANCELING, {})
            if not self._objects.gone(going, within=_LONG_CANCEL):
                note = "Cancelled; a pod or the scratch volume is still being removed."
        self._finish(State.CANCELED, {naming.REASON: note}, tasklog.with_note(self._record.log, note))

    def _clean(self) -> set[tuple[str, str]]:
        """Has the pods and the scratch volume deleted; returns kind and name of each that was there."""
        task = self._record.task_id
        made = [("pods", naming.pod(task, step.name)) for step in self._steps[: self._journal().index + 1]]
        if mounts.needs_scratch(self._task):
            made.append(("persistentvolumeclaims", naming.scratch(task)))
        return self._objects.remove(made)

    def _tell(self, cause: explain.Failure) -> None:
        """An Event with the reason, for those who look with kubectl; the record has it anyhow."""
        message, now = shortened(cause.message, _SENTENCE), self._now()[:19] + "Z"
        event = manifests.event(self._record, cause.reason, message, state=self._record.state.value, now=now)
        with suppress(TeskError):
            self._kube.create("events", event)

    def _write(self, state: State, annotations: Mapping[str, str | None], grown: tasklog.TaskLog | None = None) -> None:
        fitted = tasklog.fitted(grown, record.room(self._record.document)) if grown is not None else None
        patch = record.change(self._record, state=state, annotations=annotations, log=fitted)
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
