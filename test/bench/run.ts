/** `npm run bench`: every figure beside a floor or peer that was measured in the same run. */
import { benchChange } from './change.ts';
import { benchOpenCapture } from './openCapture.ts';
import type { Row } from './row.ts';
import { benchScan } from './scan.ts';

const benches: readonly (() => Promise<readonly Row[]>)[] = [
  benchScan,
  benchChange,
  benchOpenCapture,
];

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

for (const bench of benches) {
  for (const { name, value, floor, ratio, unit, note } of await bench()) {
    console.log(
      `${name}: ${format(value)} ${unit}, floor ${format(floor)}, ratio ${ratio.toFixed(2)} (${note})`,
    );
  }
}
