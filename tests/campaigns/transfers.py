"""How fast the filer is beside curl, the AWS command line and rclone, over servers on this machine.

One large file and many small ones, in and out, by each protocol. The tools take turns, so that what else the machine
does meets all of them; what is told is the median of the rounds, as a table for the README.
`python -m tests.campaigns.transfers`, with BENCH_ROUNDS (3), BENCH_MIB (2048), BENCH_FILES (2000), BENCH_ONLY (what the
names of cases must begin with), BENCH_FOLDER (/dev/shm, so that no disk is measured), AWS, VERSITYGW and
STORAGE_SERVERS, the programs.
"""

import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaigns.tables import table
from tests.nginx import Nginx, nginx
from tests.processes import Used, used
from tests.servers import ACCESS_KEY, SECRET_KEY, S3Server, s3_server
from tests.sshd import Sshd, sshd
from tests.test_filer_program import variables
from tests.vsftpd import Vsftpd, vsftpd

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
MEBIBYTES = int(os.environ.get("BENCH_MIB", "2048"))
FILES = int(os.environ.get("BENCH_FILES", "2000"))
ONLY = os.environ.get("BENCH_ONLY", "")
SMALL = 64 * 1024


@dataclass(slots=True)
class Bench:
    """A folder with what is moved (`large`, `many/`), and the servers."""

    home: Path
    web: Nginx
    ftp: Vsftpd
    sftp: Sshd
    s3: S3Server
    aws: str

    @property
    def scratch(self) -> Path:
        """What executors would see."""
        return self.home / "scratch/data"

    @property
    def got(self) -> Path:
        """Where the other tools put what they fetch."""
        return self.home / "got"

    def filer(self, step: str, *items: dict[str, str]) -> Used:
        document = {step: list(items), "executors": [{"image": "i", "command": ["c"]}]}
        (self.home / "task.json").write_text(json.dumps(document))
        environment = variables(self.home, **self.s3.environment(self.home / "aws"))
        return used([sys.executable, "-m", "filer", step], environment)

    def tool(self, *arguments: str | Path) -> Used:
        rclone = {
            "RCLONE_CONFIG_BENCH_TYPE": "s3", "RCLONE_CONFIG_BENCH_PROVIDER": "Other",
            "RCLONE_CONFIG_BENCH_ENDPOINT": self.s3.endpoint, "RCLONE_CONFIG_BENCH_ACCESS_KEY_ID": ACCESS_KEY,
            "RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY": SECRET_KEY, "RCLONE_S3_NO_CHECK_BUCKET": "true",
            "RCLONE_EXPECT_CONTINUE_TIMEOUT": "0s",  # else it waits a second with each part for versitygw
        }  # fmt: skip
        environment = {"PATH": os.defpath, "HOME": str(self.home), **rclone}
        return used(arguments, {**environment, **self.s3.environment(self.home / "aws")})

    def curl(self, *arguments: str | Path) -> Used:
        # Insecure: nobody vouches for the key of the SFTP server.
        return self.tool("curl", "-sS", "--insecure", "--ftp-create-dirs", *arguments)

    def curl_many(self, upload: bool, folder: Path, url: str) -> Used:
        option = "upload-file" if upload else "output"
        lines = [f'url = "{url}/{i}"\n{option} = "{folder}/{i}"\n' for i in range(FILES)]
        (self.home / "curl").write_text("".join(lines))
        folder.mkdir(exist_ok=True)
        return self.curl("-Z", "--parallel-max", "8", "-K", self.home / "curl")

    def clean(self, holds: Path | None = None, without: Path | None = None) -> None:
        """Makes ready for one tool: what it is to store lies in the filer's volume, and what came before is gone."""
        for place in (self.home / "scratch", self.got, *([without] if without else [])):
            shutil.rmtree(place, ignore_errors=True) if place.is_dir() else place.unlink(missing_ok=True)
        self.got.mkdir()
        self.scratch.mkdir(parents=True)
        if holds is not None and holds.is_dir():
            shutil.copytree(holds, self.scratch / holds.name)
        elif holds is not None:
            os.link(holds, self.scratch / holds.name)

    def arrived(self) -> None:
        places = [*self.scratch.iterdir(), *self.got.iterdir()]
        if len(places) != 1:
            raise RuntimeError(f"there is more than what was fetched: {places}")
        same(places[0], MEBIBYTES * 1024 * 1024 if places[0].is_file() else FILES * SMALL)


