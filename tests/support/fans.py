"""Functions that the tests of fan-outs spread over shards."""

import os
import pathlib
import signal
import time

from castor.filters.errors import CastorError
from castor.pipelines.engines import fanout


def square(item, common, tell):
    """Notes that it ran, and where."""
    with (pathlib.Path(common["folder"]) / f"ran-{item}").open("a") as file:
        file.write(f"{os.getpid()}\n")
    tell(rows=item, n_bytes=10)
    time.sleep(common.get("seconds", 0))
    return {"square": item * item}


def square_or_die(item, common, tell):
    """Kills its own process at one item, as the kernel does when memory runs out, if told to."""
    if item == common["dies_at"] and (pathlib.Path(common["folder"]) / "die").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return square(item, common, tell)


def square_or_raise(item, common, tell):
    """Raises an error of ours, or any other, at one item."""
    if item == common["raises_at"]:
        if common["ours"]:
            raise CastorError("this shard is bad", where=f"item {item}", got="bad", fix="mend it")
        raise ZeroDivisionError("by nothing")
    return square(item, common, tell)


def fan_out(name, folder, items, **common):
    """A fan-out of one of the functions above over numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    return fanout.FanOut(
        f"fans:{name}", "square", 1, items, {"folder": str(folder), **common}, [1] * len(items)
    )
