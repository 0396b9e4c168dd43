"""A cache of what was used last, safe to share between threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


def _one(_: object) -> int:
    return 1


class LruCache(Generic[K, V]):
    """Holds values by key; what was used longest ago goes first."""

    def __init__(self, limit: int, weigh: Callable[[V], int] = _one) -> None:
        """Hold nothing yet.

        :param limit: of the weights of all values that are held, at least 0.
        :param weigh: what a value counts, at least 0 and always the same.
        """
        self._limit = limit
        self._weigh = weigh
        self._weight = 0
        self._held: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value of a key, or None; it counts as used."""
        return self.among((key,)).get(key)

    def among(self, keys: Iterable[K]) -> dict[K, V]:
        """Those of some keys that are held, with their values; they count as used."""
        with self._lock:
            found = {key: self._held[key] for key in keys if key in self._held}
            for key in found:
                self._held.move_to_end(key)
        return found

    def put(self, values: Mapping[K, V]) -> None:
        """Hold values; one that is over the whole limit by itself is not held."""
        with self._lock:
            for key, value in values.items():
                self._drop(key)
                weight = self._weigh(value)
                if weight > self._limit:
                    continue
                self._held[key] = value
                self._weight += weight
                while self._weight > self._limit:
                    self._drop(next(iter(self._held)))

    def get_or_make(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key, made if it is not held; two threads at once may both make it."""
        found = self.get(key)
        if found is None:
            found = make()
            self.put({key: found})
        return found

    def values(self) -> list[V]:
        """All that is held, what was used longest ago first."""
        with self._lock:
            return list(self._held.values())

    def drop(self, keys: Iterable[K]) -> None:
        """Hold these no longer."""
        with self._lock:
            for key in keys:
                self._drop(key)

    def clear(self) -> None:
        """Hold nothing."""
        with self._lock:
            self._held.clear()
            self._weight = 0

    def _drop(self, key: K) -> None:
        if key in self._held:
            self._weight -= self._weigh(self._held.pop(key))
