import Mocha from 'mocha';

/** As mocha's usual one, and says which tests are tried again, and why. */
export default class RetryReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    runner.on('retry', (test: Mocha.Test, error: unknown) => {
      const [why] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
      Mocha.reporters.Base.consoleLog(`    ↻ ${test.title}: ${why ?? ''}`);
    });
  }
}
