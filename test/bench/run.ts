/**
 * `npm run bench`: every figure beside a floor or peer that was measured in the same run, or where
 * there is none beside what is to be reached. Words choose among them: `npm run bench -- scan search`.
 */
import { benchChange } from './change.ts';
import { benchEditor } from './editor.ts';
import { benchOpenCapture } from './openCapture.ts';
import { benchRendering } from './rendering.ts';
import type { Row } from './row.ts';
import { benchScan } from './scan.ts';
import { benchSearch } from './search.ts';

const benches: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  scan: benchScan,
  change: benchChange,
  open: benchOpenCapture,
  rendering: benchRendering,
  editor: benchEditor,
  search: benchSearch,
};

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

const chosen = process.argv.slice(2);
for (const [name, bench] of Object.entries(benches)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  for (const { name: figure, value, floor, ratio, unit, note } of await bench()) {
    console.log(
      `${figure}: ${format(value)} ${unit}, floor ${format(floor)}, ratio ${ratio.toFixed(2)} (${note})`,
    );
  }
}
