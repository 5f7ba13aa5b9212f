"""Runs a claimed task to its end: looks, asks what to do, writes it down, does it."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from queue import Empty

from taskmaster import (
    decide,
    explain,
    leftovers,
    manifests,
    observe,
    plan,
    scratch,
    tasklog,
    waiting,
    writing,
)
from taskmaster.claim import Claim
from taskmaster.hearing import Hearing
from taskmaster.kube import Kube
from taskmaster.objects import Objects
from taskmaster.observe import Pod, Terminated
from taskmaster.own_record import OwnRecord
from taskmaster.plan import Kind, Step
from taskmaster.watches import Watches
from taskmaster.writing import StepEnd, Told, Writing
from tescore import events, naming, record, report, tails
from tescore.errors import Conflict, Refused, TeskError, Unavailable
from tescore.record import with_note
from tescore.session import Object
from tescore.states import FINAL, State

_QUIET_CANCEL = 3.0
"""Seconds that stopping a cancelled task may take before it is told as CANCELING."""
_LONG_CANCEL = 300.0
"""Seconds after which it is told as CANCELED all the same: some clients wait on CANCELING for ever."""

log = logging.getLogger(__name__)


class Taskmaster:
    """One task, from its claim to its end. Everything that matters is in the record, so it can be killed anywhere."""

    def __init__(self, kube: Kube, claimed: Claim, now: Callable[[], datetime]) -> None:
        self._kube = kube
        self._settings = settings = claimed.settings
        self._now = now
        self._first = claimed.first
        self._attends = False
        self._own = OwnRecord(kube, claimed.record, settings.pod_uid)
        self._task = claimed.task
        self._limits = decide.limits(self._task, settings)
        self._watches = Watches()
        self._objects = Objects(kube, claimed.record.uid)
        self._hearing = Hearing(settings.pod_ip, self._watches.put)

    def run(self) -> None:
        """Returns when the task has ended and nothing is left of it but its record."""
        if self._own.seen.state not in FINAL:
            self._run_steps()
        scrubbed = self._scrubbed()
        going = self._clean(keep=self._settings.keep_failed > 0)
        if not scrubbed:
            self._scrub(going)

    def _attend(self) -> None:
        """Once, before anything is waited for: after the first pod is made, which so begins sooner."""
        if not self._attends:
            self._attends = True
            seen = self._own.seen
            changes = self._kube.follow("configmaps", seen.task_id, seen.resource_version)
            self._watches.follow("configmaps", seen.task_id, changes, until=lambda shown: shown is None)

    def _run_steps(self) -> None:
        pod = None if self._first else self._look()
        while self._own.seen.state not in FINAL:
            begun = self._pod_name()
            try:
                pod = self._pass(pod)
            except Conflict:
                self._own.refresh()
                if self._pod_name() != begun:
                    # The write was stored, and its answer was lost: the pod at hand is that of the step before.
                    pod = self._look()

    def _pass(self, pod: Pod | None) -> Pod | None:
        """One look, one decision, at most one write; returns the pod of the step that is now begun."""
        journal, cancelled, now = self._own.journal, bool(self._own.seen.cancel), self._now()
        step = self._steps[journal.index]
        trouble = self._objects.trouble(pod.name) if pod and decide.is_stuck(step, journal, pod, now) else None
        match decide.next_move(step, journal, pod, trouble, cancelled=cancelled, now=now, limits=self._limits):
            case decide.Create():
                return self._create(step)
            case decide.Wait() as wait:
                return self._wait(step, pod, wait)
            case decide.Conclude(ended, end):
                self._read_and_conclude(step, ended, end)
            case decide.Stop(failure):
                self._conclude(StepEnd(step, self._own.seen.log, failure, pod))
            case decide.Cancel():
                self._cancel()
        return None

    @property
    def _steps(self) -> tuple[Step, ...]:
        return plan.steps(self._task)

    def _pod_name(self) -> str:
        """The pod of the step that was begun."""
        journal = self._own.journal
        return journal.pod(self._own.seen.task_id, self._steps[journal.index])

    def _look(self) -> Pod | None:
        """The pod of the step that was begun, which a taskmaster before this one may have made."""
        shown = self._objects.find("pods", self._pod_name())
        return self._followed(shown) if shown is not None else None

    def _create(self, step: Step) -> Pod | None:
        seen = self._own.seen
        try:
            claim = scratch.claim(seen, self._task, self._settings)
            if step == self._steps[0] and claim:
                self._objects.make("persistentvolumeclaims", claim)
            failed = bool(self._own.journal.failure)
            report_to = "" if step.kind == Kind.EXECUTOR else self._hearing.expect(self._pod_name())
            pod = manifests.pod(seen, self._task, step, self._settings, failed=failed, report_to=report_to)
            return self._followed(self._objects.make("pods", pod))
        except (Refused, Unavailable) as error:
            reason, failure = waiting.of_refusal(step, error), explain.refused(step, error)
        match decide.refused(self._own.journal, reason, failure, now=self._now(), limits=self._limits):
            case decide.Wait() as wait:
                self._wait(step, None, wait)
            case decide.Stop(failure):
                self._conclude(StepEnd(step, seen.log, failure, None))
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

    def _wait(self, step: Step, pod: Pod | None, wait: decide.Wait) -> Pod | None:
        """Tells what is new, waits for a change and takes it in; returns how the step's pod looks after it."""
        self._attend()
        news = writing.waited(self._own.seen, step, wait, self._now())
        if news:
            log.info("step seen", extra={"step": step.name, "running": wait.running, "waits": str(wait.reason)})
            self._write(news)
        try:
            change = self._watches.next(wait.seconds)
        except Empty:
            return pod
        if change.kind == "configmaps":
            self._own.hint(change.object)
            return pod
        if change.name != self._pod_name():
            return pod
        if change.kind == "reports":
            return observe.done(pod) if pod else None
        return observe.pod(change.object) if change.object is not None else None

    def _read_and_conclude(self, step: Step, pod: Pod, end: Terminated) -> None:
        seen = self._own.seen
        if step.kind == Kind.EXECUTOR:
            executor = self._task.executors[step.executor]
            stream = tails.of_the_pod(executor.stdout, executor.stderr)
            told = report.Report()
            tail, why_not = self._objects.log_tail(pod.name, tasklog.tail_size(seen, self._task))
            grown = tasklog.with_executor(seen.log, end, stream, tail)
            grown = with_note(grown, explain.log_missing(step, end, stream, why_not) if why_not else "")
        else:
            told = self._hearing.told.get(pod.name) or self._objects.report(pod.name)
            grown = tasklog.with_report(seen.log, told)
        log.info("step ended", extra={"step": step.name, "exit_code": end.exit_code})
        self._objects.has_ended(pod.name)
        self._conclude(StepEnd(step, grown, explain.ended(step, pod, told, ram_gb=self._task.resources.ram_gb), pod))

    def _conclude(self, end: StepEnd) -> None:
        """Writes the end of a step together with the beginning of the next, or with the end of the task."""
        before = self._own.seen
        verdict = decide.after(
            self._steps,
            self._own.journal,
            end.failure,
            self._task,
            limits=self._limits,
        )
        attempts = self._limits.attempts
        self._write(writing.concluded(before, end, verdict, attempts=attempts, now=self._now()))
        if isinstance(verdict, decide.Again) or (isinstance(verdict, decide.Begin) and not end.failure):
            # A quota of pods counts those that have ended, too.
            self._objects.remove(leftovers.of_step(before, self._own.seen, self._task, self._settings))

    def _cancel(self) -> None:
        """Stops and frees everything, and only then says so."""
        going, note = self._clean(), "Cancelled."
        if not self._objects.gone(going, within=_QUIET_CANCEL):
            self._own.write(State.CANCELING, {})
            if not self._objects.gone(going, within=_LONG_CANCEL):
                note = "Cancelled; a pod or the scratch volume is still being removed."
        grown = with_note(self._own.seen.log, note)
        self._write(writing.finished(State.CANCELED, grown, note, self._now()))

    def _clean(self, *, keep: bool = False) -> set[tuple[str, str]]:
        """Has the pods and the scratch volume deleted; returns kind and name of each that was there."""
        seen = self._own.seen
        kept = self._ended(leftovers.kept(seen, self._task)) if keep else set()
        return self._objects.remove(leftovers.made(seen, self._task, self._settings) - kept)

    def _ended(self, pods: leftovers.Names) -> leftovers.Names:
        """Those of the pods that have ended: one that has not would begin when its image comes."""
        shown = {(kind, name): self._objects.find(kind, name) for kind, name in pods}
        return {pod for pod, its in shown.items() if its and observe.pod(its).terminated}

    def _scrubbed(self) -> bool:
        """Whether the outputs filer has removed the task's folder, which waited for the end to be written."""
        return bool(self._settings.shared_claim) and self._hearing.afterwards(self._pod_name())

    def _scrub(self, going: leftovers.Names) -> None:
        """Has the task's folder removed once nothing writes there any more; what fails of it is the janitor's."""
        job = scratch.scrub_job(self._own.seen, self._task, self._settings)
        if job and self._objects.gone(going, within=_LONG_CANCEL):
            with suppress(TeskError):
                self._kube.create("batch/v1/jobs", job)

    def _write(self, news: Writing) -> None:
        """Into the record, and where it is worth an Event into that, for those who look with kubectl."""
        self._own.write(news.state, news.annotations, news.log)
        if news.state in FINAL:
            log.info("task ended", extra={"state": news.state.value, "reason": self._own.seen.reason})
        if news.told:
            with suppress(TeskError):
                self._kube.create("events", self._event(news.told))

    def _event(self, told: Told) -> Object:
        now = record.timestamp(self._now())
        source = naming.TASKMASTER_ACCOUNT
        return events.warning(self._own.seen, told.reason, told.message, about=told.about, source=source, now=now)
