/** What a benchmark answers. */

/** One measure: ours beside its floor, both from one run. */
export interface Row {
  name: string;
  unit: string;
  ours: number;
  floor: number;
  /** `ours / floor`. */
  ratio: number;
}

/** A row of two figures. */
export function row(name: string, unit: string, ours: number, floor: number): Row {
  return { name, unit, ours, floor, ratio: ours / floor };
}
