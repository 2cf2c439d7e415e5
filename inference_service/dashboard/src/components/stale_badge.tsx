/** Says aloud that the picture is not the present. */

import type { StatusView } from "../generated/messages.js";
import { useStore } from "../state/store.js";
import { age } from "./figures.js";
import { useStaleness } from "./use_staleness.js";

export function StaleBadge() {
  const { ageS, level, reason } = useStaleness();
  const why = useStore((state) => (state.link.open ? sourceReason(state.status) : null));
  if (level === "fresh" || ageS === null) return null;
  return (
    <div class={`stale ${level}`} role="alert" data-testid="stale">
      <b>{level.toUpperCase()}</b> {age(ageS)} old: {reason === "no new frame" ? (why ?? reason) : reason}
    </div>
  );
}

/** What the edge says that explains why no frame comes. */
function sourceReason(status: StatusView | null): string | null {
  if (status === null) return null;
  if (!status.edge.connected) return "no new frame, the edge agent is not connected";
  const said = status.edge.edge;
  return said === null || said.state === "acquiring" ? null : `no new frame, the source is ${said.state}`;
}
