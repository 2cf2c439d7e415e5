/** The dispatcher's means, and the switch that stops it from starting anything new. */

import type { DispatcherStatus } from "../../generated/messages.js";
import { ask } from "../../orders/desk.js";
import { useStore } from "../../state/store.js";
import { fixed } from "../figures.js";
import { useObstacle } from "../roi/actions.js";

/** The switch, and the word that this browser may only look. */
export function Conduct() {
  const said = useSaid();
  const mayOperate = useStore((state) => state.mayOperate);
  const open = useStore((state) => state.link.open);
  if (!open) return null;
  return (
    <>
      {said === null ? null : <PauseButton paused={said.state === "paused"} />}
      {mayOperate ? null : (
        <span class="chip" title="This browser was let in to look only.">
          read only
        </span>
      )}
    </>
  );
}

/** Jobs and CPU-hours that the session may still use. */
export function Budget() {
  const said = useSaid();
  if (said === null) return null;
  const { budget_cpu_h: left, used_cpu_h: used, budget_jobs: jobs } = said;
  const spent = jobs === 0 || left === 0;
  return (
    <div class={`figure budget${spent ? " warn" : ""}`} data-testid="budget" title="What this session may still compute.">
      <dt>Budget</dt>
      <dd>
        <span class="value">{jobs}</span>
        <span class="unit"> jobs</span>
        <span class="note">
          {left === null
            ? `${hoursText(used)} CPU-h used`
            : `${hoursText(left)} of ${hoursText(left + used)} CPU-h left`}
        </span>
      </dd>
    </div>
  );
}

function useSaid(): DispatcherStatus | null {
  return useStore((state) =>
    state.status?.dispatcher.connected ? state.status.dispatcher.dispatcher : null,
  );
}

function hoursText(hours: number): string {
  return fixed(hours, hours < 10 ? 2 : 0);
}

function PauseButton({ paused }: { paused: boolean }) {
  const obstacle = useObstacle();
  return (
    <button
      type="button"
      class={`action pause${paused ? " paused" : ""}`}
      disabled={obstacle !== null}
      aria-keyshortcuts="h"
      title={obstacle ?? (paused ? "Go on (H)" : "Start nothing new; what runs goes on (H)")}
      onClick={() => hold(paused)}
    >
      {paused ? "▶ Resume" : "❚❚ Pause"}
    </button>
  );
}

/** Pause the dispatcher, or let it go on. */
export function hold(paused: boolean): void {
  if (paused) ask({ action: "resume" }, "Resume the dispatcher");
  else ask({ action: "pause" }, "Pause the dispatcher");
}