def same(place: Path, size: int) -> None:
    found = sum(file.stat().st_size for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file())
    if found != size:
        raise RuntimeError(f"{place} has {found} bytes, not {size}")


@dataclass(frozen=True, slots=True)
class Case:
    """One of the table's comparisons: what each tool does. `clean` is called before each."""

    name: str
    tools: dict[str, Callable[[], Used]]
    clean: Callable[[], None]
    check: Callable[[], None]
    """Raises where not all bytes came."""
    results: dict[str, list[Used]] = field(default_factory=dict)


def beside_curl(bench: Bench, url: str, folder: Path) -> Iterator[Case]:
    """A server whose URL is that of a folder here."""
    protocol, large, many, up = url.partition(":")[0], bench.home / "large", bench.home / "many", folder / "kept"
    rclone = {"rclone": lambda: bench.tool("rclone", "copyurl", f"{url}/large", bench.got / "large")}
    yield Case(
        f"{protocol}, large, in",
        {
            "curl": lambda: bench.curl("-o", bench.got / "large", f"{url}/large"),
            "filer": lambda: bench.filer("inputs", {"path": "/large", "url": f"{url}/large"}),
            **(rclone if protocol == "http" else {}),
        },
        bench.clean,
        bench.arrived,
    )
    yield Case(
        f"{protocol}, large, out",
        {
            "curl": lambda: bench.curl("-T", large, f"{url}/kept/large"),
            "filer": lambda: bench.filer("outputs", {"path": "/large", "url": f"{url}/kept/large"}),
        },
        lambda: bench.clean(large, up),
        lambda: same(up / "large", large.stat().st_size),
    )
    files = [{"path": f"/many/{i}", "url": f"{url}/many/{i}"} for i in range(FILES)]
    yield Case(
        f"{protocol}, small, in",
        {
            "curl": lambda: bench.curl_many(False, bench.got / "many", f"{url}/many"),
            "filer": lambda: bench.filer("inputs", *files),
        },
        bench.clean,
        bench.arrived,
    )
    yield Case(
        f"{protocol}, small, out",
        {
            "curl": lambda: bench.curl_many(True, many, f"{url}/kept"),
            "filer": lambda: bench.filer("outputs", {"path": "/many", "url": f"{url}/kept", "type": "DIRECTORY"}),
        },
        lambda: bench.clean(many, up),
        lambda: same(up, FILES * SMALL),
    )


def beside_aws(bench: Bench) -> Iterator[Case]:
    large, many, bucket = bench.home / "large", bench.home / "many", bench.s3.folder / "bucket"
    copy = (bench.aws, "s3", "cp", "--only-show-errors")
    yield Case(
        "s3, large, out",
        {
            "aws": lambda: bench.tool(*copy, large, "s3://bucket/large"),
            "filer": lambda: bench.filer("outputs", {"path": "/large", "url": "s3://bucket/large"}),
            "rclone": lambda: bench.tool("rclone", "copyto", large, "bench:bucket/large"),
        },
        lambda: bench.clean(large, bucket / "large"),
        lambda: same(bucket / "large", large.stat().st_size),
    )
    yield Case(
        "s3, large, in",
        {
            "aws": lambda: bench.tool(*copy, "s3://bucket/large", bench.got / "large"),
            "filer": lambda: bench.filer("inputs", {"path": "/large", "url": "s3://bucket/large"}),
            "rclone": lambda: bench.tool("rclone", "copyto", "bench:bucket/large", bench.got / "large"),
        },
        bench.clean,
        bench.arrived,
    )
    yield Case(
        "s3, small, out",
        {
            "aws": lambda: bench.tool(*copy, "--recursive", many, "s3://bucket/many"),
            "filer": lambda: bench.filer("outputs", {"path": "/many", "url": "s3://bucket/many", "type": "DIRECTORY"}),
            "rclone": lambda: bench.tool("rclone", "copy", "--no-traverse", many, "bench:bucket/many"),
        },
        lambda: bench.clean(many, bucket / "many"),
        lambda: same(bucket / "many", FILES * SMALL),
    )
    yield Case(
        "s3, small, in",
        {
            "aws": lambda: bench.tool(*copy, "--recursive", "s3://bucket/many", bench.got / "many"),
            "filer": lambda: bench.filer("inputs", {"path": "/many", "url": "s3://bucket/many", "type": "DIRECTORY"}),
            "rclone": lambda: bench.tool("rclone", "copy", "bench:bucket/many", bench.got / "many"),
        },
        bench.clean,
        bench.arrived,
    )


