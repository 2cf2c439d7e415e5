"""The dispatcher: selection, submission, orders and reporting in one asyncio loop."""

from sim_dispatcher.dispatch.loop import Dispatch, Surroundings

__all__ = ["Dispatch", "Surroundings"]
