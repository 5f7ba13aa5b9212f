"""A certificate for servers on the loopback interface."""

import subprocess
from pathlib import Path


def certificate(folder: Path) -> Path:
    """A file with a certificate, which vouches for itself, and its key."""
    file, key = folder / "certificate", folder / "key"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", file,
            "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1,IP:127.0.0.73",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + key.read_text())
    return file
