/** Where the page's orders leave for the service, each with an id of its own. */

import type { OrderRequest } from "../generated/messages.js";
import { store } from "../state/store.js";
import { added } from "./toasts.js";

/** What differs from order to order; the rest is null. */
export type Wish = Pick<OrderRequest, "action"> & Partial<OrderRequest>;

type Send = (order: OrderRequest) => boolean;

let send: Send = () => false;

/** Say what carries orders to the service; it returns whether it could. */
export function connectOrders(carrier: Send): void {
  send = carrier;
}

/** Ask the dispatcher for something; what becomes of it appears as a toast called `title`. */
export function ask(wish: Wish, title: string): void {
  const order = complete(wish);
  const refusal = send(order)
    ? null
    : { detail: "There is no link to the service.", remedy: "This page dials again by itself." };
  store.set((state) => ({
    toasts: added(state.toasts, { id: order.id as string, title, refusal, shownS: state.pageS }),
  }));
}

/** The order with an id and every field, as the service wants it. */
export function complete(wish: Wish): OrderRequest {
  return {
    id: newId(),
    roi: null,
    job: null,
    session: null,
    x_A: null,
    y_A: null,
    recipe: null,
    level: null,
    options: null,
    ...wish,
  };
}

function newId(): string {
  const octets = crypto.getRandomValues(new Uint8Array(8));
  return `ui-${[...octets].map((octet) => octet.toString(16).padStart(2, "0")).join("")}`;
}
