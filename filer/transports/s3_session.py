"""Who speaks with the S3 server of a bucket: boto3, by the files of the AWS command line in the tenant's Secret.

A profile that has the bucket's name is for that one, `default` for all others.
"""

import functools
import socket
import threading
from typing import TYPE_CHECKING

import boto3
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.session import Session

from filer import connections

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class _Connection(AWSHTTPConnection):
    def _new_conn(self) -> socket.socket:
        return connections.opened(self)


class _SecureConnection(AWSHTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return connections.opened(self)


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_one_at_a_time = threading.Lock()


def client(bucket: str) -> "S3Client":
    """The same one for all threads. Raises the library's errors."""
    with _one_at_a_time:  # else each of the first threads makes one
        return _client(bucket if bucket in _profiles() else None)


@functools.cache
def _profiles() -> frozenset[str]:
    return frozenset(_session(None).available_profiles)


def _session(profile: str | None) -> boto3.Session:
    made = Session(profile=profile)
    made.register_component("data_loader", _loader())
    return boto3.Session(botocore_session=made)


@functools.cache
def _loader() -> Loader:
    """For all sessions: what each would keep of the library's data is large."""
    return create_loader()


@functools.cache
def _client(profile: str | None) -> "S3Client":
    config = Config(
        # One attempt: trying again is done in one place for all transports.
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=32,
        user_agent=connections.USER_AGENT,  # the library's own is put together anew for each request
        # Where it is asked for alone: some servers send the whole object's checksum with a part of it.
        response_checksum_validation="when_required",
    )
    made = _session(profile).client("s3", config=config)
    # The library has no other way to have a say in what it connects to: the endpoint is the tenant's, the bucket's
    # name, which may become a part of the host's, the user's.
    manager = made._endpoint.http_session._manager  # type: ignore[attr-defined] # noqa: SLF001
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    manager.connection_pool_kw["blocksize"] = connections.CHUNK  # it sends 16 KiB at a time else
    return made
