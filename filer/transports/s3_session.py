"""Who speaks with the S3 server of a bucket: boto3, by the files of the AWS command line in the tenant's Secret.

A profile that has the bucket's name is for that one, `default` for all others. Also what its errors mean.
"""

import functools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore import exceptions
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.session import Session
from urllib3.exceptions import HTTPError

from filer import connections, guard
from filer.errors import Absent, Interrupted, NotMovable, answered
from filer.transports import http_errors
from tescore.errors import TeskError, shortened

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PASSING = frozenset({"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"})
"""Error codes that may pass whatever HTTP status they come with."""
_BROKEN = (
    exceptions.HTTPClientError,
    exceptions.ConnectionError,
    exceptions.IncompleteReadError,
    exceptions.FlexibleChecksumError,
)


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
        connect_timeout=guard.CONNECT,
        read_timeout=guard.SILENCE,
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


def cause(error: Exception) -> TeskError:
    """What a failure of the library means, by its class and by the code and status of the answer."""
    if isinstance(error, exceptions.ClientError):
        return _answer_cause(error)
    if isinstance(error, exceptions.SSLError):
        return NotMovable(f"there is no trusted connection ({shortened(str(error))})")
    if isinstance(error, _BROKEN):
        return Interrupted(f"the connection failed ({shortened(str(error))})")
    if isinstance(error, exceptions.NoCredentialsError):
        return NotMovable("the tenant has no Secret with credentials for this bucket")
    return NotMovable(shortened(str(error)))


def _answer_cause(error: exceptions.ClientError) -> TeskError:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    answer = error.response["ResponseMetadata"]
    retry_after = answer.get("HTTPHeaders", {}).get("retry-after")
    words = f"{code}: {message}" if message and message != code else code
    told = answered(answer["HTTPStatusCode"], words, retry_after=retry_after, passing=code in _PASSING)
    return Absent(str(told)) if code == "NoSuchKey" else told


@contextmanager
def causes_told() -> Iterator[None]:
    """Turns the library's errors into the filer's."""
    try:
        yield
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        if isinstance(error.__context__, TeskError):  # the guard's, on its way through the library
            raise error.__context__ from error
        raise cause(error) from error
    except HTTPError as error:  # what the library lets through of what breaks a body off
        raise http_errors.cause(error) from error
