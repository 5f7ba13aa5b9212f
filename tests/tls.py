"""A certificate for servers on the loopback interface."""

import subprocess
from pathlib import Path


def certificate(folder: Path, *addresses: str) -> Path:
    """A file with a certificate for these addresses and those of the tests, which vouches for itself, and its key."""
    names = "subjectAltName=" + ",".join(f"IP:{address}" for address in ("127.0.0.1", "127.0.0.73", *addresses))
    file, key = folder / "certificate", folder / "key"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", file,
            "-subj", "/CN=test", "-addext", names,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + key.read_text())
    return file
