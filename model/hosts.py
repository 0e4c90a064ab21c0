"""Several hosts, one program each: how they meet, who writes files, how they wait for each other.

One host needs none of this. Several are started with the environment that JAX reads,
JAX_COORDINATOR_ADDRESS, and where no cluster manager tells them, JAX_NUM_PROCESSES and
JAX_PROCESS_ID. They share a file system: the first writes what all of them read.
"""

from __future__ import annotations

import os

import jax

from castor.filters.errors import ConfigError


def join() -> None:
    """Meets the other hosts, if the environment names a coordinator; before any device is used.

    Raises:
        ConfigError: the environment names one, but not how many there are.
    """
    if "JAX_COORDINATOR_ADDRESS" not in os.environ or jax.distributed.is_initialized():
        return
    given = {
        argument: int(os.environ[name])
        for argument, name in (
            ("num_processes", "JAX_NUM_PROCESSES"),
            ("process_id", "JAX_PROCESS_ID"),
        )
        if name in os.environ
    }
    try:
        jax.distributed.initialize(**given)
    except ValueError as error:
        raise ConfigError(
            "cannot join the other hosts",
            where="JAX_COORDINATOR_ADDRESS",
            got=str(error),
            fix="set JAX_NUM_PROCESSES and JAX_PROCESS_ID too",
        ) from error


def first() -> bool:
    """Whether this host is the one that writes files and speaks."""
    return jax.process_index() == 0


def wait(what: str) -> None:
    """Waits until all hosts have come here; one host does not wait.

    Args:
        what: a name for this place, the same on all.
    """
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(what)
