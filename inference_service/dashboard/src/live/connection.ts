/** The socket to the service: reconnects by itself, returns pulses, grants credit. */

import type {
  Asked,
  Greeting,
  OrderRequest,
  Painted,
  Pong,
  Pulse,
  Refusal,
  Update,
} from "../generated/messages.js";
import { decodeFrame, type LiveFrame } from "./decode.js";

type Event = Greeting | Update | Pulse | Refusal;

export interface Listener {
  onOpen(): void;
  /** The first word of every connection. */
  onGreeting(greeting: Greeting): void;
  onFrame(frame: LiveFrame): void;
  onUpdate(update: Update): void;
  onPulse(pulse: Pulse): void;
  /** An order of this page was not taken. */
  onRefusal(refusal: Refusal): void;
  /** The link is gone; `reason` is for people. */
  onClosed(reason: string): void;
}

const FIRST_RETRY_MS = 250;
const SLOWEST_RETRY_MS = 5000;
/** Without a word for so long the link counts as dead, whatever the socket believes. */
const DEAD_MS = 6000;

/** Keeps one live view open for as long as the page lives. */
export class Connection {
  private socket: WebSocket | null = null;
  private painted = 0;
  private retryMs = FIRST_RETRY_MS;
  private watchdog = 0;

  constructor(
    private readonly url: string,
    private readonly listener: Listener,
  ) {}

  open(): void {
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.painted = 0;
    socket.onopen = () => this.listener.onOpen();
    socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => this.receive(event.data);
    socket.onclose = (event) => this.closed(socket, event);
    this.feed();
  }

  /** Tell the service that one more frame has been dealt with. */
  framePainted(): void {
    this.painted += 1;
    this.say({ type: "painted", total: this.painted });
  }

  /** Send an order; tells whether there was a socket to send it. */
  order(order: OrderRequest): boolean {
    return this.say({ type: "order", order });
  }

  private receive(data: ArrayBuffer | string): void {
    this.feed();
    try {
      if (typeof data === "string") this.hear(JSON.parse(data) as Event);
      else this.listener.onFrame(decodeFrame(data));
    } catch (error) {
      this.retryMs = SLOWEST_RETRY_MS;
      this.drop(error instanceof Error ? error.message : "unreadable message");
    }
  }

  private hear(message: Event): void {
    switch (message.type) {
      case "greeting":
        this.retryMs = FIRST_RETRY_MS;
        this.listener.onGreeting(message);
        break;
      case "update":
        this.listener.onUpdate(message);
        break;
      case "refusal":
        this.listener.onRefusal(message);
        break;
      case "pulse":
        this.say({ type: "pong", now_s: message.now_s });
        this.listener.onPulse(message);
        break;
    }
  }

  private say(message: Painted | Pong | Asked): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  private feed(): void {
    window.clearTimeout(this.watchdog);
    this.watchdog = window.setTimeout(() => this.drop("the service fell silent"), DEAD_MS);
  }

  /** Give up the present socket and dial again. */
  private drop(reason: string): void {
    const socket = this.socket;
    if (socket === null) return;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
    this.redial(reason);
  }

  private closed(socket: WebSocket, event: CloseEvent): void {
    if (socket !== this.socket) return;
    this.redial(event.reason || "no connection to the service");
  }

  private redial(reason: string): void {
    window.clearTimeout(this.watchdog);
    this.socket = null;
    this.listener.onClosed(reason);
    window.setTimeout(() => this.open(), this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, SLOWEST_RETRY_MS);
  }
}
