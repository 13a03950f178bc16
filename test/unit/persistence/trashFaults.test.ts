import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskPaths } from '../../../src/persistence/paths.ts';
import type { Layout } from '../../../src/persistence/record.ts';
import { systemTrash } from '../../../src/persistence/trash.ts';
import { listTrash, tendTrash, undoDelete } from '../../../src/persistence/trashContents.ts';
import { taskId, temporaryDirectory } from './support.ts';
import { databaseContent, makeBundle, makeRichDatabase, tasksContent } from './trashSupport.ts';

/** More steps than any action has. */
const manySteps = 40;

for (const layout of ['flat', 'directory'] as const satisfies readonly Layout[]) {
  describe(`a process that is killed with SIGKILL after any step, ${layout} layout`, () => {
    const directory = temporaryDirectory();
    let storage: string;
    let paths: TaskPaths;
    let files: Map<string, string>;
    let rows: unknown[];

    function begin(step: number): void {
      storage = join(directory(), String(step));
      mkdirSync(storage);
      paths = makeBundle(storage, layout);
      makeRichDatabase(storage);
      files = tasksContent(storage);
      rows = databaseContent(storage);
    }

    /** Runs an action in a process of its own; false where it came to its end before that step. */
    function killedAt(action: string, step: number): boolean {
      const script = join(import.meta.dirname, 'trashChild.ts');
      const args = [script, storage, layout, action, String(step)];
      const { signal, status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      if (signal === 'SIGKILL') return true;
      assert.equal(status, 0, stderr);
      return false;
    }

    async function recover(): Promise<void> {
      const { problems } = await tendTrash(storage, Number.POSITIVE_INFINITY);
      assert.deepEqual(problems, []);
    }

    function assertThere(): void {
      assert.deepEqual(tasksContent(storage), files);
      assert.deepEqual(databaseContent(storage), rows);
      assert.deepEqual(listTrash(storage), []);
    }

    /** All of it, since an undo brings back all of it. */
    async function assertInTrash(): Promise<void> {
      const left = [...tasksContent(storage).keys()];
      assert.ok(left.every((name) => !name.includes(taskId)));
      assert.equal(databaseContent(storage).length, 3);
      const [item, ...others] = listTrash(storage);
      assert.ok(item !== undefined && others.length === 0);
      const { done, reason } = await undoDelete(storage, item.entry);
      assert.deepEqual([done, reason], [true, undefined]);
      assertThere();
    }

    /** A minute later, nothing that was half made or half removed is left. */
    async function assertClean(): Promise<void> {
      const later = { ...systemTrash, now: () => Date.now() + 61_000 };
      await tendTrash(storage, Number.POSITIVE_INFINITY, later);
      const trash = join(storage, '.aft-task-explorer', 'trash');
      assert.deepEqual(existsSync(trash) ? readdirSync(trash) : [], []);
      rmSync(storage, { recursive: true });
    }

    it('has deleted the task wholly or not at all', async () => {
      const ends = { there: 0, inTrash: 0 };
      for (let step = 1; step < manySteps; step += 1) {
        begin(step);
        if (!killedAt('delete', step)) break;
        // The recovery may be cut off, too.
        if (step % 2 === 0) killedAt('tend', 1 + ((step / 2) % 3));
        await recover();
        if (existsSync(paths.json)) {
          ends.there += 1;
          assertThere();
        } else {
          ends.inTrash += 1;
          await assertInTrash();
        }
        await assertClean();
      }
      assert.ok(ends.there >= 2 && ends.inTrash >= 5, JSON.stringify(ends));
    }).timeout(120_000);

    it('has brought the task back wholly or not at all', async () => {
      const ends = { there: 0, inTrash: 0 };
      for (let step = 1; step < manySteps; step += 1) {
        begin(step);
        killedAt('delete', manySteps);
        if (!killedAt('undo', step)) break;
        if (step % 2 === 0) killedAt('tend', 1 + ((step / 2) % 3));
        await recover();
        if (existsSync(paths.json)) {
          ends.there += 1;
          assertThere();
        } else {
          ends.inTrash += 1;
          await assertInTrash();
        }
        await assertClean();
      }
      assert.ok(ends.there + ends.inTrash >= 5, JSON.stringify(ends));
    }).timeout(120_000);
  });
}
