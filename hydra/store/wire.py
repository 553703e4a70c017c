"""Model to text and back, for the store and the wire; JSON and plain words, never pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from hydra.errors import BadSpan
from hydra.model import JobSpec, Partial, Pieces, Sums
from hydra.model.messages import HandIn

SUM_BITS_MAX = 64
"""Longest sum that is sent; whether it is in its bounds is the store's to say."""


def dumps(value: object) -> str:
    """JSON in one line with sorted keys: equal values give equal text. NaN is refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def spec_fields(spec: JobSpec) -> dict[str, str]:
    """A spec as flat text fields; `spec_from` reads them back."""
    return {
        "kernel": spec.kernel,
        "version": spec.version,
        "params": dumps(dict(spec.params)),
        "total": str(spec.total_units),
        "bounds": " ".join(f"{n} {low} {high}" for n, (low, high) in spec.sum_bounds.items()),
        "piece_bytes_max": str(spec.piece_bytes_max),
        "unit_cost": repr(spec.unit_cost),
        "priority": repr(spec.priority),
    }


def spec_from(fields: Mapping[str, str]) -> JobSpec:
    """The spec that `spec_fields` wrote."""
    words = fields["bounds"].split()
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    return JobSpec(
        kernel=fields["kernel"],
        version=fields["version"],
        params=json.loads(fields["params"]),
        total_units=int(fields["total"]),
        sum_bounds={name: (int(low), int(high)) for name, low, high in triples},
        piece_bytes_max=int(fields["piece_bytes_max"]),
        unit_cost=float(fields["unit_cost"]),
        priority=float(fields["priority"]),
    )


def sums_of(partial: Partial) -> Sums:
    """The named sums of a partial."""
    return {n: value for n, value in partial.items() if isinstance(n, str) and type(value) is int}


def pieces_of(partial: Partial) -> Pieces:
    """The pieces of a partial, by unit."""
    return {u: blob for u, blob in partial.items() if isinstance(u, int) and type(blob) is bytes}


def partial_parts(spec: JobSpec, hand_in: HandIn) -> list[bytes]:
    """A hand-in's partial as flat byte strings: name and value of each sum, or the blobs by unit.

    Raises BadSpan if it is not of the job's kind, or has pieces of other units than the span's.
    """
    start, stop = hand_in.span
    sums, pieces = sums_of(hand_in.partial), pieces_of(hand_in.partial)
    if spec.sum_bounds:
        if len(sums) != len(hand_in.partial):
            raise BadSpan("the partial must be of named sums", field="hand_in")
        if any(value.bit_length() > SUM_BITS_MAX for value in sums.values()):
            raise BadSpan(f"no sum may have more than {SUM_BITS_MAX} bits", field="hand_in")
        return [str(word).encode() for pair in sorted(sums.items()) for word in pair]
    inside = all(unit in range(start, stop) for unit in pieces)
    if not inside or not len(pieces) == len(hand_in.partial) == max(stop - start, 0):
        raise BadSpan(f"there must be one piece for each unit of {start}..{stop}", field="hand_in")
    return [blob for _, blob in sorted(pieces.items())]


def digest(*parts: object) -> str:
    """64 bits that tell one request from another; byte strings count as they are."""
    state = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        state.update(len(data).to_bytes(8, "big") + data)
    return state.hexdigest()


def hand_in_digest(hand_in: HandIn, parts: list[bytes]) -> str:
    """The digest of what a hand-in says, so that a repeat can be told from a forgery."""
    return digest(hand_in.job, hand_in.token, *hand_in.span, hand_in.rest, *parts)


def answer_text(answer: Mapping[str, Any]) -> str:
    """An answer as the store keeps it; key order is the kernel's own."""
    return json.dumps(answer, separators=(",", ":"), allow_nan=False)
