"""The queue of records: bounded, in order, written in batches, and nothing is lost at its end."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import made_record

from ragsvc.domain import AnswerRecord
from ragsvc.errors import DiskFull, InvalidRequest, StaleContent
from ragsvc.service.record_queue import RecordQueue


class Disk:
    """Takes batches, once it lets anything through."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.full = False
        self.wrong: dict[str, Exception] = {}
        self.free = threading.Event()
        self.free.set()

    def write(self, records: Sequence[AnswerRecord]) -> int:
        assert self.free.wait(10)
        if self.full:
            raise DiskFull("no room")
        if wrong := [record for record in records if record.question in self.wrong]:
            raise self.wrong[wrong[0].question]
        self.batches.append([record.question for record in records])
        return len(records)

    @property
    def written(self) -> list[str]:
        return [question for batch in self.batches for question in batch]


@pytest.fixture
def disk() -> Disk:
    return Disk()


def put(queue: RecordQueue, numbers: range, wait_s: float = 0.0) -> None:
    for number in numbers:
        queue.put(made_record(question=str(number)), wait_s)


def test_what_waits_is_written_at_the_end_in_order(disk: Disk) -> None:
    queue = RecordQueue(disk.write)
    put(queue, range(50))
    queue.close()
    assert disk.written == [str(number) for number in range(50)]
    assert len(disk.batches) < 50 and queue.dropped == 0


def test_reading_writes_first(disk: Disk) -> None:
    queue = RecordQueue(disk.write)
    put(queue, range(3))
    queue.flush()
    assert disk.written == ["0", "1", "2"]
    queue.close()


def test_it_is_written_by_itself(disk: Disk) -> None:
    queue = RecordQueue(disk.write)
    put(queue, range(1), wait_s=10)
    assert disk.written == ["0"]
    queue.close()


def test_a_disk_that_hangs_keeps_nobody_waiting_and_the_oldest_go(disk: Disk) -> None:
    queue = RecordQueue(disk.write, capacity=10)
    disk.free.clear()
    put(queue, range(1), wait_s=0.01)
    while len(queue):
        pass  # its thread has taken it, and hangs
    put(queue, range(1, 36), wait_s=0.001)
    assert (len(queue), queue.dropped) == (10, 25)
    disk.free.set()
    queue.close()
    assert disk.written == ["0", *map(str, range(26, 36))]


def test_what_cannot_be_written_is_tried_again(disk: Disk) -> None:
    queue = RecordQueue(disk.write, capacity=5)
    disk.full = True
    put(queue, range(4))
    with pytest.raises(DiskFull):
        queue.flush()
    put(queue, range(4, 7))
    with pytest.raises(DiskFull):
        queue.flush()
    disk.full = False
    queue.flush()
    assert disk.written == ["2", "3", "4", "5", "6"] and queue.dropped == 2
    queue.close()


@pytest.mark.parametrize(
    "error", [TypeError("no JSON"), InvalidRequest("half a character"), StaleContent("NaN")]
)
def test_a_record_that_is_wrong_holds_up_no_other(disk: Disk, error: Exception) -> None:
    queue = RecordQueue(disk.write)
    disk.wrong = {"1": error, "4": error}
    put(queue, range(5))
    queue.flush()
    queue.close()
    assert (disk.written, queue.dropped, len(queue)) == (["0", "2", "3"], 2, 0)


def test_nobody_waits_long_for_what_was_queued_before(disk: Disk) -> None:
    queue = RecordQueue(disk.write)
    queue.settle(10)
    put(queue, range(3))
    queue.settle(10)
    assert disk.written == ["0", "1", "2"]
    disk.full = True
    put(queue, range(3, 4))
    queue.settle(0.01)
    disk.full = False
    queue.settle(10)
    assert disk.written == ["0", "1", "2", "3"]
    queue.close()


def test_what_is_lost_at_the_end_is_counted(disk: Disk) -> None:
    queue = RecordQueue(disk.write)
    disk.full = True
    put(queue, range(4))
    queue.close()
    assert (len(queue), queue.dropped, disk.written) == (0, 4, [])


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.one_of(st.integers(1, 6), st.booleans()), max_size=12), capacity=st.integers(1, 8))
def test_all_are_written_once_or_counted(steps: list[int | bool], capacity: int) -> None:
    disk = Disk()
    queue = RecordQueue(disk.write, capacity)
    made = 0
    for step in steps:
        if isinstance(step, bool):
            disk.full = step
            try:
                queue.flush()
            except DiskFull:
                assert step
        else:
            put(queue, range(made, made + step))
            made += step
    disk.full = False
    queue.close()
    numbers = [int(question) for question in disk.written]
    assert numbers == sorted(set(numbers))
    assert len(numbers) + queue.dropped == made
