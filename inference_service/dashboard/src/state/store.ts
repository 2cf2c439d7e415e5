/** What the page knows, in one immutable value, and how parts of the page follow it. */

import { useEffect, useReducer, useRef } from "preact/hooks";
import type { AtomMode } from "../draw/atom_layer.js";
import type { Size, Viewport } from "../draw/viewport.js";
import type {
  AnswerView,
  JobView,
  OrderView,
  Pulse,
  RoiView,
  StatusView,
  Update,
} from "../generated/messages.js";
import type { LiveFrame } from "../live/decode.js";
import { aged, type Toast } from "../orders/toasts.js";

export interface LinkState {
  readonly open: boolean;
  /** Why it is not open, for people. */
  readonly reason: string | null;
  /** When the last word came, on this page's clock, s. */
  readonly heardS: number;
}

/** A frame on the screen, and when it was painted on the service's clock. */
export interface ShownFrame {
  readonly frame: LiveFrame;
  readonly paintedS: number | null;
}

/** A structure to look at in three dimensions. */
export interface StructureChoice {
  readonly roi: string;
  readonly job: string;
  readonly level: string;
  readonly title: string;
}

/** A place of the image that the operator points at. */
export interface Place {
  /** On the stage, CSS pixels. */
  readonly at: { readonly x: number; readonly y: number };
  /** In the sample frame of the sitting, Å. */
  readonly x_A: number;
  readonly y_A: number;
  readonly session: string;
}

export interface State {
  readonly link: LinkState;
  readonly shown: ShownFrame | null;
  readonly status: StatusView | null;
  readonly rois: ReadonlyMap<string, RoiView>;
  readonly jobs: ReadonlyMap<string, JobView>;
  /** By job: answers of several levels stand side by side. */
  readonly answers: ReadonlyMap<string, AnswerView>;
  /** The operator's orders, of this page and of others. */
  readonly orders: ReadonlyMap<string, OrderView>;
  readonly toasts: readonly Toast[];
  /** Whether this browser was let in to order something. */
  readonly mayOperate: boolean;
  /** The ROI whose menu of computations is open. */
  readonly menu: string | null;
  /** Where the menu of the image is open. */
  readonly place: Place | null;
  /** Where the pointer is on the stage, CSS pixels. */
  readonly pointer: { readonly x: number; readonly y: number } | null;
  /** Null: the whole image, as large as the stage allows. */
  readonly view: Viewport | null;
  readonly stage: Size;
  readonly atoms: AtomMode;
  readonly uncertainty: boolean;
  readonly selected: string | null;
  readonly structure: StructureChoice | null;
  readonly help: boolean;
  /** Single-letter keys can be turned off (WCAG 2.1.4). */
  readonly letterKeys: boolean;
  /** The service's clock now, s; moved a few times a second. */
  readonly nowS: number | null;
  /** This page's clock now, s. */
  readonly pageS: number;
}

const INITIAL: State = {
  link: { open: false, reason: null, heardS: performance.now() / 1000 },
  shown: null,
  status: null,
  rois: new Map(),
  jobs: new Map(),
  answers: new Map(),
  orders: new Map(),
  toasts: [],
  mayOperate: false,
  menu: null,
  place: null,
  pointer: null,
  view: null,
  stage: { width: 0, height: 0 },
  atoms: "all",
  uncertainty: false,
  selected: null,
  structure: null,
  help: false,
  letterKeys: true,
  nowS: null,
  pageS: performance.now() / 1000,
};

type Change = Partial<State> | ((state: State) => Partial<State>);

/** Holds the state and tells its followers of every change. */
export class Store {
  private value: State = INITIAL;
  private readonly followers = new Set<() => void>();

  get state(): State {
    return this.value;
  }

  set(change: Change): void {
    const part = typeof change === "function" ? change(this.value) : change;
    this.value = { ...this.value, ...part };
    for (const follower of this.followers) follower();
  }

  follow(follower: () => void): () => void {
    this.followers.add(follower);
    return () => this.followers.delete(follower);
  }
}

export const store = new Store();

/** Re-render where what `select` picks has changed, by identity unless told otherwise. */
export function useStore<T>(select: (state: State) => T, same: (a: T, b: T) => boolean = Object.is): T {
  const [, render] = useReducer((count: number) => count + 1, 0);
  const selected = select(store.state);
  const latest = useRef({ select, selected });
  latest.current = { select, selected };
  useEffect(() => {
    const check = (): void => {
      const { select: pick, selected: before } = latest.current;
      if (!same(pick(store.state), before)) render(undefined);
    };
    check();
    return store.follow(check);
  }, []);
  return selected;
}

/** Whether two lists hold the same entries in the same order. */
export function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

/** Take changed entries; each replaces the entry of the same key. */
export function withUpdate(state: State, update: Update): Partial<State> {
  const base = update.reset
    ? { rois: new Map(), jobs: new Map(), answers: new Map(), orders: new Map() }
    : state;
  return {
    rois: merged(base.rois, update.rois, (roi) => roi.key),
    jobs: merged(base.jobs, update.jobs, (job) => job.key),
    answers: merged(base.answers, update.answers, (answer) => answer.job),
    orders: merged(base.orders, update.orders, (order) => order.id),
  };
}

/** Let time pass. */
export function withTime(state: State, pageS: number, nowS: number | null): Partial<State> {
  return { pageS, nowS, toasts: aged(state.toasts, state.orders, pageS) };
}

/** Take a pulse. */
export function withPulse(pulse: Pulse): Partial<State> {
  return { status: pulse.status };
}

function merged<T>(
  before: ReadonlyMap<string, T>,
  entries: readonly T[],
  key: (entry: T) => string,
): ReadonlyMap<string, T> {
  if (entries.length === 0 && before.size > 0) return before;
  const after = new Map(before);
  for (const entry of entries) after.set(key(entry), entry);
  return after;
}
