/** Every order of the session that is remembered, whoever gave it, and what became of it. */

import type { OrderView } from "../../generated/messages.js";
import { ask } from "../../orders/desk.js";
import { recipeName } from "../../orders/menu.js";
import { undoOf } from "../../orders/undo.js";
import { roiName } from "../../state/rois.js";
import { type State, store, useStore } from "../../state/store.js";
import { fixed } from "../figures.js";
import { useObstacle } from "../roi/actions.js";

const MOST = 30;

const VERBS: Readonly<Record<OrderView["action"], string>> = {
  pick: "Pick first",
  release: "Release",
  dismiss: "Dismiss",
  compute: "Compute",
  look_at: "Look at",
  cancel: "Cancel",
  pause: "Pause",
  resume: "Resume",
};

export function OrderLog() {
  const orders = useStore((state) => state.orders);
  if (orders.size === 0) return null;
  const latest = [...orders.values()].sort((a, b) => b.issued_at_ns - a.issued_at_ns).slice(0, MOST);
  return (
    <details class="group order-log">
      <summary>
        Orders <span class="count">{orders.size}</span>
      </summary>
      <ol>
        {latest.map((order) => (
          <Line key={order.id} order={order} />
        ))}
      </ol>
    </details>
  );
}

function Line({ order }: { order: OrderView }) {
  const jobs = useStore((state) => state.jobs);
  const obstacle = useObstacle();
  const { outcome } = order;
  const undo = undoOf(order, jobs);
  const title = orderTitle(order, store.state);
  const mood = outcome === null ? "waits" : outcome.accepted ? "done" : "failed";
  return (
    <li class={`order-line ${mood}`}>
      <span class="toast-icon" aria-hidden="true">
        {outcome === null ? "…" : outcome.accepted ? "✓" : "✕"}
      </span>
      <span>
        <b>{title}</b> <span class="aside">by {order.by === "" ? "somebody" : order.by}</span>
        <span class="note">{outcome?.message ?? "waits for the dispatcher"}</span>
      </span>
      {undo === null ? null : (
        <button
          type="button"
          class="quiet-button"
          disabled={obstacle !== null}
          title={obstacle ?? "Take it back"}
          aria-label={`Undo: ${title}`}
          onClick={() => ask(undo, `Undo: ${title}`)}
        >
          Undo
        </button>
      )}
    </li>
  );
}

/** An order in a few words. */
export function orderTitle(order: OrderView, { rois, jobs }: Pick<State, "rois" | "jobs">): string {
  const job = order.job === null ? undefined : jobs.get(order.job);
  const roi = rois.get(order.roi ?? job?.roi ?? "");
  const parts = [
    VERBS[order.action],
    order.recipe === null ? null : recipeName(order.recipe),
    job === undefined ? order.job : recipeName(job.recipe),
    roi === undefined ? order.roi : roiName(roi),
    order.x_A === null || order.y_A === null ? null : `x ${fixed(order.x_A, 1)} Å, y ${fixed(order.y_A, 1)} Å`,
  ];
  return parts.filter((part) => part !== null).join(" ");
}
