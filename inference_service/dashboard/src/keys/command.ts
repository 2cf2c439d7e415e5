/** What a key does. */

import type { State } from "../state/store.js";

export interface KeyCommand {
  readonly keys: readonly string[];
  /** As printed on the key cap. */
  readonly cap: string;
  readonly does: string;
  /** What it changes on the page. */
  run?(state: State): Partial<State>;
  /** What it asks of the dispatcher. */
  order?(state: State): void;
}
