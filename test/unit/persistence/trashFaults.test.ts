import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemDatabase } from '../../../src/persistence/database.ts';
import { deleteTask } from '../../../src/persistence/deleteTask.ts';
import type { TaskPaths } from '../../../src/persistence/paths.ts';
import type { Layout } from '../../../src/persistence/record.ts';
import { systemTrash, type TrashSystem } from '../../../src/persistence/trash.ts';
import { listTrash, tendTrash, undoDelete } from '../../../src/persistence/trashContents.ts';
import { quickChildren } from '../../support/compileCache.ts';
import { startChild } from './children.ts';
import { taskId, temporaryDirectory, trashEntry } from './support.ts';
import { databaseContent, makeBundle, makeRichDatabase, tasksContent } from './trashSupport.ts';

/** More calls than any action makes. */
const manyCalls = 60;
const atOnce = 4;
const later = (milliseconds: number): TrashSystem => ({
  ...systemTrash,
  now: () => Date.now() + milliseconds,
});

/** A storage with the usual task, its row and watches, and another task's. */
class Scene {
  readonly storage: string;
  readonly paths: TaskPaths;
  readonly trash: string;
  private readonly files: Map<string, string>;
  private readonly rows: unknown[];

  constructor(storage: string, layout: Layout) {
    this.storage = storage;
    this.trash = join(storage, '.aft-task-explorer', 'trash');
    mkdirSync(storage);
    this.paths = makeBundle(storage, layout);
    makeRichDatabase(storage);
    this.files = tasksContent(storage);
    this.rows = databaseContent(storage);
  }

  /** Acts in a process of its own; false where it came to its end before that call. */
  async isKilledBefore(action: string, call: number): Promise<boolean> {
    const { paths, storage } = this;
    const child = startChild(storage, paths.layout, action, 'kill', call);
    if ((await child.outcome) !== undefined) return false;
    assert.equal(child.process.signalCode, 'SIGKILL');
    return true;
  }

  /** Leaves what a process that ended after that step has left. */
  async endedAfter(step: string, action: (system: TrashSystem) => Promise<unknown>): Promise<void> {
    const end = (name: string): void => {
      if (name === step) throw new Error('ended');
    };
    await assert.rejects(action({ ...systemTrash, step: end }), /^Error: ended$/);
    rmSync(join(this.trash, trashEntry, 'claim.json'), { force: true });
  }

  delete(system = systemTrash): Promise<unknown> {
    return deleteTask(this.storage, 'opencode', this.paths, { system });
  }

  undo(system = systemTrash): Promise<unknown> {
    return undoDelete(this.storage, trashEntry, system);
  }

  /** Brings the task back while AFT keeps its database locked: its row is still to come. */
  async undoWithoutRow(): Promise<void> {
    const locker = new DatabaseSync(join(this.storage, 'aft.db'));
    locker.exec('BEGIN IMMEDIATE');
    const impatient = { ...systemDatabase, sleep: () => Promise.resolve() };
    await this.undo({ ...systemTrash, database: impatient });
    locker.close();
  }

  /** As the next start does. */
  async recover(keepMs: number): Promise<void> {
    const { problems } = await tendTrash(this.storage, keepMs, later(5000));
    assert.deepEqual(problems, []);
  }

  /** Checks that nothing is in between, and answers where the task is. */
  async whereabouts(): Promise<'there' | 'in the trash' | 'gone'> {
    if (existsSync(this.paths.json)) {
      this.assertThere();
      return 'there';
    }
    const left = [...tasksContent(this.storage).keys()];
    assert.ok(left.every((name) => !name.includes(taskId)));
    assert.equal(databaseContent(this.storage).length, 3);
    const [item, ...others] = listTrash(this.storage);
    assert.deepEqual(others, []);
    if (item === undefined) return 'gone';
    // All of it is there, since an undo brings back all of it.
    const { done, reason, message } = await undoDelete(this.storage, item.entry, later(5000));
    assert.deepEqual([done, reason], [true, undefined], message);
    this.assertThere();
    return 'in the trash';
  }

  /** A minute later, nothing that was half made or half removed is left. */
  async remove(): Promise<void> {
    await tendTrash(this.storage, Number.POSITIVE_INFINITY, later(61_000));
    assert.deepEqual(existsSync(this.trash) ? readdirSync(this.trash) : [], []);
    rmSync(this.storage, { recursive: true });
  }

