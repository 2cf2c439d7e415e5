/** The menu of a place on the image: look here. */

import { useEffect, useRef } from "preact/hooks";
import { ask } from "../../orders/desk.js";
import { type Place, store, useStore } from "../../state/store.js";
import { fixed } from "../figures.js";
import { useObstacle } from "../roi/actions.js";

export function LookMenu() {
  const place = useStore((state) => state.place);
  return place === null ? null : <Menu place={place} />;
}

function Menu({ place }: { place: Place }) {
  const obstacle = useObstacle();
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), [place]);
  return (
    <div
      class="look-menu"
      role="menu"
      aria-label="This place"
      style={{ left: `${place.at.x}px`, top: `${place.at.y}px` }}
      onPointerDown={(event) => event.stopPropagation()}
    >
      <p class="aside">
        x {fixed(place.x_A, 1)} Å, y {fixed(place.y_A, 1)} Å
      </p>
      <button
        ref={button}
        type="button"
        role="menuitem"
        class="action"
        disabled={obstacle !== null}
        title={obstacle ?? "Make this place a ROI (also Shift and click, or L at the pointer)"}
        onClick={() => lookAt(place)}
      >
        Look here
      </button>
    </div>
  );
}

/** Make a place a ROI. */
export function lookAt(place: Place): void {
  const { x_A, y_A, session } = place;
  ask({ action: "look_at", x_A, y_A, session }, `Look at x ${fixed(x_A, 1)} Å, y ${fixed(y_A, 1)} Å`);
  store.set({ place: null });
}
