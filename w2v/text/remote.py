"""Files behind addresses such as ``s3://bucket/file``, which fsspec opens.

Any scheme that fsspec knows works, and chains such as ``zip://*.txt::https://host/texts.zip``. The
functions have the same shape as those for local files in `w2v.text.files`, which calls them.

An address may contain a password or a token. `without_secrets` replaces these, for messages and
records; such an address can be shown, but no longer opened.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple, cast
from urllib.parse import unquote

from w2v.errors import InputError, MissingExtraError
from w2v.system.files import Fingerprint

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*"
_URL = re.compile(rf"(?:{_SCHEME}::)*{_SCHEME}://.*", re.DOTALL)
_FIRST_SCHEME = re.compile(rf"(?:{_SCHEME}::)*({_SCHEME})://")

_HIDDEN = "***"
_USER = re.compile(rf"({_SCHEME})://([^/?#\s]*)@")
_SECRET_PARAMETER = re.compile(
    r"(?<=[?&;])([^=&;#]*(?:token|sig|signature|secret|passw(?:or)?d|pwd|credentials?|key|auth))="
    r"([^&;#]*)",
    re.IGNORECASE,
)
_NO_PASSWORD = {"github"}  # github://organization:repository@commit/path

_BLOCK_BYTES = 8 << 20  # read at once, enough that the time of a request hardly counts
_CONNECT_SECONDS = 30
_SILENT_SECONDS = 120  # after which a server is given up
_LONGEST_REASON = 300  # characters

_VERSIONS = ("ETag", "etag", "generation", "version_id", "md5Hash", "Content-MD5", "Digest")
_TIMES = ("LastModified", "last_modified", "mtime", "modified", "updated", "Last-Modified")


@dataclass(frozen=True)
class Address(os.PathLike[str]):
    """An address as a path object: the other path classes take its ``//`` for ``/``."""

    url: str

    def __fspath__(self) -> str:
        """Return the address."""
        return self.url


class Entry(NamedTuple):
    """A file or directory that a listing has found.

    Attributes:
        path: below the directory, or below the part of a pattern without wildcards.
        url: its address.
        is_directory: what it is.

    """

    path: PurePosixPath
    url: str
    is_directory: bool


def is_url(path: str) -> bool:
    """Return whether a path is an address: a scheme, ``://`` and more."""
    return _URL.fullmatch(path) is not None


def without_secrets(url: str) -> str:
    """Return an address with passwords, tokens and signatures replaced by ``***``."""

    def hide_user(match: re.Match[str]) -> str:
        scheme, user = match.groups()
        if scheme.lower() in {"http", "https"}:
            return f"{scheme}://{_HIDDEN}@"  # a token may stand in the place of the user
        name, colon, _ = user.partition(":")
        if not colon or scheme.lower() in _NO_PASSWORD:
            return match[0]
        return f"{scheme}://{name}:{_HIDDEN}@"

    return _SECRET_PARAMETER.sub(rf"\1={_HIDDEN}", _USER.sub(hide_user, url))


def file_name(url: str) -> str:
    """Return the last part of an address that has no wildcards, without parameters."""
    first = next(part for part in url.split("::") if "://" in part)
    parts = re.split(r"[?#]", first)[0].split("/")
    named = [part.rpartition("@")[2] for part in parts[1:] if not re.search(r"[*\[]", part)]
    return next((unquote(part) for part in reversed(named) if part), "corpus")


def is_directory(url: str) -> bool:
    """Return whether an address is a directory.

    A page of the web is one if its address ends in a slash and it has links to what is below it.

    Raises:
        InputError: it does not exist or cannot be read.

    """
    with _accessing(url) as (system, path):
        if not _is_web(system):
            return bool(system.info(path)["type"] == "directory")
        place = system.info(path).get("url", path)  # a server adds the slash
        return place.partition("?")[0].endswith("/") and bool(system.ls(path, detail=False))


def files_below(url: str) -> list[Entry]:
    """Return all files below a directory, in any order.

    Raises:
        InputError: it cannot be listed.

    """
    with _accessing(url) as (system, path):
        system.invalidate_cache()
        found = system.find(path, detail=True)
        return list(_entries(system, url, path, path.rstrip("/"), found))


def matches(url: str) -> list[Entry] | None:
    """Return the files and directories that match an address with wildcards; None without any.

    Raises:
        InputError: nothing matches, or the place cannot be listed.

    """
    with _accessing(url) as (system, path):
        wildcard = re.search(r"[*\[]" if _is_web(system) else r"[*?\[]", path)
        if wildcard is None:
            return None
        system.invalidate_cache()
        found = system.glob(path, detail=True)
        if "**" in path:  # it matches directories, and also all files below them
            found = {name: facts for name, facts in found.items() if facts["type"] == "file"}
        if found:
            root = path[: wildcard.start()].rpartition("/")[0]
            return list(_entries(system, url, path, root, found))
        if not _is_web(system) and system.exists(path):  # a name with brackets
            return None
    message = f"cannot read {without_secrets(url)}: no file matches; check the pattern"
    raise InputError(message)


