import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';
import { testLinePrefix } from './testLine.ts';

/** What VS Code calls inside the extension host: runs every `*.test.js` beside this bundle. */
export async function run(): Promise<void> {
  const print = (...args: unknown[]): void => {
    for (const line of format(...args).split('\n')) console.log(testLinePrefix + line);
  };
  Mocha.reporters.Base.consoleLog = print;
  const mocha = new Mocha({
    ui: 'bdd',
    timeout: 30_000,
    color: false,
    forbidOnly: true,
    forbidPending: true,
  });
  const grep = process.env['HOST_TESTS_GREP'];
  if (grep !== undefined) mocha.grep(grep);
  for (const name of readdirSync(__dirname).sort()) {
    if (name.endsWith('.test.js')) mocha.addFile(join(__dirname, name));
  }
  const stats = await new Promise<Mocha.Stats>((resolve) => {
    const runner = mocha.run(() => {
      resolve(runner.stats ?? noStats);
    });
  });
  if (stats.failures > 0) throw new Error(`${stats.failures} host tests failed.`);
  if (stats.passes === 0) throw new Error('No host test ran.');
}

const noStats: Mocha.Stats = { suites: 0, tests: 0, passes: 0, pending: 0, failures: 0 };
