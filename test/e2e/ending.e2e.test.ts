import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundlePaths, hashSession, type TaskPaths } from '../../src/persistence/paths.ts';
import { readTask } from '../../src/persistence/taskFile.ts';
import { endGroup, live } from '../contract/place.ts';
import { AftClient } from '../support/aftClient.ts';
import { aftBinary } from '../support/cache.ts';
import { temporaryDirectory } from '../support/sample.ts';
import type { Sample } from '../support/sampleTasks.ts';
import { openWindow, pictureFailure } from './window.ts';
import type { Workbench } from './workbench.ts';

/** A task of the AFT that this test has started; its row begins with the name. */
interface StartedTask {
  readonly name: string;
  readonly taskId: string;
  readonly paths: TaskPaths;
  readonly pgid: number;
}

/** What ends, deletes and marks tasks, clicked as a person does, on tasks of an AFT that runs. */
describe('Tasks that are ended, deleted and marked', () => {
  const scope = new AsyncDisposableStack();
  let workbench: Workbench;
  let sample: Sample;
  let project: string;
  let home: string;
  let aft: AftClient;
  let sessionId: string;
  let sessions = 0;
  let tasks: StartedTask[] = [];

  before(async () => {
    ({ workbench, sample } = await openWindow(scope));
    home = temporaryDirectory(scope);
    project = join(temporaryDirectory(scope), 'ending');
    mkdirSync(project);
  });

  after(async () => {
    await scope.disposeAsync();
  });

  beforeEach(async () => {
    sessionId = `ses_ending_${(sessions += 1)}`;
    tasks = [];
    aft = new AftClient(await aftBinary('0.57.2'), { cwd: project, home });
    const { storageDirectory } = sample;
    await aft.configure({ sessionId, projectRoot: project, storageDirectory });
  });

  afterEach(async function () {
    await pictureFailure(workbench, this.currentTest);
    for (const key of ['Escape', 'Escape']) await workbench.page.keyboard.press(key);
    await workbench.runCommand('Notifications: Clear All Notifications');
    await aft.close('SIGKILL');
    for (const { paths, pgid } of tasks) {
      endGroup(pgid);
      rmSync(paths.sessionDir, { recursive: true, force: true });
    }
    await workbench.row(sessionId).waitFor({ state: 'detached' });
  });

  /** A task that goes on until `<name>.end` is in the project. */
  async function start(name: string): Promise<StartedTask> {
    const script = `echo ${name}; while [ ! -e ${name}.end ]; do sleep 0.1; done`;
    writeFileSync(join(project, `${name}.sh`), script);
    rmSync(join(project, `${name}.end`), { force: true });
    const taskId = await aft.start({ sessionId, command: `sh ${name}.sh` });
    const tasksDirectory = join(sample.storageDirectory, 'opencode', 'bash-tasks');
    const paths = bundlePaths(join(tasksDirectory, hashSession(sessionId)), taskId, 'directory');
    const pgid = await workbench.until(() => Promise.resolve(readTask(paths).pgid), 'no process');
    const task = { name, taskId, paths, pgid };
    tasks.push(task);
    return task;
  }

  async function end({ name, taskId }: StartedTask): Promise<void> {
    writeFileSync(join(project, `${name}.end`), '');
    await aft.ended(sessionId, taskId);
  }

  /** Resolves when the task's row says this. */
  async function says({ name }: StartedTask, words: string): Promise<void> {
    const shown = workbench.row(new RegExp(`sh ${name}\\.sh.*${words}`));
    await shown.waitFor({ timeout: 40_000 });
  }

  /** The ids of the tasks whose end AFT has still to tell its agent. */
  async function undelivered(): Promise<string[]> {
    const answer = await aft.send('bash_drain_completions', { sessionId, params: {} });
    const completions = (answer['bg_completions'] ?? []) as { task_id: string }[];
    return completions.map(({ task_id }) => task_id).sort();
  }

  it('Don’t Notify the Agent: its agent is not told of the end', async () => {
    const [quiet, told] = [await start('quiet-one'), await start('told-one')];
    await says(quiet, 'running');
    await workbench.contextMenu('sh quiet-one.sh', "Don't Notify the Agent");
    await workbench.notification(/ends without a message to its agent/);
    await workbench.screenshot('stop-notifying');
    for (const task of [quiet, told]) await end(task);
    await says(told, '●');
    await workbench.row(/sh quiet-one\.sh(?!.*(running|●))/).waitFor();
    assert.deepEqual(await undelivered(), [told.taskId]);
    assert.equal(readTask(quiet.paths).completionDelivered, true);
  });

  it('Kill All Running Tasks: one question with a count, and AFT says that they are killed', async () => {
    const running = [await start('serve-one'), await start('serve-two')];
    for (const task of running) await says(task, 'running');
    await workbench.contextMenu(sessionId, 'Kill All Running Tasks…');
    const dialog = workbench.page.locator('.monaco-dialog-box');
    await dialog.waitFor();
    await workbench.screenshot('kill-all-question');
    assert.match(await workbench.answerDialog('Kill'), /Kill 2 running tasks\?/);
    await workbench.notification(/2 tasks killed/);
    for (const task of running) {
      await says(task, 'killed');
      assert.equal(live(task.pgid), 0);
      assert.equal((await aft.status(sessionId, task.taskId))['status'], 'killed');
    }
    await workbench.screenshot('killed-all');
  });

  it('Mark All as Delivered: an AFT that is started later tells its agent of none', async () => {
    const ended = [await start('report-one'), await start('report-two')];
    for (const task of ended) await says(task, 'running');
    for (const task of ended) await end(task);
    for (const task of ended) await says(task, '●');
    await workbench.contextMenu(sessionId, 'Mark All as Delivered');
    await workbench.notification(/2 tasks marked as delivered/);
    await workbench.screenshot('marked-all');
    for (const { paths } of ended) assert.equal(readTask(paths).completionDelivered, true);
    await workbench.row(/sh report-two\.sh(?!.*●)/).waitFor();
    const tooltip = await workbench.tooltip('sh report-two.sh');
    assert.match(tooltip, /Kept: +until .*, then AFT removes it when it runs/);
    await workbench.screenshot('kept-until');
    await workbench.page.keyboard.press('Escape');
    await aft.close('SIGKILL');
    aft = new AftClient(await aftBinary('0.57.2'), { cwd: project, home });
    const { storageDirectory } = sample;
    await aft.configure({ sessionId, projectRoot: project, storageDirectory });
    assert.deepEqual(await undelivered(), []);
  });

  it('Delete Finished Tasks: one question, and Undo on the message brings all of them back', async () => {
    const ended = [await start('done-one'), await start('done-two')];
    const goesOn = await start('goes-on');
    for (const task of ended) await end(task);
    for (const task of ended) await says(task, '●');
    const before = ended.map(({ paths }) => readTask(paths));
    await workbench.contextMenu(sessionId, 'Delete Finished Tasks…');
    await workbench.page.locator('.monaco-dialog-box').waitFor();
    await workbench.screenshot('delete-finished-question');
    const question = await workbench.answerDialog('Delete');
    assert.match(question, /Delete 2 tasks\?/);
    assert.match(question, /The agent has not been told yet of the end of 2 of them/);
    await workbench.notification(/2 tasks are deleted/);
    for (const { name } of ended) {
      await workbench.row(`sh ${name}.sh`).waitFor({ state: 'detached' });
    }
    await workbench.row('sh goes-on.sh').waitFor();
    for (const { paths } of ended) assert.equal(existsSync(paths.json), false);
    await workbench.screenshot('deleted-finished');
    await workbench.answerNotification(/2 tasks are deleted/, 'Undo');
    await workbench.listedNotification(/2 tasks are back/);
    for (const task of ended) await says(task, '●');
    assert.deepEqual(
      ended.map(({ paths }) => readTask(paths)),
      before,
    );
    assert.equal(readTask(goesOn.paths).status, 'running');
  });

  it('Delete Finished Tasks from the palette, by session; Empty Trash asks with a count', async () => {
    const task = await start('old-one');
    await says(task, 'running');
    await end(task);
    await says(task, '●');
    await workbench.runCommand('AFT Tasks: Delete Finished Tasks…');
    await workbench.typeInto('Delete finished tasks', sessionId);
    await workbench.quickPickRows().filter({ hasText: sessionId }).first().waitFor();
    await workbench.screenshot('delete-finished-list');
    await workbench.quickPickRows().filter({ hasText: sessionId }).first().click();
    assert.match(await workbench.answerDialog('Delete'), /Delete “sh old-one\.sh”\?/);
    await workbench.row('sh old-one.sh').waitFor({ state: 'detached' });
    await workbench.runCommand('AFT Tasks: Empty Trash…');
    await workbench.page.locator('.monaco-dialog-box').waitFor();
    await workbench.screenshot('empty-trash-question');
    assert.match(await workbench.answerDialog('Empty Trash'), /in the trash for good\?/);
    await workbench.notification(/removed for good/);
    await workbench.runCommand('AFT Tasks: Undo Delete…');
    await workbench.notification(/The trash is empty: no task can be brought back/);
  });

  it('Record as Ended: a task whose process and whose AFT are gone', async () => {
    const lost = await start('lost-one');
    await says(lost, 'running');
    await aft.close('SIGKILL');
    endGroup(lost.pgid);
    await says(lost, 'process gone');
    await workbench.screenshot('process-gone');
    await workbench.inlineAction('sh lost-one.sh', 'Record as Ended');
    await workbench.notification(/has ended.*recorded from here/);
    await says(lost, 'end not recorded');
    await workbench.screenshot('recorded-ended');
    assert.equal(readTask(lost.paths).status, 'fate_unknown');
    aft = new AftClient(await aftBinary('0.57.2'), { cwd: project, home });
    const { storageDirectory } = sample;
    await aft.configure({ sessionId, projectRoot: project, storageDirectory });
    assert.equal((await aft.status(sessionId, lost.taskId))['status'], 'fate_unknown');
  });
});
