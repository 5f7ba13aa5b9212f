"""A certificate for servers on the loopback interface."""

import subprocess
from pathlib import Path


def certificate(folder: Path, *, identified: bool = True) -> Path:
    """A file with a certificate, which vouches for itself, and its key; without key identifiers unless `identified`."""
    file, key, plain = folder / "certificate", folder / "key", folder / "openssl.cnf"
    plain.write_text("[req]\ndistinguished_name = name\n[name]\n")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", file,
            *([] if identified else ["-config", plain]), "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1,IP:127.0.0.73",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + key.read_text())
    return file
