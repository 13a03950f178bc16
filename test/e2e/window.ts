import { startChromium } from '../support/chromium.ts';
import { firstLineOf, readSample, type Sample } from '../support/sampleTasks.ts';
import { Workbench } from './workbench.ts';

export interface SampleWindow {
  readonly workbench: Workbench;
  readonly sample: Sample;
}

/**
 * A window on the sample that the run is about, its tasks in the explorer; the scope ends its
 * browser.
 */
export async function openWindow(scope: AsyncDisposableStack): Promise<SampleWindow> {
  const { WORKBENCH_ADDRESS: address, WORKBENCH_SETTINGS: settings } = process.env;
  if (address === undefined || settings === undefined) {
    throw new Error('There is no window to test: run the tests by npm run test:e2e.');
  }
  const browser = await startChromium(scope);
  const workbench = await Workbench.open(browser, address, settings);
  await workbench.openExplorer();
  await workbench.row(firstLineOf('build')).waitFor();
  return { workbench, sample: readSample() };
}

/** Keeps a picture of what a test has failed at, also where it is tried again. */
export async function pictureFailure(
  workbench: Workbench,
  test: Mocha.Test | undefined,
): Promise<void> {
  if (test === undefined || test.state === 'passed') return;
  await workbench.screenshot(`failed-${test.title.replace(/\W+/g, '-')}`);
}
