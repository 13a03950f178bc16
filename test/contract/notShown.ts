/**
 * Says, below the summary of the run, what this machine does not let a test show. A test that is
 * skipped would be lost among those that pass.
 */
export function notShown(what: string): void {
  process.once('exit', () => {
    console.error(`\n  NOT SHOWN ON THIS MACHINE: ${what}\n`);
  });
}
