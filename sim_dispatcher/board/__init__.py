"""The board: every ROI of the session, where it stands, what is due and what has to be told."""

from sim_dispatcher.board.board import Board, Candidate
from sim_dispatcher.board.conduct import Conduct, StaleJobs
from sim_dispatcher.board.cut import Cut, Piece
from sim_dispatcher.board.entry import Entry, Memo
from sim_dispatcher.board.errands import Cancel, Errand, Prioritise, job_priority
from sim_dispatcher.board.ladder import BAR, Ladder, Step, afresh, withdrawn
from sim_dispatcher.board.memory import Memory, Remembered

__all__ = [
    "BAR",
    "Board",
    "Cancel",
    "Candidate",
    "Conduct",
    "Cut",
    "Entry",
    "Errand",
    "Ladder",
    "Memo",
    "Memory",
    "Piece",
    "Prioritise",
    "Remembered",
    "StaleJobs",
    "Step",
    "afresh",
    "job_priority",
    "withdrawn",
]
