/** The page: strip above, image left, ROIs right. */

import { CheatSheet } from "./cheat_sheet.js";
import { ComputeDialog } from "./orders/compute_dialog.js";
import { Toasts } from "./orders/toasts.js";
import { Notices } from "./notices.js";
import { Rail } from "./rail.js";
import { Stage } from "./stage.js";
import { TopStrip } from "./top_strip.js";

export function App({ onPainted }: { onPainted: () => void }) {
  return (
    <div class="page">
      <TopStrip />
      <Notices />
      <main class="main">
        <Stage onPainted={onPainted} />
        <Rail />
      </main>
      <CheatSheet />
      <ComputeDialog />
      <Toasts />
    </div>
  );
}
