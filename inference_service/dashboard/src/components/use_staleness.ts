/** The staleness of what is on the screen, judged a few times a second. */

import { useStore } from "../state/store.js";
import { pictureOf, type Staleness, staleness } from "../state/staleness.js";

export function useStaleness(): Staleness {
  const view = useStore((state) => state.shown?.frame.view ?? null);
  const nowS = useStore((state) => state.nowS);
  const silentS = useStore((state) => Math.max(0, state.pageS - state.link.heardS));
  const usualS = useStore((state) => state.status?.usual_interval_s ?? null);
  return staleness(view === null ? null : pictureOf(view), nowS, silentS, usualS);
}
