/** Every key of the dashboard, once: the handler and the cheat sheet read the same list. */

import type { AtomMode } from "../draw/atom_layer.js";
import { roiCentre } from "../draw/calibration.js";
import { centred, panned, toScreen } from "../draw/viewport.js";
import { ordered } from "../state/rois.js";
import { type State, store } from "../state/store.js";
import { imageSize, viewport, zoomedAbout } from "../state/view.js";
import type { KeyCommand } from "./command.js";
import { ORDER_COMMANDS } from "./orders.js";

const PAN_PX = 60;
const ZOOM_STEP = 1.25;
const MODES: readonly AtomMode[] = ["none", "defects", "all"];

export const COMMANDS: readonly KeyCommand[] = [
  { keys: ["0"], cap: "0", does: "fit the whole image", run: () => ({ view: null }) },
  { keys: ["1"], cap: "1", does: "one screen pixel for each image pixel", run: atScale(1) },
  { keys: ["2"], cap: "2", does: "two screen pixels for each image pixel", run: atScale(2) },
  { keys: ["+", "="], cap: "+", does: "zoom in (also the wheel)", run: zoom(ZOOM_STEP) },
  { keys: ["-"], cap: "−", does: "zoom out", run: zoom(1 / ZOOM_STEP) },
  { keys: ["ArrowLeft"], cap: "←", does: "move left (also by dragging)", run: pan(PAN_PX, 0) },
  { keys: ["ArrowRight"], cap: "→", does: "move right", run: pan(-PAN_PX, 0) },
  { keys: ["ArrowUp"], cap: "↑", does: "move up", run: pan(0, PAN_PX) },
  { keys: ["ArrowDown"], cap: "↓", does: "move down", run: pan(0, -PAN_PX) },
  { keys: ["a", "A"], cap: "A", does: "atoms: none, defects only, all", run: cycleAtoms },
  {
    keys: ["u", "U"],
    cap: "U",
    does: "error circles on and off",
    run: (state) => ({ uncertainty: !state.uncertainty }),
  },
  { keys: ["j", "J"], cap: "J", does: "next ROI", run: step(1) },
  { keys: ["k", "K"], cap: "K", does: "previous ROI", run: step(-1) },
  ...ORDER_COMMANDS,
  { keys: ["?"], cap: "?", does: "this list", run: (state) => ({ help: !state.help }) },
  {
    keys: ["Escape"],
    cap: "Esc",
    does: "close this list, the menu or the structure, else select no ROI",
    run: (state) => {
      if (state.help) return { help: false };
      if (state.place !== null) return { place: null };
      return state.structure === null ? { selected: null } : { structure: null };
    },
  },
];

const BY_KEY: ReadonlyMap<string, KeyCommand> = new Map(
  COMMANDS.flatMap((command) => command.keys.map((key) => [key, command] as const)),
);

/** Carry out a key press unless it belongs to a control or a shortcut of the browser. */
export function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
  const command = BY_KEY.get(event.key);
  if (command === undefined) return;
  if (/^[a-z?]$/i.test(event.key) && !store.state.letterKeys) return;
  if (event.key.startsWith("Arrow") && isScrolling(event.target)) return;
  if (store.state.menu !== null) return;
  event.preventDefault();
  if (command.run !== undefined) store.set(command.run);
  command.order?.(store.state);
}

function atScale(scale: number): NonNullable<KeyCommand["run"]> {
  return (state) => {
    const image = imageSize(state);
    return image === null ? {} : { view: centred(image, state.stage, scale) };
  };
}

function zoom(factor: number): NonNullable<KeyCommand["run"]> {
  return (state) =>
    zoomedAbout(state, factor, { x: state.stage.width / 2, y: state.stage.height / 2 });
}

function pan(dx: number, dy: number): NonNullable<KeyCommand["run"]> {
  return (state) => {
    const view = viewport(state);
    return view === null ? {} : { view: panned(view, dx, dy) };
  };
}

function cycleAtoms(state: State): Partial<State> {
  return { atoms: MODES[(MODES.indexOf(state.atoms) + 1) % MODES.length] as AtomMode };
}

function step(by: number): NonNullable<KeyCommand["run"]> {
  return (state) => {
    const keys = ordered(state.rois).map((roi) => roi.key);
    if (keys.length === 0) return {};
    const at = state.selected === null ? -1 : keys.indexOf(state.selected);
    const next = at === -1 && by < 0 ? keys.length - 1 : (at + by + keys.length) % keys.length;
    return selected(state, keys[next] ?? null);
  };
}

/** Select a ROI; where the operator has zoomed in, bring it to the middle. */
function selected(state: State, key: string | null): Partial<State> {
  const roi = key === null ? undefined : state.rois.get(key);
  const frame = state.shown?.frame.view;
  const { view, stage } = state;
  if (roi === undefined || view === null || !frame?.analysis || roi.session !== frame.session) {
    return { selected: key };
  }
  const at = toScreen(view, roiCentre(roi, frame.analysis));
  const centredView = panned(view, stage.width / 2 - at.x, stage.height / 2 - at.y);
  return { selected: key, view: centredView };
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea");
}

function isScrolling(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest(".rail, dialog") !== null;
}