def fingerprint(url: str, *, refresh: bool = False) -> Fingerprint | None:
    """Return the fingerprint of a file, or None if its size is unknown.

    Args:
        url: its address.
        refresh: whether to ask for its present state, instead of what a listing has found.

    Raises:
        InputError: it does not exist, or cannot be reached.

    """
    with _accessing(url) as (system, path):
        if refresh:
            system.invalidate_cache()
        facts = system.info(path)
        if facts.get("size") is None:
            return None
        version = next((str(facts[name]) for name in _VERSIONS if facts.get(name)), None)
        changed = next((facts[name] for name in _TIMES if facts.get(name)), None)
        if changed is None and version is None and not _is_web(system):
            changed = _modified(system, path)
        return Fingerprint(without_secrets(url), int(facts["size"]), _nanoseconds(changed), version)


def open_file(url: str) -> IO[bytes]:
    """Open a file for reading.

    Returns:
        A raw file. It is seekable if the store can read parts of a file.

    Raises:
        InputError: it does not exist, or cannot be reached; now, or when it is read.

    """
    with _accessing(url) as (system, path):
        whole = _is_web(system) and not _reads_parts(system, path)
        file = system.open(path, "rb", block_size=0 if whole else _BLOCK_BYTES)
        seekable = not whole and _can_seek(file)
        return cast("IO[bytes]", _RemoteFile(file, url, system, seekable=seekable))


class _RemoteFile(io.RawIOBase):
    """A file of fsspec as a raw file, with errors that name it."""

    def __init__(self, file: Any, url: str, system: Any, *, seekable: bool) -> None:
        self._file = file
        self._system = system  # an archive is closed when its file system goes
        self._url = url
        self._seekable = seekable
        self._size: int | None = getattr(file, "size", None)
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if not self._seekable:
            message = "the server sends the file only as a whole"
            raise io.UnsupportedOperation(message)
        self._file.seek(offset, whence)
        self._place = self._file.tell()
        return self._place

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read(len(buffer))
        except Exception as error:
            raise _read_error(self._url, error, self._place) from error
        if not data and len(buffer) and self._size is not None and self._place < self._size:
            message = (
                f"cannot read {without_secrets(self._url)}: it ended after {self._place:,} of "
                f"{self._size:,} bytes; try again"
            )
            raise InputError(message)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


@contextmanager
def _accessing(url: str) -> Iterator[tuple[Any, str]]:
    """Yield the file system of an address, and the path in it; report errors of access."""
    try:
        yield _file_system(url)
    except (InputError, MissingExtraError):
        raise
    except Exception as error:  # each store has exceptions of its own
        raise _read_error(url, error) from error


def _file_system(url: str) -> tuple[Any, str]:
    shown = without_secrets(url)
    try:
        import fsspec
        from fsspec.registry import known_implementations, registry
    except ImportError as error:
        raise MissingExtraError(f"reading {shown}", "remote") from error
    if _HIDDEN in url:
        message = (
            f"cannot read {shown} again: the password or token in its address is not recorded; "
            "start over with `overwrite=True`, and keep it in ~/.netrc or the configuration of "
            "the store instead"
        )
        raise InputError(message)
    schemes = [part.partition("://")[0].lower() for part in url.split("::")]
    for scheme in schemes:
        if scheme not in known_implementations and scheme not in registry:
            message = (
                f"cannot read {shown}: the scheme {scheme!r} is unknown; expected the path of a "
                "file, or an address with a scheme such as https, s3, gs or hdfs"
            )
            raise InputError(message)
    options: dict[str, Any] = {
        scheme: _web_options(fsspec.config.conf.get(scheme, {}))
        for scheme in schemes
        if scheme in {"http", "https"}
    }
    try:
        system, path = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        raise _missing_driver(shown, schemes, known_implementations, error) from error
    return system, path


def _missing_driver(
    shown: str, schemes: list[str], known: dict[str, Any], error: ImportError
) -> MissingExtraError:
    modules = [known[scheme]["class"].partition(".")[0] for scheme in schemes if scheme in known]
    drivers = [name for name in modules if name != "fsspec"]
    missing = error.name or getattr(error.__cause__, "name", None)
    if not drivers and missing is not None:
        drivers = [missing.partition(".")[0]]
    return MissingExtraError(f"reading {shown}", "remote", *drivers[:1])


def _web_options(configured: dict[str, Any]) -> dict[str, Any]:
    """Return the options for web servers, with those of the user's configuration of fsspec.

    The bytes come as they are stored, without a compression on the way, whose size is unknown. A
    download may take any time, as long as bytes come. Proxies and ~/.netrc are respected.
    """
    from aiohttp import ClientTimeout

    timeout = ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENT_SECONDS)
    client = {"timeout": timeout, "trust_env": True, "auto_decompress": False}
    headers = {"Accept-Encoding": "identity"}
    return {
        "headers": headers | configured.get("headers", {}),
        "client_kwargs": client | configured.get("client_kwargs", {}),
    }


