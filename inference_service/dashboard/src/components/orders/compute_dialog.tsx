/** The menu of computations: a recipe, a level, its parameters with their units. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { RecipeOptions } from "../../generated/messages.js";
import { ask } from "../../orders/desk.js";
import {
  ADSORBATES,
  DEFAULTS,
  type Level,
  LEVELS,
  type NumberField,
  obstacle,
  RECIPES,
  type RecipeEntry,
  SITES,
} from "../../orders/menu.js";
import { roiName } from "../../state/rois.js";
import { store, useStore } from "../../state/store.js";

const NONE: readonly string[] = [];

export function ComputeDialog() {
  const key = useStore((state) => state.menu);
  const roi = useStore((state) => (state.menu === null ? null : (state.rois.get(state.menu) ?? null)));
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (key !== null) dialog.current?.showModal();
    else dialog.current?.close();
  }, [key]);
  return (
    <dialog
      ref={dialog}
      class="sheet compute"
      aria-label="Compute"
      onClose={() => store.set({ menu: null })}
    >
      {roi === null ? null : <ComputeForm key={roi.key} roi={roi.key} name={roiName(roi)} />}
    </dialog>
  );
}

function ComputeForm({ roi, name }: { roi: string; name: string }) {
  const here = useStore((state) => state.status?.dispatcher.dispatcher?.levels ?? NONE);
  const [entry, setEntry] = useState(RECIPES[0] as RecipeEntry);
  const [level, setLevel] = useState<Level | null>(null);
  const [options, setOptions] = useState(DEFAULTS);
  const blocked = level === null ? null : obstacle(entry, level, here);
  const change = (part: Partial<RecipeOptions>): void => setOptions({ ...options, ...part });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    ask({ action: "compute", roi, recipe: entry.recipe, level, options }, `${entry.name} on ${name}`);
    store.set({ menu: null });
  };
  return (
    <form method="dialog" onSubmit={submit}>
      <h2>Compute on {name}</h2>
      <RecipeChoice entry={entry} choose={setEntry} />
      <LevelChoice entry={entry} level={level} choose={setLevel} here={here} />
      <div class="fields">
        {entry.numbers.map((field) => (
          <NumberInput key={field.key} field={field} value={options[field.key]} change={change} />
        ))}
        {entry.adsorbate ? <AdsorbateInputs options={options} change={change} /> : null}
      </div>
      <p class="form-actions">
        <span class="note">{blocked === null ? "" : `${level}: ${blocked}`}</span>
        <button type="button" class="action" onClick={() => store.set({ menu: null })}>
          Close
        </button>
        <button type="submit" class="action primary" disabled={blocked !== null}>
          Compute
        </button>
      </p>
    </form>
  );
}

function RecipeChoice({ entry, choose }: { entry: RecipeEntry; choose: (entry: RecipeEntry) => void }) {
  return (
    <label class="field">
      <span>Recipe</span>
      <select
        value={entry.recipe}
        onChange={(event) => {
          const wanted = event.currentTarget.value;
          choose(RECIPES.find(({ recipe }) => recipe === wanted) ?? (RECIPES[0] as RecipeEntry));
        }}
      >
        {RECIPES.map(({ recipe, name }) => (
          <option key={recipe} value={recipe}>
            {name}
          </option>
        ))}
      </select>
      <span class="note">{entry.what}</span>
    </label>
  );
}

interface LevelProps {
  readonly entry: RecipeEntry;
  readonly level: Level | null;
  readonly choose: (level: Level | null) => void;
  readonly here: readonly string[];
}

function LevelChoice({ entry, level, choose, here }: LevelProps) {
  return (
    <fieldset class="levels">
      <legend>Level of theory</legend>
      <label>
        <input type="radio" name="level" checked={level === null} onChange={() => choose(null)} />
        the dispatcher's choice
        <span class="note">the highest that answers in a live session</span>
      </label>
      {LEVELS.map(({ level: each, name, what }) => {
        const why = obstacle(entry, each, here);
        return (
          <label key={each} class={why === null ? "" : "greyed"}>
            <input
              type="radio"
              name="level"
              disabled={why !== null}
              checked={level === each}
              onChange={() => choose(each)}
            />
            {name}
            <span class="note">{why ?? what}</span>
          </label>
        );
      })}
    </fieldset>
  );
}

interface NumberProps {
  readonly field: NumberField;
  readonly value: number;
  readonly change: (part: Partial<RecipeOptions>) => void;
}

function NumberInput({ field, value, change }: NumberProps) {
  return (
    <label class="field">
      <span>{field.label}</span>
      <span class="with-unit">
        <input
          type="number"
          required
          value={value}
          min={field.least}
          max={field.most}
          step={field.step}
          onInput={(event) => change({ [field.key]: event.currentTarget.valueAsNumber })}
        />{" "}
        {field.unit}
      </span>
    </label>
  );
}

interface AdsorbateProps {
  readonly options: RecipeOptions;
  readonly change: (part: Partial<RecipeOptions>) => void;
}

function AdsorbateInputs({ options, change }: AdsorbateProps) {
  return (
    <>
      <label class="field">
        <span>Adsorbate</span>
        <select
          value={options.adsorbate}
          onChange={(event) => change({ adsorbate: event.currentTarget.value })}
        >
          {ADSORBATES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>Starts at</span>
        <select
          value={options.site}
          onChange={(event) => change({ site: event.currentTarget.value as RecipeOptions["site"] })}
        >
          {SITES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
    </>
  );
}
