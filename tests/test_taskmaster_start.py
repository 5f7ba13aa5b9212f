import subprocess
import sys

HEAVY = {"boto3", "cryptography", "flask", "gunicorn", "jsonschema", "kubernetes", "yaml", "requests", "urllib3"}
MOST_MODULES = 230


def loaded(statement: str) -> set[str]:
    script = f"{statement}; import sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_a_taskmaster_loads_nothing_heavy_because_it_is_paid_for_once_per_task() -> None:
    modules = loaded("import taskmaster.__main__")
    assert not HEAVY & modules
    assert len(modules) < MOST_MODULES


def test_a_filer_loads_no_protocol_before_it_needs_one() -> None:
    modules = loaded("import filer.__main__")
    assert not (HEAVY | {"botocore"}) & modules
    assert len(modules) < MOST_MODULES
