"""What an error of CUDA means to those who wait: one request failed, or this process has lost its GPU.

CUDA's own errors stay below the engines. They are known by what they tell, `is_sticky` and `code`, for their module
brings numpy, which a command that prints its help should not wait for.
"""

import os

from skinseg_edge.errors import DeviceLost, DeviceUnready, ToolMissing

__all__ = ["GpuUse", "is_sticky", "loss", "translated"]


def is_sticky(error: BaseException) -> bool:
    """Tell whether no CUDA call of this process succeeds after *error*."""
    return bool(getattr(error, "is_sticky", False))


def loss(name: str, words: str) -> DeviceLost:
    """Return the error that says what CUDA's *words* were and how to go on; *name*: what cannot be used."""
    return DeviceLost(
        f"cannot use {name}: {words}, after which no CUDA call of this process succeeds any more; end this process "
        "and start it again (under systemd: systemctl restart and the name of its unit)"
    )


def translated(error: BaseException, name: str) -> BaseException:
    """Return an error of this project in place of one of CUDA's, and any other error as it is."""
    if not hasattr(error, "is_sticky"):
        return error
    said: DeviceUnready = loss(name, str(error)) if is_sticky(error) else _unready(name, str(error))
    said.__cause__ = error
    return said


class GpuUse:
    """What became of the GPU in this process, for those who come after; there is one, in `gpu_worker`."""

    def __init__(self) -> None:
        self._process: int | None = None
        self._codes: list[str] = []
        # To destroy a session makes CUDA calls, and on a lost GPU those can hang: the end of the process frees it.
        self._lost: list[object] = []

    def begin(self) -> None:
        """Note which process used the GPU first."""
        self._process = self._process or os.getpid()

    def lose(self, error: BaseException, session: object = None) -> None:
        """Note that the GPU is lost with *error*, and hold *session*, if there is one, to the end of the process."""
        self._codes.append(str(getattr(error, "code", error)))
        self._lost.append(session)

    def translated_start(self, error: BaseException, name: str) -> BaseException:
        """Return `translated`, but name the cause where the GPU was lost before, or by a fork, and not just now."""
        is_of_cuda = hasattr(error, "is_sticky")
        said = translated(error, name)
        if self._process not in (None, os.getpid()) and (is_of_cuda or isinstance(error, ToolMissing)):
            said = self._forked(name)
        elif any(code in str(error) for code in self._codes):
            said = loss(name, str(error))
        if said is not error:
            said.__cause__ = error
        return said

    def _forked(self, name: str) -> DeviceLost:
        return DeviceLost(
            f"cannot use {name}: process {self._process} had used the GPU before this process, {os.getpid()}, was "
            "forked off it; open a Segmenter only after the fork, or start processes by the method 'spawn'"
        )


def _unready(name: str, words: str) -> DeviceUnready:
    remedy = "run skinseg-doctor to see what the GPU lacks"
    if "memory" in words.lower():
        remedy = "free memory of the GPU or send fewer pictures at once, and try again"
    return DeviceUnready(f"cannot run {name}: {words}; {remedy}")
