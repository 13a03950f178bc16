import assert from 'node:assert/strict';
import { Scheduler } from '../../../src/store/scheduler.ts';
import { ManualClock } from './manualClock.ts';

function gate(): { promise: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

function unexpected(): never {
  throw new Error('This must not happen.');
}

describe('Scheduler', () => {
  it('makes one run of requests that come close together', async () => {
    const clock = new ManualClock();
    let runs = 0;
    const scheduler = new Scheduler(
      () => {
        runs += 1;
        return Promise.resolve();
      },
      unexpected,
      clock,
    );
    scheduler.request(5);
    scheduler.request(5);
    scheduler.request(500);
    await clock.advance(4);
    assert.equal(runs, 0);
    await clock.advance(1);
    assert.equal(runs, 1);
    await clock.advance(1000);
    assert.equal(runs, 1);
  });

  it('runs as soon as the most urgent request says', async () => {
    const clock = new ManualClock();
    let runs = 0;
    const scheduler = new Scheduler(
      () => {
        runs += 1;
        return Promise.resolve();
      },
      unexpected,
      clock,
    );
    scheduler.request(500);
    scheduler.request(5);
    await clock.advance(5);
    assert.equal(runs, 1);
  });

  it('never runs twice at once, and runs again for what was asked meanwhile', async () => {
    const clock = new ManualClock();
    const gates = [gate(), gate()];
    let begun = 0;
    const scheduler = new Scheduler(() => gates[begun++]!.promise, unexpected, clock);
    scheduler.request(0);
    await clock.advance(0);
    let over = false;
    const second = scheduler.run().then(() => {
      over = true;
    });
    await clock.advance(10);
    assert.equal(begun, 1);
    gates[0]!.open();
    await clock.advance(0);
    assert.equal(begun, 2);
    assert.equal(over, false);
    gates[1]!.open();
    await second;
  });

  it('tells an error, lets go who waits, and goes on', async () => {
    const clock = new ManualClock();
    const errors: unknown[] = [];
    let runs = 0;
    const scheduler = new Scheduler(
      () => Promise.reject(new Error(`run ${++runs}`)),
      (error) => errors.push(error),
      clock,
    );
    for (const expected of [1, 2]) {
      const over = scheduler.run();
      await clock.advance(0);
      await over;
      assert.equal(errors.length, expected);
    }
  });

  it('begins nothing after its end, and keeps nobody waiting', async () => {
    const clock = new ManualClock();
    const scheduler = new Scheduler(unexpected, unexpected, clock);
    const waiting = scheduler.run();
    scheduler.dispose();
    scheduler.request(0);
    await Promise.all([waiting, scheduler.run(), clock.advance(100)]);
  });
});
