import assert from 'node:assert/strict';
import type { Storage } from '../../../src/store/discovery.ts';
import { mergeTasks } from '../../../src/store/mergeTasks.ts';
import { aTask } from '../../support/aTask.ts';

const storage = (id: string, facts: Partial<Storage> = {}): [string, Storage] => [
  id,
  { id, directory: `/${id}`, legacy: false, migrated: false, ...facts },
];
const storages = new Map([
  storage('old', { legacy: true }),
  storage('new', { migrated: true }),
  storage('other'),
]);

describe('merging legacy tasks', () => {
  it('shows a task that was migrated once, from the new root', () => {
    const legacy = aTask({ storageId: 'old' });
    const migrated = aTask({ storageId: 'new', harness: 'opencode' });
    assert.deepEqual(mergeTasks([legacy, migrated], storages), [migrated]);
  });

  it('keeps a legacy task that the new root does not have', () => {
    const tasks = [
      aTask({ storageId: 'old' }),
      aTask({ storageId: 'new', taskId: 'bash-00000002' }),
    ];
    assert.deepEqual(mergeTasks(tasks, storages), tasks);
  });

  it('keeps a task of the same id in another session', () => {
    const tasks = [
      aTask({ storageId: 'old' }),
      aTask({ storageId: 'new', sessionHash: 'ffffffffffffffff' }),
    ];
    assert.deepEqual(mergeTasks(tasks, storages), tasks);
  });

  it('keeps both where the other root was not migrated to', () => {
    const tasks = [aTask({ storageId: 'old' }), aTask({ storageId: 'other' })];
    assert.deepEqual(mergeTasks(tasks, storages), tasks);
  });
});
