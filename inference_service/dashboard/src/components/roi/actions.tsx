/** What the operator can say of a ROI. */

import type { RoiView } from "../../generated/messages.js";
import { ask } from "../../orders/desk.js";
import { roiName } from "../../state/rois.js";
import { store, useStore } from "../../state/store.js";

export function Actions({ roi }: { roi: RoiView }) {
  const obstacle = useObstacle();
  const name = roiName(roi);
  return (
    <p class="actions" role="group" aria-label={`Orders for ${name}`}>
      <button
        type="button"
        class="action"
        disabled={obstacle !== null || roi.wish === "first"}
        title={obstacle ?? "Compute it before all others, though the budget or a doubt speaks against it (P)"}
        onClick={() => pick(roi)}
      >
        Pick first
      </button>
      <button
        type="button"
        class="action"
        disabled={obstacle !== null || roi.wish === "never"}
        title={obstacle ?? "Never compute it, and cancel what is under way (D)"}
        onClick={() => dismiss(roi)}
      >
        Dismiss
      </button>
      {roi.wish === "usual" ? null : (
        <button
          type="button"
          class="action"
          disabled={obstacle !== null}
          title={obstacle ?? "Forget what was said of it (R)"}
          onClick={() => release(roi)}
        >
          Release
        </button>
      )}
      <button
        type="button"
        class="action"
        disabled={obstacle !== null}
        title={obstacle ?? "One more recipe on this ROI (C)"}
        onClick={() => store.set({ menu: roi.key })}
      >
        Compute…
      </button>
    </p>
  );
}

export function pick(roi: RoiView): void {
  ask({ action: "pick", roi: roi.key }, `Pick ${roiName(roi)} first`);
}

export function dismiss(roi: RoiView): void {
  ask({ action: "dismiss", roi: roi.key }, `Dismiss ${roiName(roi)}`);
}

export function release(roi: RoiView): void {
  ask({ action: "release", roi: roi.key }, `Release ${roiName(roi)}`);
}

/** Why nothing can be ordered now; null where it can. */
export function useObstacle(): string | null {
  const mayOperate = useStore((state) => state.mayOperate);
  const open = useStore((state) => state.link.open);
  const there = useStore((state) => state.status?.dispatcher.connected ?? false);
  if (!open) return "no link to the service";
  if (!mayOperate) return "this browser was let in to look only";
  return there ? null : "no dispatcher is connected";
}
