"""Images in S3-compatible storage, listed and read through fsspec.

Credentials are found where every S3 client looks for them (environment, profile, the machine's
role) and never asked for, stored or passed on. The endpoint of a storage other than Amazon's is an
option or ``AWS_ENDPOINT_URL``.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from etabli.core.errors import DataMissing, MissingExtra, NoNetwork, UnknownName, UnsafeArchive
from etabli.core.i18n import _
from etabli.data.formats.images import SUFFIXES

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["MAX_BYTES", "RemoteImage", "is_remote", "list_images"]

MAX_BYTES = 512_000_000
_TIMEOUTS = {
    "connect_timeout": 10,
    "read_timeout": 60,
    "retries": {"max_attempts": 3, "mode": "standard"},
}


@dataclass(frozen=True)
class RemoteImage:
    """An object of a bucket as listed; ``mark``, its ETag, changes when it is overwritten."""

    url: str
    size: int
    mark: str
    endpoint: str | None = None

    def read(self) -> bytes:
        """Return the object's bytes; raise ``NoNetwork`` where the storage does not answer."""
        if self.size > MAX_BYTES:
            raise UnsafeArchive(
                _("{path} is too large for an image").format(path=self.url),
                expected=_("at most {count} million bytes").format(count=MAX_BYTES // 1_000_000),
                got=self.size,
            )
        with _explain_errors(self.url, self.endpoint):
            return _open_storage(self.endpoint).cat_file(self.url)


def is_remote(place: object) -> bool:
    """Return whether a place is an S3 address; ``UnknownName`` for another kind of address."""
    kind, separator, _rest = str(place).partition("://")
    if separator and kind != "s3":
        raise UnknownName(_("kind of storage"), kind, ["s3"])
    return bool(separator)


def list_images(place: str, endpoint: str | None = None) -> list[RemoteImage]:
    """List the images under ``s3://bucket/prefix`` by their suffix, in the order of a folder."""
    for variable in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        endpoint = endpoint or os.environ.get(variable) or None
    root = place.removeprefix("s3://").strip("/")
    if not root:
        raise DataMissing(
            _("{place} names no bucket").format(place=place), expected="s3://bucket/prefix"
        )
    with _explain_errors(place, endpoint):
        objects = _open_storage(endpoint).find(root, detail=True)
    found = [
        RemoteImage(
            f"s3://{key}", int(each["size"]), str(each.get("ETag", "")).strip('"'), endpoint
        )
        for key, each in objects.items()
        if PurePosixPath(key).suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in PurePosixPath(key).relative_to(root).parts)
    ]
    return sorted(found, key=lambda image: PurePosixPath(image.url))


@cache
def _open_storage(endpoint: str | None) -> "AbstractFileSystem":
    """Return one client for all threads: it runs its own event loop."""
    try:
        import fsspec
        import s3fs  # noqa: F401  (the import error of fsspec is less clear)
    except ImportError as error:
        raise MissingExtra(error.name or "s3fs", "cluster", _("reading from S3 storage")) from error
    return fsspec.filesystem(
        "s3", endpoint_url=endpoint, use_listings_cache=False, config_kwargs=_TIMEOUTS
    )


@contextmanager
def _explain_errors(place: str, endpoint: str | None) -> Iterator[None]:
    """Turn what the client raises into an ``EtabliError``."""
    try:
        from botocore.exceptions import (  # type: ignore[import-untyped]  # no stubs
            BotoCoreError,
            NoCredentialsError,
        )
    except ImportError as error:
        raise MissingExtra("s3fs", "cluster", _("reading from S3 storage")) from error
    try:
        yield
    except FileNotFoundError as error:
        raise DataMissing(_("there is no {place}").format(place=place)) from error
    except NoCredentialsError as error:
        raise DataMissing(
            _("{place} requires credentials, and none are set").format(place=place),
            fix=_("Set AWS_PROFILE or AWS_ACCESS_KEY_ID; for a public bucket, {variable}.").format(
                variable="FSSPEC_S3='{\"anon\": true}'"
            ),
        ) from error
    except PermissionError as error:
        raise DataMissing(
            _("cannot read {path} ({reason})").format(path=place, reason=error)
        ) from error
    except (OSError, BotoCoreError) as error:
        raise NoNetwork(
            _("the storage did not return {place} ({reason})").format(place=place, reason=error),
            expected=_("an answer from {endpoint}").format(endpoint=endpoint or "Amazon S3"),
            fix=_("Run the same command again: finished work is kept."),
        ) from error