def _is_web(system: Any) -> bool:
    web = sys.modules.get("fsspec.implementations.http")  # the protocols of older versions are none
    return web is not None and isinstance(system, web.HTTPFileSystem)


def _reads_parts(system: Any, path: str) -> bool:
    """Return whether a web server sends parts of a file, which many do not announce."""
    from fsspec.asyn import sync

    async def ask() -> bool:
        session = await system.set_session()
        options = dict(system.kwargs)
        options["headers"] = {**options.get("headers", {}), "Range": "bytes=0-0"}
        async with session.get(system.encode_url(path), **options) as response:
            return bool(response.status == 206)

    return bool(sync(system.loop, ask))


def _can_seek(file: Any) -> bool:
    try:
        if not file.seekable():
            return False
        file.seek(0, io.SEEK_END)
        file.seek(0)
    except (OSError, ValueError, NotImplementedError):
        return False
    return True


def _entries(
    system: Any, url: str, path: str, root: str, found: dict[str, dict[str, Any]]
) -> Iterator[Entry]:
    address = _addresses(system, url, path)
    for name, facts in found.items():
        below = name[len(root) :].strip("/") if name.startswith(root) else name
        if _is_web(system):
            below = unquote(below)
        is_folder = facts.get("type") == "directory"
        # Some stores keep an empty object in place of a directory; pages have links to themselves.
        if below and not below.startswith(("?", "#")) and (is_folder or not name.endswith("/")):
            yield Entry(PurePosixPath(below), address(name), is_folder)


def _addresses(system: Any, url: str, path: str) -> Callable[[str], str]:
    """Return a function that makes addresses from paths in a file system.

    The paths have no scheme, and some systems also leave out the server or the account. So each
    address gets the beginning of ``url``, up to the end that it has in common with its path.
    """
    match = _FIRST_SCHEME.match(url)
    assert match is not None  # as it is an address
    first, chain, rest = url[match.start() :].partition("::")
    while "://" not in first:
        more, chain, rest = rest.partition("::")
        first = f"{first}::{more}"
    rest = chain + rest
    first, whole = first.rstrip("/"), path.rstrip("/")
    common = 0
    while common < min(len(first), len(whole)) and first[-1 - common] == whole[-1 - common]:
        common += 1
    before, dropped = first[: len(first) - common], whole[: len(whole) - common]

    def address(name: str) -> str:
        if not name.startswith(dropped):
            return str(system.unstrip_protocol(name)) + rest
        return before + name[len(dropped) :] + rest

    return address


def _modified(system: Any, path: str) -> Any:
    try:
        return system.modified(path)
    except (NotImplementedError, AttributeError):
        return None


def _nanoseconds(changed: Any) -> int:
    """Return a time, as a store gives it, in nanoseconds; 0 if it is unknown."""
    import email.utils

    try:
        if isinstance(changed, str):
            changed = (
                datetime.fromisoformat(changed)
                if changed[:1].isdigit()
                else email.utils.parsedate_to_datetime(changed)
            )
        if isinstance(changed, datetime):
            if changed.tzinfo is None:
                changed = changed.replace(tzinfo=UTC)
            changed = changed.timestamp()
        return round(float(changed or 0) * 10**9)
    except (TypeError, ValueError, OverflowError):
        return 0


def _read_error(url: str, error: BaseException, place: int = 0) -> InputError:
    """Return the exception for an address that cannot be read."""
    shown = without_secrets(url)
    causes = list(_causes(error))
    statuses = [getattr(cause, "status", None) or getattr(cause, "code", None) for cause in causes]
    status = next((int(str(number)) for number in statuses if str(number).isdigit()), None)
    if status in {401, 403, 407} or isinstance(causes[-1], PermissionError):
        code = f" (HTTP {status})" if status is not None else ""
        message = f"cannot read {shown}: no permission{code}; check the credentials for it"
    elif status in {404, 410} or isinstance(causes[-1], FileNotFoundError):
        message = f"cannot read {shown}: no such file or directory; check the address"
    else:
        after = f" after {place:,} bytes" if place else ""
        message = (
            f"cannot read {shown}{after}: {_reason(causes[-1], url)}; check the address and the "
            "connection, and try again"
        )
    return InputError(message)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that led to it."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__


def _reason(error: BaseException, url: str) -> str:
    """Return the message of an exception in one line, without the secrets of the address."""
    text = " ".join(str(error).split())
    for hidden in _secrets(url):
        text = text.replace(hidden, _HIDDEN)
    name = type(error).__name__
    return f"{text[:_LONGEST_REASON].rstrip('.')} ({name})" if text else name


def _secrets(url: str) -> list[str]:
    secrets = [match[2] for match in _USER.finditer(url)]
    secrets += [user.partition(":")[2] for user in secrets]
    secrets += [match[2] for match in _SECRET_PARAMETER.finditer(url)]
    return sorted(filter(None, {*secrets, *map(unquote, secrets)}), key=len, reverse=True)
