/** The keys that ask the dispatcher for something; each order can be undone for a while. */

import { hold } from "../components/orders/conduct.js";
import { lookAt } from "../components/orders/look_menu.js";
import { dismiss, pick, release } from "../components/roi/actions.js";
import type { RoiView } from "../generated/messages.js";
import { ask } from "../orders/desk.js";
import { undoOf } from "../orders/undo.js";
import { type State, store } from "../state/store.js";
import { placeAt } from "../state/view.js";
import type { KeyCommand } from "./command.js";

export const ORDER_COMMANDS: readonly KeyCommand[] = [
  { keys: ["p", "P"], cap: "P", does: "pick the selected ROI first", order: onSelected(pick) },
  { keys: ["d", "D"], cap: "D", does: "dismiss the selected ROI", order: onSelected(dismiss) },
  { keys: ["r", "R"], cap: "R", does: "release the selected ROI", order: onSelected(release) },
  {
    keys: ["c", "C"],
    cap: "C",
    does: "compute one more recipe on the selected ROI",
    run: (state) => (mayOrder(state) ? { menu: state.selected } : {}),
  },
  {
    keys: ["l", "L"],
    cap: "L",
    does: "look where the pointer is (also Shift and click)",
    order: (state) => {
      const place = state.pointer === null ? null : placeAt(state, state.pointer);
      if (place !== null && mayOrder(state)) lookAt(place);
    },
  },
  {
    keys: ["h", "H"],
    cap: "H",
    does: "hold the dispatcher, or let it go on",
    order: (state) => {
      if (mayOrder(state)) hold(state.status?.dispatcher.dispatcher?.state === "paused");
    },
  },
  { keys: ["z", "Z"], cap: "Z", does: "undo the last order while its word is shown", order: undoLast },
];

function onSelected(act: (roi: RoiView) => void): (state: State) => void {
  return (state) => {
    const roi = state.selected === null ? undefined : state.rois.get(state.selected);
    if (roi !== undefined && mayOrder(state)) act(roi);
  };
}

function mayOrder(state: State): boolean {
  return state.mayOperate && state.link.open && (state.status?.dispatcher.connected ?? false);
}

function undoLast(state: State): void {
  for (const toast of [...state.toasts].reverse()) {
    const order = state.orders.get(toast.id);
    const undo = order === undefined ? null : undoOf(order, state.jobs);
    if (undo === null) continue;
    ask(undo, `Undo: ${toast.title}`);
    store.set({ toasts: store.state.toasts.filter((each) => each.id !== toast.id) });
    return;
  }
}