def cases(bench: Bench) -> Iterator[Case]:
    yield from beside_curl(bench, bench.web.url(""), bench.web.folder)
    yield from beside_curl(bench, bench.ftp.url(""), bench.ftp.folder)
    yield from beside_curl(bench, bench.sftp.url("/data"), bench.sftp.folder)
    yield from beside_aws(bench)


def main() -> int:
    with contextlib.ExitStack() as opened:
        above = os.environ.get("BENCH_FOLDER", "/dev/shm")
        home = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="tesk-bench-", dir=above)))
        bench = Bench(
            home,
            opened.enter_context(nginx(home / "nginx")),
            opened.enter_context(vsftpd(home / "ftp")),
            opened.enter_context(sshd(home / "sftp")),
            opened.enter_context(s3_server(home / "s3")),
            os.environ["AWS"],
        )
        _made(bench)
        compared = [case for case in cases(bench) if case.name.startswith(ONLY)]
        for number in range(ROUNDS):
            for case in compared:
                for name, run in case.tools.items():
                    case.clean()
                    needed = run()
                    case.check()
                    case.results.setdefault(name, []).append(needed)
                    print(
                        f"round {number + 1}: {case.name}, {name}: {needed.seconds:.1f} s", file=sys.stderr, flush=True
                    )
        return _told(compared)


def _made(bench: Bench) -> None:
    (bench.s3.folder / "bucket").mkdir()
    block = os.urandom(1024 * 1024)
    with (bench.home / "large").open("wb") as file:
        for number in range(MEBIBYTES):
            file.write(number.to_bytes(8, "big") + block[8:])
    (bench.home / "many").mkdir()
    for number in range(FILES):
        (bench.home / f"many/{number}").write_bytes(number.to_bytes(8, "big") + block[8:SMALL])
    for served in (bench.web, bench.ftp, bench.sftp):
        os.link(bench.home / "large", served.folder / "large")
        shutil.copytree(bench.home / "many", served.folder / "many")
    bench.ftp.own()
    bench.sftp.own()


def _told(compared: list[Case]) -> int:
    """Prints the table; 1 if a goal is missed."""
    missed = list[str]()
    rows = [("", "tool", "seconds", "CPU-seconds", "MiB")]
    for case in compared:
        seconds = {name: statistics.median(one.seconds for one in results) for name, results in case.results.items()}
        beside = "aws" if "aws" in seconds else "curl"
        for name, results in case.results.items():
            rows.append(
                (
                    case.name if name == beside else "",
                    name,
                    f"{seconds[name]:.1f}",
                    f"{statistics.median(one.cpu for one in results):.1f}",
                    f"{max(one.memory for one in results):.0f}",
                )
            )
        # By round, since a busy machine slows neighbours alike; the median of what each tool took alone would not tell.
        pairs = zip(case.results["filer"], case.results[beside], strict=True)
        ratio = statistics.median(mine.seconds / theirs.seconds for mine, theirs in pairs)
        # No goal was set for small files over HTTP, where there is only curl, which is C.
        most = 1.2 if "large" in case.name else 1.0 if beside == "aws" else None
        if most and ratio > most:
            missed.append(f"{case.name}: {ratio:.2f} times {beside}'s time, and {most} is the goal")
    rule = ("---", "---", "--:", "--:", "--:")
    print("\n".join(f"| {' | '.join(row)} |" for row in [rows[0], rule, *rows[1:]]))
    print(table([(line,) for line in missed]) if missed else "All goals are reached.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
