"""Runs the task in demo/lambda.json as a client would, and shows its states as they pass and its results.

Usage: demo/demo.py, with the variables of .local/env.
"""

import json
import os
import string
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

FINAL = {"COMPLETE", "EXECUTOR_ERROR", "SYSTEM_ERROR", "CANCELED"}
LOOK_EVERY = 0.2


def main() -> int:
    """0 if the task completed."""
    s3 = storage(os.environ)
    if "demo" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket="demo")
    template = string.Template((Path(__file__).parent / "lambda.json").read_text())
    task_id = call("POST", "/tasks", template.substitute(os.environ).encode())["id"]
    print(f"\n  POST {os.environ['TES_URL']}/ga4gh/tes/v1/tasks  →  {task_id}")
    began = time.monotonic()
    for change in changes(task_id):
        print(f"  … {change:<52} {time.monotonic() - began:6.1f} s", flush=True)
    task = call("GET", f"/tasks/{task_id}?view=FULL")
    if task["state"] != "COMPLETE":
        print("\n".join(f"    {line}" for line in system_logs(task)))
        print(f"  The task ended as {task['state']}. Its record: kubectl --namespace tesk describe configmap {task_id}")
        return 1
    show_results(s3, task)
    return 0


def changes(task_id: str) -> Iterator[str]:
    """Each new state of the task, up to the final one, and each new last line of its system_logs: what it waits for."""
    seen = told = ""
    while True:
        task = call("GET", f"/tasks/{task_id}?view=FULL")
        state, line = task["state"], "".join(system_logs(task)[-1:])
        if state != seen:
            yield state
        if state in FINAL:
            return
        if line and line != told:
            yield f"  {line}"
        seen, told = state, line
        time.sleep(LOOK_EVERY)


def system_logs(task: dict[str, Any]) -> list[str]:
    return [line for log in task.get("logs", []) for line in log.get("system_logs", [])]


def show_results(s3: Any, task: dict[str, Any]) -> None:
    flagstat = s3.get_object(Bucket="demo", Key="lambda/flagstat.txt")["Body"].read().decode()
    print("\n  samtools flagstat says:\n")
    print("\n".join(f"    {line}" for line in flagstat.splitlines()))
    print("\n  Uploaded:")
    for output in task["logs"][0]["outputs"]:
        print(f"    {output['url']}  {output['size_bytes']} bytes")
    print(f"\n  The sorted BAM is s3://demo/lambda/sorted.bam on {os.environ['S3_URL']}")
    print("  (keys: S3_ACCESS_KEY and S3_SECRET_KEY in .local/env). The task, as an admin sees it:\n")
    columns = "tesk/state"
    print(f"    . .local/env; kubectl --namespace tesk get configmap {task['id']} --label-columns {columns}\n")


def call(method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    """The service's answer; its own words and status 1 if it refuses."""
    url = os.environ["TES_URL"] + "/ga4gh/tes/v1" + path
    asked = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        sys.exit(f"  {method} {url} was answered {error.code}: {error.read().decode()}")


def storage(environment: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=environment["S3_URL"],
        region_name="us-east-1",
        aws_access_key_id=environment["S3_ACCESS_KEY"],
        aws_secret_access_key=environment["S3_SECRET_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    )


if __name__ == "__main__":
    sys.exit(main())
