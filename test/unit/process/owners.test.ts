import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostProcessTable } from '../../../src/process/hostProcessTable.ts';
import { elsewhere, projectsOwnedElsewhere } from '../../../src/process/owners.ts';
import { ProcessGroups } from './processGroups.ts';

describe('the AFTs that say that they live', () => {
  let storage: string;
  const table = hostProcessTable();
  const groups = new ProcessGroups();
  const now = Date.now();
  beforeEach(() => {
    storage = mkdtempSync(join(tmpdir(), 'aft-owners-'));
  });
  afterEach(() => {
    groups.endAll();
    rmSync(storage, { recursive: true });
  });

  const say = (project: string, owner: object): string => {
    const directory = join(storage, 'artifact-owners', project);
    mkdirSync(directory, { recursive: true });
    const path = join(directory, 'owner.json');
    writeFileSync(path, JSON.stringify({ checkout_path: `/${project}`, ...owner }));
    return path;
  };
  const owned = (): string[] => [...projectsOwnedElsewhere(storage, table, now).keys()].sort();

  it('and whose process is not there live elsewhere', async () => {
    const gone = await groups.ended();
    say('elsewhere', { pid: gone, created_at_ms: now - 60_000, heartbeat_at_ms: now - 3000 });
    assert.deepEqual(owned(), ['/elsewhere']);
  });

  it('and whose number is a younger process’s live elsewhere', async () => {
    const { pid } = await groups.start('echo ready; sleep 300');
    say('elsewhere', { pid, created_at_ms: now - 3_600_000, heartbeat_at_ms: now });
    assert.deepEqual(owned(), ['/elsewhere']);
  });

  it('and whose process is there live here', () => {
    say('here', { pid: process.pid, created_at_ms: Date.now(), heartbeat_at_ms: now });
    assert.deepEqual(owned(), []);
  });

  it('and have not done so for a while are dead', async () => {
    const gone = await groups.ended();
    say('dead', { pid: gone, created_at_ms: now - 60_000, heartbeat_at_ms: now - 12_000 });
    assert.deepEqual(owned(), []);
  });

  it('are not believed what makes no sense, nor read through links', () => {
    assert.deepEqual(owned(), []);
    say('text', { pid: 'one', created_at_ms: 0, heartbeat_at_ms: now });
    const path = say('broken', {});
    writeFileSync(path, '{');
    const real = say('real', { pid: 0x7fff_fff0, created_at_ms: 0, heartbeat_at_ms: now - 60_000 });
    writeFileSync(
      join(storage, 'planted.json'),
      JSON.stringify({
        ...{ checkout_path: '/planted', pid: 0x7fff_fff0 },
        ...{ created_at_ms: 0, heartbeat_at_ms: now },
      }),
    );
    rmSync(real);
    symlinkSync(join(storage, 'planted.json'), real);
    assert.deepEqual(owned(), []);
  });

  it('make what is gone here unknown, in their project only', () => {
    const gone = { kind: 'gone', reason: 'process 5 has ended' } as const;
    const map = new Map([['/p', 'it lives elsewhere']]);
    assert.equal(elsewhere(gone, { projectRoot: '/p' }, map).kind, 'unknown');
    assert.equal(elsewhere(gone, { projectRoot: '/q' }, map).kind, 'gone');
    assert.equal(elsewhere(gone, { projectRoot: undefined }, map).kind, 'gone');
    const same = { kind: 'same', leader: true, reason: 'it is the task’s' } as const;
    assert.equal(elsewhere(same, { projectRoot: '/p' }, map), same);
  });
});
