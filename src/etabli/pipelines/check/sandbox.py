"""Start a command in Linux namespaces: a root of its own, no network, no capabilities.

Run as a script (``python -I -S sandbox.py SPEC``), with the standard library only. The new root
holds what the specification lists, read-only, and two small file systems in memory; the rest of the
machine does not exist there: no other submission, no home folder, no process of another user.
"""

# ruff: noqa: PTH101, PTH103, PTH106, PTH112, PTH113, PTH114, PTH120, PTH123, PTH208, PTH211
import ast
import ctypes
import os
import resource
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

_CLONE = {"mount": 0x20000, "ipc": 0x8000000, "uts": 0x4000000, "pid": 0x20000000, "net": 1 << 30}
_NEW_USER = 0x10000000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _REMOUNT = 1, 2, 4, 32
_BIND, _RECURSIVE, _PRIVATE, _DETACH = 4096, 16384, 1 << 18, 2
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_INSIDE_USER = 1000
_MOST_ENTRIES = 500  # of a folder: each is a mount
_PROCESSES = 256  # threads included: XLA starts some dozens

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    """Call a function of the C library; raise ``OSError`` where it fails."""
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    words = [word.encode() for word in (source, target, kind)]
    _call("mount", *words, ctypes.c_ulong(flags), options.encode())


def _bind(source: str, target: str) -> None:
    """Show a file or folder read-only at a place of the new root."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    _mount(source, target, "", _BIND | _RECURSIVE)
    # A mount below a folder keeps its own flags, which only the kernel's newer call can change.
    for place in [target, *_list_mounts_below(target)]:
        _remount_read_only(place)


def _show_folder(folder: str, script: str, root: str) -> None:
    """Show the entries of a student's folder, without hidden ones and links, and copy the script.

    So the folder itself, and the script, need not be open to the user that the superuser becomes.
    """
    os.makedirs(root + folder, exist_ok=True)
    for name in sorted(os.listdir(folder))[:_MOST_ENTRIES]:
        place = f"{folder.rstrip('/')}/{name}"
        is_file_or_folder = os.path.isdir(place) or os.path.isfile(place)
        if name.startswith(".") or os.path.islink(place) or not is_file_or_folder:
            continue
        if place != script and not os.path.lexists(root + place):
            _bind(place, root + place)
    shutil.copyfile(script, root + script)
    os.chmod(root + script, 0o444)
    _mount(root + folder, root + folder, "", _BIND | _RECURSIVE)
    _remount_read_only(root + folder)


def _remount_read_only(place: str) -> None:
    """Make a mount read-only; the flags that it has are locked, and have to be repeated."""
    found = os.statvfs(place).f_flag
    kept = found & (_NO_DEVICES | 8 | 1024 | 2048)  # no devices, no programs, times of access
    flags = _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | kept | (1 << 21 if found & 4096 else 0)
    _mount("", place, "", flags)


def _list_mounts_below(folder: str) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    places = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return [place for place in places if place.startswith(f"{folder}/")]


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def enter_namespaces() -> bool:
    """Leave the namespaces of the machine; return whether this is the superuser, who needs no map.

    The superuser changes to a user that nobody else has; another user keeps his rights to files,
    with every capability lost at the next ``exec``.
    """
    flags = sum(_CLONE.values())
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        with suppress(OSError):  # in a container; a user namespace may still be allowed
            _call("unshare", flags)
            return True
    _call("unshare", flags | _NEW_USER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_INSIDE_USER} {user} 1")
    _write("/proc/self/gid_map", f"{_INSIDE_USER} {group} 1")
    return False


def build_root(root: str, spec: dict) -> None:
    """Mount everything that the command may see below ``root``, and make it the root."""
    _mount("", "/", "", _RECURSIVE | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NO_SUID | _NO_DEVICES, "size=16m,mode=755")
    for folder, size in spec["writable"].items():
        os.makedirs(root + folder, exist_ok=True)
        options = f"size={size}m,nr_inodes=4096,mode=1777"
        _mount("tmpfs", root + folder, "tmpfs", _NO_SUID | _NO_DEVICES, options)
    for name, target in spec["links"].items():
        os.symlink(target, root + name)
    for source, target in spec["shown"]:
        _bind(source, root + target)
    _show_folder(spec["folder"], spec["script"], root)
    hidden = root + spec["hidden"]
    os.makedirs(hidden, exist_ok=True)
    _mount("tmpfs", hidden, "tmpfs", _NO_SUID | _NO_DEVICES, "size=64k,mode=755")
    shutil.copyfile(spec["stub"], f"{hidden}/__init__.py")
    _remount_read_only(hidden)
    os.makedirs(root + "/proc", exist_ok=True)
    try:
        _mount("proc", root + "/proc", "proc", _NO_SUID | _NO_DEVICES)
    except OSError:  # a container that hides parts of it: then there is none
        pass
    else:
        if not spec["is_superuser"]:  # whose limit would be that of the whole machine
            _limit_namespaces(root)
    os.makedirs(root + "/old")
    number = _PIVOT_ROOT[os.uname().machine]
    if _libc.syscall(number, root.encode(), (root + "/old").encode()) != 0:
        raise OSError(ctypes.get_errno(), "pivot_root")
    os.chdir("/")
    _call("umount2", b"/old", _DETACH)
    os.rmdir("/old")
    _remount_read_only("/")


def _limit_namespaces(root: str) -> None:
    """Allow no further user namespace, in which a process would have capabilities again."""
    with suppress(OSError):
        _write(f"{root}/proc/sys/user/max_user_namespaces", "0")


def drop_rights(is_superuser: bool, number: int) -> None:
    """Give up every right that the command does not need."""
    if is_superuser:
        # Nobody else has this number, so that no limit or signal reaches another process.
        own = 1_900_000_000 + number
        os.setgroups([])
        os.setresgid(own, own, own)
        os.setresuid(own, own, own)
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NPROC, (_PROCESSES, _PROCESSES))


def main() -> None:
    """Read the specification, and wait for the command, the first process of its namespace."""
    spec = ast.literal_eval(sys.argv[1])
    spec["is_superuser"] = is_superuser = enter_namespaces()
    number = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            build_root(spec["root"], spec)
            drop_rights(is_superuser, number)
            os.chdir(spec["folder"])
            os.execve(spec["command"][0], spec["command"], dict(os.environ))
        except BaseException as error:
            print(f"sandbox: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(125)
    _pid, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
