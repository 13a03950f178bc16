/** One line of the bench: a figure beside its floor, measured in the same run or to be reached. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly floor: number;
  readonly ratio: number;
  readonly unit: string;
  readonly note: string;
}

export function row(name: string, value: number, floor: number, unit: string, note: string): Row {
  return { name, value, floor, ratio: value / floor, unit, note };
}

export function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? NaN;
}
