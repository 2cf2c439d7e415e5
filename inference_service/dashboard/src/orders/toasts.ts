/** Short words about each order this page gave: sent, done or refused, with its undo for a while. */

import type { OrderView, Refusal } from "../generated/messages.js";

export interface Toast {
  /** The order's id. */
  readonly id: string;
  readonly title: string;
  /** Why it was not taken; null where it was. */
  readonly refusal: Pick<Refusal, "detail" | "remedy"> | null;
  /** When it appeared, on this page's clock, s. */
  readonly shownS: number;
  /** When its end was known, on this page's clock, s. */
  readonly settledS?: number;
}

/** How long an order can be undone from its toast, s. */
export const UNDO_S = 10;
/** An order whose outcome does not come is not on the screen for ever, s. */
const PATIENCE_S = 60;
const MOST = 4;

/** The toasts with one more; the oldest leaves where there are too many. */
export function added(toasts: readonly Toast[], toast: Toast): readonly Toast[] {
  return [...toasts, toast].slice(-MOST);
}

/** The toasts with the service's word that one order was not taken. */
export function refused(toasts: readonly Toast[], refusal: Refusal): readonly Toast[] {
  return toasts.map((toast) => (toast.id === refusal.id ? { ...toast, refusal } : toast));
}

/** What is still to be shown at an instant; the same array where nothing changed. */
export function aged(
  toasts: readonly Toast[],
  orders: ReadonlyMap<string, OrderView>,
  pageS: number,
): readonly Toast[] {
  let changed = false;
  const after = toasts.flatMap((toast) => {
    const settled = toast.refusal !== null || orders.get(toast.id)?.outcome != null;
    const endS = toast.settledS === undefined ? toast.shownS + PATIENCE_S : toast.settledS + UNDO_S;
    if (pageS > endS) {
      changed = true;
      return [];
    }
    if (!settled || toast.settledS !== undefined) return [toast];
    changed = true;
    return [{ ...toast, settledS: pageS }];
  });
  return changed ? after : toasts;
}
