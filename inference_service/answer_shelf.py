"""Answers with their structures and files, bounded in number and in bytes.

An answer's words stay longer than its files: where files take more than their share of memory,
the oldest answer's go first, and whoever asks for them is told so.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from inference_service.records import AnswerRecord
from inference_service.revisions import Revisions
from shared.messages import Answer

__all__ = ["AnswerShelf"]


class AnswerShelf:
    """Keeps what jobs returned, the oldest forgotten first.

    Args:
        revisions: Counts and announces changes.
        max_answers: Answers kept.
        max_file_bytes: Bytes of attached files kept, over all answers.
    """

    def __init__(self, revisions: Revisions, max_answers: int, max_file_bytes: int) -> None:
        self._revisions = revisions
        self._max_answers = max_answers
        self._max_file_bytes = max_file_bytes
        self._records: OrderedDict[str, AnswerRecord] = OrderedDict()
        self._file_bytes = 0

    @property
    def file_bytes(self) -> int:
        """Bytes of attached files held now."""
        return self._file_bytes

    def add(self, answer: Answer, structure: str, files: Sequence[bytes]) -> None:
        """Keep an answer beside those of other levels; the same job's is replaced.

        Args:
            answer: What the job returned.
            structure: Its final structure as extended XYZ.
            files: Contents of `answer.attachments`, in that order.
        """
        self._drop(answer.job)
        record = AnswerRecord(answer, structure, self._revisions.next(), tuple(files))
        self._records[answer.job] = record
        self._file_bytes += record.file_bytes
        while len(self._records) > self._max_answers:
            self._drop(next(iter(self._records)))
        self._forget_files()
        self._revisions.announce("answer", answer.job)

    def of(self, roi: str | None = None) -> list[AnswerRecord]:
        """Return the answers, newest first, of one ROI or of all.

        Args:
            roi: Key of the ROI; None for every ROI.
        """
        records = reversed(self._records.values())
        return [record for record in records if roi is None or record.answer.roi == roi]

    def get(self, job: str) -> AnswerRecord | None:
        """Return the answer of a job by the job's key."""
        return self._records.get(job)

    def _drop(self, job: str) -> None:
        record = self._records.pop(job, None)
        if record is not None:
            self._file_bytes -= record.file_bytes

    def _forget_files(self) -> None:
        for job, record in self._records.items():
            if self._file_bytes <= self._max_file_bytes:
                return
            if record.files:
                self._file_bytes -= record.file_bytes
                self._records[job] = replace(record, files=None)
