import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '../../../src/persistence/outcome.ts';
import { markDelivered } from '../../../src/process/markDelivered.ts';
import { writeTaskFixture, type FixtureTask } from '../../support/taskFixture.ts';
import { requestFor } from './actionSupport.ts';

describe('marking as delivered', () => {
  let storage: string;
  beforeEach(() => {
    storage = mkdtempSync(join(tmpdir(), 'aft-delivered-'));
  });
  afterEach(() => {
    rmSync(storage, { recursive: true });
  });

  /** An AFT that says that it works in a project. */
  const serve = (project: string, heartbeat: number): void => {
    const directory = join(storage, 'artifact-owners', 'p');
    mkdirSync(directory, { recursive: true });
    const owner = { checkout_path: project, pid: process.pid, created_at_ms: heartbeat };
    const text = JSON.stringify({ ...owner, heartbeat_at_ms: heartbeat });
    writeFileSync(join(directory, 'owner.json'), text);
  };
  const deliver = ({ paths }: FixtureTask): Promise<Outcome> =>
    markDelivered(requestFor(storage, paths));
  const memory = /goes by its memory until it is restarted/;

  it('says that an AFT which runs may tell its agent all the same', async () => {
    const task = writeTaskFixture({ storage });
    serve('/tmp', Date.now());
    assert.match((await deliver(task)).message, memory);
    // What was delivered before, AFT itself may have delivered.
    assert.doesNotMatch((await deliver(task)).message, memory);
  });

  it('says nothing of an AFT that has ended, or works elsewhere', async () => {
    const tasks = [writeTaskFixture({ storage }), writeTaskFixture({ storage })] as const;
    serve('/tmp', Date.now() - 60_000);
    assert.doesNotMatch((await deliver(tasks[0])).message, memory);
    serve('/elsewhere', Date.now());
    assert.doesNotMatch((await deliver(tasks[1])).message, memory);
  });

  it('of a task that goes on names what keeps its agent from being told', async () => {
    const record = { status: 'running', finishedAt: undefined } as const;
    const outcome = await deliver(writeTaskFixture({ storage, record }));
    assert.equal(outcome.reason, 'not-terminal');
    assert.match(outcome.message, /is running; .* “Don’t Notify the Agent”/);
  });
});
