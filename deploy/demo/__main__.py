"""`python -m deploy.demo`: what `make demo` runs once everything is set up."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from deploy.demo.failure import DemoError
from deploy.demo.plan import plan_services
from deploy.demo.service_client import ServiceClient
from deploy.demo.signals import Signals
from deploy.demo.site import new_layout, write_site
from deploy.demo.source import Source, parse_source
from deploy.demo.story import Story, summary
from deploy.demo.supervisor import Supervisor
from deploy.progress import Progress
from shared.errors import AtomLoopError

__all__ = ["main"]

HOME = Path(__file__).resolve().parents[2] / ".atomloop" / "demo"
STOPPED_EARLY = 130


def main() -> int:
    """Run the demo.

    Returns:
        0 when it did what it was asked, 1 with a reason when not, 130 when stopped before that.
    """
    parser = argparse.ArgumentParser(prog="make demo", description="Run the whole loop here.")
    parser.add_argument("--once", action="store_true", help="end at the first answer")
    parser.add_argument("--source", default="nion", help="nion, or `replay PATH…`")
    arguments = parser.parse_args()
    progress = Progress()
    try:
        return _run(parse_source(arguments.source), progress, once=arguments.once)
    except (DemoError, AtomLoopError) as error:
        progress.say(f"Demo failed: {error}")
        if isinstance(error, DemoError):
            progress.say(f"Remedy: {error.remedy}")
        return 1


def _run(source: Source, progress: Progress, *, once: bool) -> int:
    began_s = time.monotonic()
    layout = new_layout(HOME)
    plans = plan_services(layout, source)
    client = ServiceClient(layout.http_port, write_site(layout, plans))
    progress.say(f"Settings and logs: {layout.folder}")
    with Signals() as signals, Supervisor(layout, plans, progress, signals) as supervisor:
        story = Story(supervisor, client, progress, signals, once=once, began_s=began_s)
        supervisor.start()
        url = story.await_ready()
        if url is None:
            return STOPPED_EARLY
        progress.say("The dashboard's address; its key works once. Ctrl-C stops the demo.")
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        if not once:
            story.watch()
            return 1 if supervisor.died else 0
        answer = story.await_answer()
        if answer is None:
            return STOPPED_EARLY
        result = summary(client, answer, time.monotonic() - began_s, url)
    sys.stdout.write(result + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
