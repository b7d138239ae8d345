"""The two passes of `chunked_scan` on a processor, where no graph has to see them: in place, a few chunks at a time.

A state is read and written once an operation. Over all chunks at once that is the memory's time; over as many as the
caches hold it is the processor's: half to a third of it, for the same numbers but for the order of two roundings.

Axes: P = N x K pictures and directions, M chunks of T steps, E inner channels, S states.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from skinseg_edge.networks.blocks.chunked_scan import chunked_scan, sums_before

__all__ = ["scanned"]

_NUMBERS_AT_ONCE = 2**18  # float32, of states and of their decays: 1 MiB each


def scanned(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """Return what `chunked_scan` does for the same arguments; not for torch's own gradient.

    On any device but a processor it is `chunked_scan` that computes: there, few calls count for more than caches.
    """
    if u.device.type != "cpu":
        return chunked_scan(u, delta, A, B, C, chunk)
    scan = _Scan.of(u, delta, A, B, C, chunk)
    starts = _starting_states(scan, int(u.shape[0]))
    return _read(scan, starts.reshape(scan.states_shape)).reshape(u.shape), starts


class _Scan(NamedTuple):
    """*rates*: K x S x E. *delta*, *driven* (Δ u): P x M x T x E. *B*, *C*: P x M x T x S."""

    rates: Tensor
    delta: Tensor
    driven: Tensor
    B: Tensor
    C: Tensor

    @classmethod
    def of(cls, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, chunk: int) -> "_Scan":
        def cut(values: Tensor) -> Tensor:
            pictures, directions, length, width = (int(size) for size in values.shape)
            return values.reshape(pictures * directions, length // chunk, chunk, width)

        return cls(A.transpose(1, 2).contiguous(), cut(delta), cut(delta * u), cut(B), cut(C))

    @property
    def states_shape(self) -> tuple[int, int, int, int]:
        """P, M, S and E."""
        paths, chunks, _, states = (int(size) for size in self.B.shape)
        return paths, chunks, states, int(self.delta.shape[3])

    def parts(self) -> list[tuple[int, slice]]:
        """Return the paths and the chunks of each that fit into the caches."""
        paths, chunks, states, inner = self.states_shape
        together = max(_NUMBERS_AT_ONCE // (states * inner), 1)
        return [(path, slice(first, first + together)) for path in range(paths) for first in range(0, chunks, together)]

    def added(self, path: int, part: slice, step: int, states: Tensor) -> Tensor:
        """Add to *states* what the inputs of *step* write."""
        return states.addcmul_(self.driven[path, part, step, None], self.B[path, part, step, :, None])

    def advance(self, path: int, part: slice, step: int, states: Tensor, room: Tensor) -> None:
        """Bring *states*, M' x S x E of these chunks, from before *step* to behind it; *room*: as large as they are."""
        decay = room[: len(states)]
        torch.mul(self.delta[path, part, step, None], self.rates[path % len(self.rates)], out=decay)
        self.added(path, part, step, states.mul_(decay.exp_()))


def _starting_states(scan: _Scan, pictures: int) -> Tensor:
    """Return the states in which the chunks start, N x K x M x S x E."""
    gains = torch.zeros(scan.states_shape, dtype=scan.delta.dtype)
    room = _room(scan)
    for path, part in scan.parts():
        states = scan.added(path, part, 0, gains[path, part])
        for step in range(1, int(scan.delta.shape[2])):
            scan.advance(path, part, step, states, room)
    _, chunks, _, inner = scan.states_shape
    total = scan.delta.sum(2).reshape(pictures, -1, chunks, 1, inner)
    decays = (total * scan.rates[:, None]).exp_()
    return sums_before(gains.reshape(decays.shape), decays, 1)


def _read(scan: _Scan, starts: Tensor) -> Tensor:
    """Return C_t h_t, P x M x T x E, of chunks that start in *starts*, P x M x S x E."""
    read = torch.empty_like(scan.delta)
    room, kept = _room(scan), _room(scan)
    for path, part in scan.parts():
        begun = starts[path, part]
        states = kept[: len(begun)].copy_(begun)
        for step in range(int(scan.delta.shape[2])):
            scan.advance(path, part, step, states, room)
            read[path, part, step] = torch.bmm(scan.C[path, part, step, None], states)[:, 0]
    return read


def _room(scan: _Scan) -> Tensor:
    """Return uninitialised memory for the states of as many chunks as are computed at once."""
    _, chunks, states, inner = scan.states_shape
    _, part = scan.parts()[0]
    return torch.empty(min(part.stop, chunks), states, inner, dtype=scan.delta.dtype)
