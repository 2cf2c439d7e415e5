/** Joins the socket, the service's clock and the page's state. */

import { ServiceClock } from "./clock.js";
import { Connection } from "./connection.js";
import type { Greeting, OrderRequest } from "../generated/messages.js";
import type { LiveFrame } from "./decode.js";
import { refused } from "../orders/toasts.js";
import { store, withPulse, withTime, withUpdate } from "../state/store.js";

const TICK_MS = 250;

/** Runs for as long as the page lives. */
export class LiveService {
  private readonly clock = new ServiceClock();
  private readonly connection: Connection;
  /** The newest frame that is not on the screen yet. */
  private waiting: LiveFrame | null = null;
  /** Frames received and not yet painted or passed over. */
  private unpainted = 0;
  private startedAtNs: number | null = null;

  constructor(url: string) {
    this.connection = new Connection(url, {
      onOpen: () => {
        this.clock.reset();
        this.unpainted = 0;
        this.heard();
      },
      onGreeting: (greeting) => this.greet(greeting),
      onFrame: (frame) => this.receive(frame),
      onUpdate: (update) => {
        this.heard();
        store.set((state) => withUpdate(state, update));
      },
      onRefusal: (refusal) => {
        this.heard();
        store.set((state) => ({ toasts: refused(state.toasts, refusal) }));
      },
      onPulse: (pulse) => {
        this.clock.pulse(pulse.now_s, pageSeconds(), pulse.round_trip_s);
        this.heard();
        store.set(withPulse(pulse));
        this.tick();
      },
      onClosed: (reason) =>
        store.set((state) => ({ link: { ...state.link, open: false, reason } })),
    });
  }

  start(): void {
    this.connection.open();
    window.setInterval(() => this.tick(), TICK_MS);
  }

  /** Hand an order over; tells whether there was a link to do so. */
  order(order: OrderRequest): boolean {
    return this.connection.order(order);
  }

  /** Called by the stage when what it drew is about to reach the screen. */
  painted(): void {
    for (; this.unpainted > 0; this.unpainted -= 1) this.connection.framePainted();
  }

  /** Let go of a picture whose instants are on the clock of a service that is no more. */
  private greet(greeting: Greeting): void {
    if (greeting.started_at_ns !== this.startedAtNs) store.set({ shown: null, status: null });
    this.startedAtNs = greeting.started_at_ns;
    store.set({ mayOperate: greeting.may_operate });
  }

  private receive(frame: LiveFrame): void {
    this.heard();
    this.unpainted += 1;
    if (this.waiting === null) requestAnimationFrame(() => this.present());
    this.waiting = frame;
  }

  private present(): void {
    const frame = this.waiting;
    this.waiting = null;
    if (frame === null) return;
    store.set((state) => ({
      shown: { frame, paintedS: this.clock.serviceTime(pageSeconds()) },
      view: sameSize(state.shown?.frame, frame) ? state.view : null,
    }));
    this.tick();
  }

  private heard(): void {
    store.set({ link: { open: true, reason: null, heardS: pageSeconds() } });
  }

  private tick(): void {
    const pageS = pageSeconds();
    store.set((state) => withTime(state, pageS, this.clock.serviceTime(pageS)));
  }
}

function sameSize(before: LiveFrame | undefined, after: LiveFrame): boolean {
  return before === undefined || (before.rows === after.rows && before.columns === after.columns);
}

function pageSeconds(): number {
  return performance.now() / 1000;
}
