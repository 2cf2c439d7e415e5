/** The list of keys, made from the same registry that handles them. */

import { useEffect, useRef } from "preact/hooks";
import { COMMANDS } from "../keys/registry.js";
import { store, useStore } from "../state/store.js";

export function CheatSheet() {
  const open = useStore((state) => state.help);
  const letterKeys = useStore((state) => state.letterKeys);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} class="sheet" aria-label="Keys" onClose={() => store.set({ help: false })}>
      <h2>Keys</h2>
      <dl>
        {COMMANDS.map((command) => (
          <div key={command.cap}>
            <dt>
              <kbd>{command.cap}</kbd>
            </dt>
            <dd>{command.does}</dd>
          </div>
        ))}
      </dl>
      <label>
        <input
          type="checkbox"
          checked={letterKeys}
          onChange={() => store.set({ letterKeys: !letterKeys })}
        />{" "}
        single-letter keys
      </label>
      <button type="button" onClick={() => store.set({ help: false })}>
        Close
      </button>
    </dialog>
  );
}
