/** Says aloud that the picture is not the present. */

import { age } from "./figures.js";
import { useStaleness } from "./use_staleness.js";

export function StaleBadge() {
  const { ageS, reason } = useStaleness();
  if (reason === null || ageS === null) return null;
  return (
    <div class="stale" role="alert" data-testid="stale">
      <b>STALE</b> {age(ageS)} old: {reason}
    </div>
  );
}
