import assert from 'node:assert/strict';
import type { Storage } from '../../../src/store/discovery.ts';
import { TaskIndex } from '../../../src/store/taskIndex.ts';
import type { Task, TaskChanges } from '../../../src/store/task.ts';
import { aTask } from '../../support/aTask.ts';

const storages: readonly Storage[] = [
  { id: 'old', directory: '/old', legacy: true, migrated: false },
  { id: 'new', directory: '/new', legacy: false, migrated: true },
];

function changes(parts: Partial<TaskChanges>): TaskChanges {
  return { added: [], changed: [], removed: [], ...parts };
}

function keys(tasks: readonly Task[]): string[] {
  return tasks.map(({ key }) => key);
}

describe('TaskIndex', () => {
  it('has the tasks of all storages, and tells what changed', () => {
    const index = new TaskIndex();
    const told: TaskChanges[] = [];
    const stop = index.onDidChange((change) => told.push(change));
    const first = aTask();
    const second = aTask({ storageId: 'bbbbbbbb' });
    index.apply(changes({ added: [first] }));
    index.apply(changes({ added: [second] }));
    const later = aTask({ delivered: false });
    index.apply(changes({ changed: [later] }));
    index.apply(changes({ removed: [second] }));
    stop();
    index.apply(changes({ removed: [later] }));
    assert.deepEqual(told, [
      changes({ added: [first] }),
      changes({ added: [second] }),
      changes({ changed: [later] }),
      changes({ removed: [second] }),
    ]);
    assert.deepEqual(index.tasks(), []);
  });

  it('gives the same array of tasks until something changes', () => {
    const index = new TaskIndex();
    index.apply(changes({ added: [aTask()] }));
    const tasks = index.tasks();
    assert.equal(index.tasks(), tasks);
    index.apply(changes({ changed: [aTask()] }));
    assert.notEqual(index.tasks(), tasks);
  });

  it('finds a task by its key, and by an id that only one task has', () => {
    const index = new TaskIndex();
    const task = aTask();
    index.apply(changes({ added: [task] }));
    assert.equal(index.find(task.key), task);
    assert.equal(index.find(task.taskId), task);
    assert.equal(index.get(task.key), task);
    assert.equal(index.find('bash-0000ffff'), 'none');
    index.apply(changes({ added: [aTask({ harness: 'pi' })] }));
    assert.equal(index.find(task.taskId), 'ambiguous');
    index.apply(changes({ removed: [aTask({ harness: 'pi' })] }));
    assert.equal(index.find(task.taskId), task);
  });

  it('removes the tasks of a storage that is not shown any more', () => {
    const index = new TaskIndex();
    const kept = aTask({ storageId: 'bbbbbbbb' });
    const dropped = aTask();
    index.apply(changes({ added: [kept, dropped] }));
    const told: TaskChanges[] = [];
    index.onDidChange((change) => told.push(change));
    index.removeStorage('aaaaaaaa');
    assert.deepEqual(index.tasks(), [kept]);
    assert.deepEqual(told, [changes({ removed: [dropped] })]);
  });

  it('hides a legacy copy while the migrated one is there, whichever comes first', () => {
    const legacy = aTask({ storageId: 'old' });
    const migrated = aTask({ storageId: 'new', harness: 'opencode' });
    for (const order of [
      [legacy, migrated],
      [migrated, legacy],
    ]) {
      const index = new TaskIndex();
      index.setStorages(storages);
      for (const task of order) index.apply(changes({ added: [task] }));
      assert.deepEqual(keys(index.tasks()), [migrated.key]);
      assert.equal(index.find(legacy.taskId), migrated);
      index.removeStorage('new');
      assert.deepEqual(keys(index.tasks()), [legacy.key]);
    }
  });

  it('hides legacy copies once their storage turns out to be migrated', () => {
    const index = new TaskIndex();
    const legacy = aTask({ storageId: 'old' });
    const migrated = aTask({ storageId: 'new' });
    index.apply(changes({ added: [legacy, migrated] }));
    assert.equal(index.tasks().length, 2);
    const told: TaskChanges[] = [];
    index.onDidChange((change) => told.push(change));
    index.setStorages(storages);
    assert.deepEqual(told, [changes({ removed: [legacy] })]);
  });
});
