/** The order that takes another one back, from what the dispatcher said of it. */

import type { JobView, OrderView } from "../generated/messages.js";
import type { Wish } from "./desk.js";

/** The opposite of an order that was carried out; null where there is none. */
export function undoOf(order: OrderView, jobs: ReadonlyMap<string, JobView>): Wish | null {
  const { outcome } = order;
  if (outcome === null || !outcome.accepted || outcome.undo === null) return null;
  const action = outcome.undo;
  const roi = order.roi ?? outcome.roi;
  const job = outcome.job ?? order.job;
  switch (action) {
    case "pick":
    case "release":
    case "dismiss":
      return roi === null ? null : { action, roi };
    case "cancel":
      return job === null ? null : { action, job };
    case "compute": {
      const before = job === null ? undefined : jobs.get(job);
      if (before === undefined) return null;
      const { recipe, level, options } = before;
      return { action, roi: before.roi, recipe, level, options };
    }
    case "pause":
    case "resume":
      return { action };
    case "look_at":
      return null;
  }
}
