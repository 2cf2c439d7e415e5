/** What can be computed: recipes with their parameters, and why one is not to be had. */

import type { OrderRequest, RecipeOptions } from "../generated/messages.js";

export type Recipe = NonNullable<OrderRequest["recipe"]>;
export type Level = NonNullable<OrderRequest["level"]>;

type NumberKey = "temperature_K" | "duration_fs" | "timestep_fs" | "images" | "fmax_eV_A" | "max_steps" | "seed";

export interface NumberField {
  readonly key: NumberKey;
  readonly label: string;
  readonly unit: string;
  readonly least: number;
  readonly most: number;
  readonly step: number | "any";
}

export interface RecipeEntry {
  readonly recipe: Recipe;
  readonly name: string;
  /** What it answers, in one line. */
  readonly what: string;
  /** Bonds may form and break: a level with fixed bonds cannot do it. */
  readonly reacts: boolean;
  readonly numbers: readonly NumberField[];
  readonly adsorbate: boolean;
}

const FMAX: NumberField = {
  key: "fmax_eV_A",
  label: "Converged below",
  unit: "eV/Å",
  least: 0.001,
  most: 1,
  step: "any",
};
const STEPS: NumberField = {
  key: "max_steps",
  label: "At most",
  unit: "steps",
  least: 1,
  most: 1_000_000,
  step: 1,
};
const SEED: NumberField = { key: "seed", label: "Seed", unit: "", least: 0, most: 4294967295, step: 1 };
const TRAJECTORY: readonly NumberField[] = [
  { key: "temperature_K", label: "Temperature", unit: "K", least: 1, most: 10_000, step: "any" },
  { key: "duration_fs", label: "Duration", unit: "fs", least: 1, most: 1e7, step: "any" },
  { key: "timestep_fs", label: "Time step", unit: "fs", least: 0.1, most: 10, step: "any" },
  SEED,
];
const IMAGES: NumberField = {
  key: "images",
  label: "Images of the band",
  unit: "",
  least: 3,
  most: 31,
  step: 1,
};

function entry(recipe: Recipe, name: string, what: string, more: Partial<RecipeEntry> = {}): RecipeEntry {
  return { recipe, name, what, reacts: false, numbers: [FMAX, STEPS], adsorbate: false, ...more };
}

export const RECIPES: readonly RecipeEntry[] = [
  entry("relax", "Relax", "All atoms free to move."),
  entry("formation", "Formation energy", "Relaxed, against the pristine cluster with the same rim."),
  entry("single_point", "Single point", "Energy and forces of the atoms as detected.", { numbers: [] }),
  entry("relax_perimeter", "Relax, rim fixed", "The perimeter stays (paper's a)."),
  entry("relax_z", "Relax, only z", "Atoms move out of the plane alone (paper's b)."),
  entry("relax_h", "Relax, H fixed", "The hydrogen caps stay (paper's c)."),
  entry("md", "Dynamics", "A trajectory at constant temperature.", {
    reacts: true,
    numbers: TRAJECTORY,
  }),
  entry("adsorb", "Adsorption", "Binding of an atom or molecule on the sheet.", {
    reacts: true,
    adsorbate: true,
  }),
  entry("neb", "Bond rotation barrier", "The path of least energy of a bond rotation.", {
    reacts: true,
    numbers: [IMAGES, FMAX, STEPS],
  }),
  entry("image", "Image", "The relaxed structure as the microscope would show it.", { numbers: [] }),
  entry("error_bar", "Error bar", "The named parts of the energy's error.", { numbers: [] }),
];

export const LEVELS: readonly { readonly level: Level; readonly name: string; readonly what: string }[] = [
  { level: "gfnff", name: "GFN-FF", what: "force field, about a second" },
  { level: "gfn1", name: "GFN1-xTB", what: "tight binding, seconds" },
  { level: "gfn2", name: "GFN2-xTB", what: "tight binding, seconds" },
  { level: "pyscf", name: "DFT (PySCF)", what: "minutes and more" },
  { level: "gpaw", name: "DFT (GPAW)", what: "PBE, an hour and more" },
  { level: "qe", name: "DFT (Quantum ESPRESSO)", what: "PBE, an hour and more" },
  { level: "dftb", name: "DFTB+", what: "where the site has it" },
  { level: "vasp", name: "DFT (VASP)", what: "where the site has it" },
];

const FIXED_BONDS: ReadonlySet<Level> = new Set<Level>(["gfnff"]);

/** As the service's own defaults. */
export const DEFAULTS: RecipeOptions = {
  fmax_eV_A: 0.05,
  max_steps: 300,
  temperature_K: 300,
  duration_fs: 2000,
  timestep_fs: 1,
  seed: 0,
  adsorbate: "Cr",
  site: "hollow",
  images: 7,
  max_wall_s: null,
};

export const ADSORBATES = ["Cr", "H", "C", "CH", "CH2", "CH3"] as const;
export const SITES = ["hollow", "bridge", "top"] as const;

/** Why a recipe cannot be had at a level here; null where it can. */
export function obstacle(entry: RecipeEntry, level: Level, here: readonly string[]): string | null {
  if (entry.reacts && FIXED_BONDS.has(level)) return "its bonds are fixed";
  return here.includes(level) ? null : "not on the dispatcher's host";
}

export function levelName(level: string): string {
  return LEVELS.find((each) => each.level === level)?.name ?? level;
}

export function recipeName(recipe: string): string {
  return RECIPES.find((each) => each.recipe === recipe)?.name ?? recipe;
}
