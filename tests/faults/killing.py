"""Kill -9 at random moments of a command, until it has ended; then look whether anything can be told from outside.

The commands run in forks of one process that has imported what they need: a fork is a process of its own, dies of
the same signal, and starts in no time.
"""

import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WAIT = 1800.0  # seconds after which a command is taken to hang, on however busy a machine


@dataclass(frozen=True)
class Command:
    """A long command: ``run(folder)`` writes under ``folder``; ``started(folder)`` says whether work is on disk.

    ``outcome(folder)`` is all that the command is for, as plain values that can be compared. A file of the pattern
    ``kept`` is finished when it is there: no later start may write it anew.
    """

    name: str
    run: Callable[[Path], None]
    started: Callable[[Path], bool]
    outcome: Callable[[Path], object]
    kept: str = "run/*/*/seed_run.json"


def forks():
    """The context in which commands are started."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["faults.preloaded"])
    return context


def start(command: Command, folder: Path, shared: Path):
    """The command in a process of its own, whose cache lies in ``folder`` but for what all may share."""
    process = forks().Process(target=_in_a_process, args=(command.run, folder, shared))
    process.start()
    return process


def _in_a_process(run: Callable[[Path], None], folder: Path, shared: Path) -> None:
    os.environ["ETABLI_CACHE"] = str(folder / "cache")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("samples", "files"):
        (shared / name).mkdir(parents=True, exist_ok=True)
        (folder / "cache").mkdir(exist_ok=True)
        if not (folder / "cache" / name).exists():
            (folder / "cache" / name).symlink_to(shared / name)
    os.chdir(folder)
    log = (folder / "log.txt").open("a")
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    sys.stdout, sys.stderr = (os.fdopen(os.dup(number), "w", buffering=1) for number in (1, 2))
    import jax

    jax.config.update("jax_compilation_cache_dir", str(shared / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    run(folder)


def undisturbed(command: Command, folder: Path, shared: Path) -> tuple[object, float, float]:
    """The outcome without a kill, and when work began and all was done, in seconds after the start."""
    begun = time.perf_counter()
    process = start(command, folder, shared)
    first = _until(lambda: command.started(folder) or not process.is_alive()) - begun
    process.join(WAIT)
    assert process.exitcode == 0, (
        f"{command.name} failed: {(folder / 'log.txt').read_text()[-2000:]}"
    )
    return command.outcome(folder), first, time.perf_counter() - begun


def killed(
    command: Command, folder: Path, shared: Path, seed: int, kills: int, times: tuple[float, float]
) -> tuple[object, int, tuple[float, float]]:
    """Start it again and again, kill it ``kills`` times, let it end: its outcome, and how many kills met it alive.

    The first kill falls between the first work on disk and the end of the undisturbed run, the others anywhere. Where
    the command ended before it, ``times`` were too long (the undisturbed run compiled, this one need not): what they
    are now comes back.
    """
    draw, landed = random.Random(f"{command.name} {seed}"), 0
    finished: dict[Path, int] = {}
    for number in range(kills):
        process = start(command, folder, shared)
        begun = time.perf_counter()
        if number == 0:
            at_work = _until(lambda alive=process.is_alive: command.started(folder) or not alive())
            delay = at_work - begun + draw.uniform(0.0, max(0.05, times[1] - times[0]))
        else:
            delay = draw.uniform(0.0, times[1])
        ended = _until(
            lambda alive=process.is_alive, end=begun + delay: (
                time.perf_counter() > end or not alive()
            )
        )
        if not process.is_alive():
            times = (at_work - begun, ended - begun) if number == 0 else times
            assert process.exitcode == 0, (folder / "log.txt").read_text()[-2000:]
            break
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        landed += 1
        finished |= {
            path: path.stat().st_mtime_ns
            for path in folder.glob(command.kept)
            if path not in finished
        }
    process = start(command, folder, shared)
    process.join(WAIT)
    assert process.exitcode == 0, (
        f"{command.name} failed: {(folder / 'log.txt').read_text()[-2000:]}"
    )
    again = [path.name for path, stamp in finished.items() if path.stat().st_mtime_ns != stamp]
    assert not again, f"{command.name}: done again though it was finished: {again}"
    return command.outcome(folder), landed, times


def torment(
    command: Command, folder: Path, shared: Path, kills: int, chain: int = 3, seed: int = 0
) -> int:
    """Kill the command ``kills`` times in all, in chains of at most ``chain``; every chain must end undisturbed.

    Returns how many chains it took. A chain of a command that ended before it was killed is begun anew.
    """
    wanted, *times = undisturbed(command, folder / "undisturbed", shared)
    left, number = kills, 0
    while left > 0 and number < 3 * kills:
        place = folder / f"killed-{number}"
        found, landed, times = killed(
            command, place, shared, seed + number, min(chain, left), tuple(times)
        )
        assert found == wanted, f"{command.name}, chain {number}: {differing(wanted, found)}"
        shutil.rmtree(place)
        left, number = left - landed, number + 1
    assert left <= 0, f"{command.name} ended too early for {left} of {kills} kills"
    return number


def differing(one: object, two: object, path: str = "") -> str:
    """Where two outcomes differ first."""
    if isinstance(one, dict) and isinstance(two, dict):
        for key in sorted({*one, *two}, key=str):
            if key not in one or key not in two or one[key] != two[key]:
                return differing(one.get(key), two.get(key), f"{path}/{key}")
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for place, (a, b) in enumerate(zip(one, two, strict=True)):
            if a != b:
                return differing(a, b, f"{path}[{place}]")
    return f"{path}: {str(one)[:200]} is not {str(two)[:200]}"


def _until(condition: Callable[[], bool]) -> float:
    end = time.perf_counter() + WAIT
    while not condition():
        assert time.perf_counter() < end, "the command hangs"
        time.sleep(0.005)
    return time.perf_counter()
