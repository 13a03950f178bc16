/**
 * `npm test`: every check and every suite, one after the other, since they share two cores and a
 * browser. The last line sums up all of them.
 */
import { runProcess } from './childProcess.ts';
import { chromiumPath } from './chromium.ts';
import { root } from './root.ts';
import { say } from './say.ts';
import { runInScope } from './scope.ts';

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** Checks pass or fail as a whole. */
const checks = [
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'lint', command: ['eslint', '.'] },
  { name: 'format', command: ['prettier', '--check', '.'] },
] as const;

/** Suites say themselves how many of their tests passed. */
const suites = ['unit', 'contract', 'host', 'e2e'] as const;

/** What mocha's last lines say. A suite that crashed, or ran nothing, has failed. */
function countsOf(output: string, code: number): Counts {
  const last = (word: string): number => {
    const lines = [...output.matchAll(new RegExp(`^ *(\\d+) ${word}\\b`, 'gm'))];
    return Number(lines.at(-1)?.[1] ?? 0);
  };
  const passed = last('passing');
  const failed = last('failing');
  const unsaid = failed === 0 && (code !== 0 || passed === 0);
  return { passed, failed: unsaid ? 1 : failed };
}

/** Installs or asks for the browser at once, not minutes later; without one, two suites fail. */
function findBrowser(): void {
  try {
    chromiumPath();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
}

await runInScope(async (scope) => {
  findBrowser();
  const results: (Counts & { readonly name: string })[] = [];
  const run = async (name: string, command: readonly string[], isCheck: boolean): Promise<void> => {
    console.log(`\n== ${name}: ${command.join(' ')}`);
    const [program = '', ...args] = command;
    const started = Date.now();
    const { code, output } = await runProcess(scope, program, args, {
      cwd: root,
      echo: true,
      shell: process.platform === 'win32',
    });
    const checked = code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
    const counts = isCheck ? checked : countsOf(output, code);
    const seconds = Math.round((Date.now() - started) / 1000);
    console.log(`== ${name}: ${counts.passed} passed, ${counts.failed} failed, ${seconds} s`);
    results.push({ name, ...counts });
  };
  for (const { name, command } of checks) await run(name, command, true);
  for (const suite of suites) {
    await run(suite, ['npm', 'run', '--silent', `test:${suite}`], false);
  }
  const passed = results.reduce((sum, counts) => sum + counts.passed, 0);
  const failed = results.reduce((sum, counts) => sum + counts.failed, 0);
  console.log();
  for (const counts of results) {
    console.log(`${counts.name}: ${counts.passed} passed, ${counts.failed} failed`);
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
});
