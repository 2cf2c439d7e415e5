/** Entry of the dashboard. */

import { render } from "preact";
import { App } from "./components/app.js";
import { onKey } from "./keys/registry.js";
import { LiveService } from "./live/service.js";
import { connectOrders } from "./orders/desk.js";

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const service = new LiveService(`${scheme}//${location.host}/api/v1/live`);
const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no element #app");

render(<App onPainted={() => service.painted()} />, root);
window.addEventListener("keydown", onKey);
connectOrders((order) => service.order(order));
service.start();
