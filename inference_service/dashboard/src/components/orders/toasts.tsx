/** What became of the orders given here, each with its undo for ten seconds. */

import { ask } from "../../orders/desk.js";
import type { Toast } from "../../orders/toasts.js";
import { undoOf } from "../../orders/undo.js";
import { store, useStore } from "../../state/store.js";

export function Toasts() {
  const toasts = useStore((state) => state.toasts);
  return (
    <div class="toasts" role="log" aria-label="Orders given" data-testid="toasts">
      {toasts.map((toast) => (
        <ToastView key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function ToastView({ toast }: { toast: Toast }) {
  const order = useStore((state) => state.orders.get(toast.id) ?? null);
  const jobs = useStore((state) => state.jobs);
  const outcome = order?.outcome ?? null;
  const undo = order === null ? null : undoOf(order, jobs);
  const failed = toast.refusal !== null || outcome?.accepted === false;
  const mood = failed ? "failed" : outcome === null ? "waits" : "done";
  return (
    <div class={`toast ${mood}${undo === null ? "" : " undoable"}`} data-testid={`toast-${mood}`}>
      <p>
        <span class="toast-icon" aria-hidden="true">
          {failed ? "✕" : outcome === null ? "…" : "✓"}
        </span>{" "}
        <b>{toast.title}</b>{" "}
        {toast.refusal !== null ? (
          <>
            not taken: {toast.refusal.detail} {toast.refusal.remedy}
          </>
        ) : (
          (outcome?.message ?? "sent; waits for the dispatcher")
        )}
      </p>
      {undo === null ? null : (
        <button
          type="button"
          class="action"
          onClick={() => {
            ask(undo, `Undo: ${toast.title}`);
            close(toast);
          }}
        >
          Undo <kbd>Z</kbd>
        </button>
      )}
      <button type="button" class="quiet-button" aria-label="Close" onClick={() => close(toast)}>
        ×
      </button>
    </div>
  );
}

function close(toast: Toast): void {
  store.set((state) => ({ toasts: state.toasts.filter((each) => each.id !== toast.id) }));
}
