"""Keeps what transformers writes to the terminal off it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_lock = threading.Lock()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no load reports of transformers inside the block; one block at a time."""
    from transformers.utils import logging

    with _lock:
        level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            yield
        finally:
            logging.set_verbosity(level)
            if bars:
                logging.enable_progress_bar()