  private assertThere(): void {
    assert.deepEqual(tasksContent(this.storage), this.files);
    assert.deepEqual(databaseContent(this.storage), this.rows);
    assert.deepEqual(listTrash(this.storage), []);
  }
}

for (const layout of ['flat', 'directory'] as const satisfies readonly Layout[]) {
  describe(`a process that is killed with SIGKILL before any change, ${layout} layout`, () => {
    const directory = temporaryDirectory();
    quickChildren((nowhere) => startChild(nowhere, layout, 'tend').outcome);
    const record = layout === 'flat' ? `${taskId}.json` : taskId;

    /** Kills the action before each of its calls, and answers how often the task was where. */
    async function whereIsIt(
      prepare: (scene: Scene) => Promise<unknown>,
      action: string,
      keepMs: number,
    ): Promise<Record<string, number>> {
      const places: Record<string, number> = {};
      for (let first = 1; first < manyCalls; first += atOnce) {
        const calls = Array.from({ length: atOnce }, (_, at) => first + at);
        const areKilled = await Promise.all(
          calls.map(async (call) => {
            const scene = new Scene(join(directory(), String(call)), layout);
            await prepare(scene);
            const isKilled = await scene.isKilledBefore(action, call);
            await scene.recover(keepMs);
            const place = await scene.whereabouts();
            places[place] = (places[place] ?? 0) + 1;
            await scene.remove();
            return isKilled;
          }),
        );
        if (areKilled.includes(false)) return places;
      }
      return assert.fail('it has not come to an end');
    }

    const nothing = (): Promise<void> => Promise.resolve();

    for (const [what, prepare, action, keepMs, expected] of [
      ['deleted the task', nothing, 'delete', Infinity, ['in the trash', 'there']],
      ['deleted the task for good', nothing, 'deleteForGood', 0, ['gone', 'there']],
      [
        'deleted it again, its row still to come',
        async (scene: Scene) => {
          await scene.delete();
          await scene.undoWithoutRow();
        },
        'delete',
        Infinity,
        ['in the trash', 'there'],
      ],
      [
        'brought it back',
        (scene: Scene) => scene.delete(),
        'undo',
        Infinity,
        ['in the trash', 'there'],
      ],
    ] as const) {
      it(`has ${what} wholly or not at all`, async () => {
        const places = await whereIsIt(prepare, action, keepMs);
        assert.deepEqual(Object.keys(places).sort(), expected, JSON.stringify(places));
        const interruptions = Object.values(places).reduce((sum, count) => sum + count);
        assert.ok(interruptions >= 12, String(interruptions));
      }).timeout(120_000);
    }

    const starts: readonly (readonly [
      what: string,
      prepare: (scene: Scene) => Promise<unknown>,
      keepMs: number,
      place: string,
    ])[] = [
      [
        'a deletion that has only begun',
        (scene) => scene.endedAfter('entry', (system) => scene.delete(system)),
        Infinity,
        'there',
      ],
      [
        'a deletion without its row',
        (scene) => scene.endedAfter(`moved ${record}`, (system) => scene.delete(system)),
        Infinity,
        'in the trash',
      ],
      [
        'a deletion for good without its row',
        (scene) => scene.endedAfter(`moved ${record}`, (system) => scene.delete(system)),
        0,
        'gone',
      ],
      [
        'a return that has only begun',
        async (scene) => {
          await scene.delete();
          await scene.endedAfter('restoring', (system) => scene.undo(system));
        },
        Infinity,
        'there',
      ],
      [
        'a return without its row, however old',
        async (scene) => {
          await scene.delete();
          await scene.undoWithoutRow();
        },
        0,
        'there',
      ],
      ...(layout === 'directory'
        ? []
        : ([
            [
              'half a deletion',
              (scene) =>
                scene.endedAfter(`moved ${taskId}.stdout`, (system) => scene.delete(system)),
              Infinity,
              'there',
            ],
          ] as const satisfies typeof starts)),
    ];
    for (const [what, prepare, keepMs, place] of starts) {
      it(`has tended ${what}, or the next one does`, async () => {
        const action = keepMs === 0 ? 'tendForGood' : 'tend';
        const places = await whereIsIt(prepare, action, keepMs);
        assert.deepEqual(Object.keys(places), [place]);
      }).timeout(120_000);
    }
  });
}
