import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import * as vscode from 'vscode';
import { outputUri } from '../../../src/vscode/uris.ts';
import { api, running, setSetting, showStorage, taskWhere } from '../../host/fixture.ts';
import { writeTaskFixture, type FixtureTask } from '../../support/taskFixture.ts';
import type { EditorFigures } from '../editor.ts';
import { makeStorage } from '../storageFixture.ts';

const taskCount = 10_000;
/** About as long as the scan of so many takes. */
const scanMs = 300;
const liveWindow = 256 * 1024;
const appendEveryMs = 250;
const appendBytes = 8 * 1024;
const writeSeconds = 10;
const lookEveryMs = 20;

/** What VS Code calls inside the extension host: measures, and writes what it found to a file. */
export async function run(): Promise<void> {
  const result = process.env['BENCH_RESULT'];
  if (result === undefined) throw new Error('BENCH_RESULT is not set.');
  const storage = await showStorage();
  const figures: EditorFigures = {
    ...(await stalls(storage.directory)),
    appendMs: await appends(storage.directory),
    ...(await follow(storage.directory)),
  };
  writeFileSync(result, JSON.stringify(figures));
  await storage.remove();
}

/**
 * The extension host's longest stall while it comes to show ten thousand tasks, the view on screen,
 * and, right before, over the same steps for a storage that is not there: what VS Code and the
 * machine add by themselves.
 */
async function stalls(directory: string): Promise<{ stallsMs: number[]; idleStallsMs: number[] }> {
  const { refresh } = await api();
  await vscode.commands.executeCommand('aftTasks.explorer.focus');
  const storage = join(directory, 'large');
  mkdirSync(storage);
  const fixture = makeStorage(storage, taskCount);
  const stallsMs: number[] = [];
  const idleStallsMs: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    await showAlone(join(directory, 'none'));
    await refresh();
    await sleep(1000);
    idleStallsMs.push(
      await longestStall(async () => {
        await showAlone(join(directory, 'no other'));
        await sleep(scanMs);
      }),
    );
    stallsMs.push(
      await longestStall(async () => {
        const shown = taskCountIs(taskCount);
        await showAlone(storage);
        await shown;
      }),
    );
  }
  fixture.end();
  rmSync(storage, { recursive: true });
  await showAlone(directory);
  return { stallsMs, idleStallsMs };
}

async function showAlone(directory: string): Promise<void> {
  await setSetting('storageDirectories', [directory]);
}

async function longestStall(work: () => Promise<void>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await work();
  // VS Code asks for the rows a little later.
  await sleep(1000);
  delay.disable();
  return delay.max / 1e6;
}

/** Resolves when the explorer has so many tasks, from none. Asking for all of them at each change would stall by itself. */
async function taskCountIs(count: number): Promise<void> {
  const { onDidChangeTasks } = await api();
  let known = 0;
  await new Promise<void>((resolve) => {
    const listener = onDidChangeTasks(({ added, removed }) => {
      known += added.length - removed.length;
      if (known < count) return;
      listener.dispose();
      resolve();
    });
  });
}

function line(text: string): string {
  return `${text} ${'x'.repeat(99 - text.length)}\n`;
}

async function openRunning(
  storage: string,
  stdout: string,
): Promise<{ task: FixtureTask; document: vscode.TextDocument }> {
  const task = writeTaskFixture({ storage, record: running, stdout });
  await taskWhere(task.key);
  const { document } = await vscode.window.showTextDocument(outputUri(task.key, 'stdout'));
  return { task, document };
}

function hasLine(document: vscode.TextDocument, text: string): boolean {
  return document.lineAt(Math.max(0, document.lineCount - 2)).text.startsWith(`${text} `);
}

/** From the write until the editor's document has the text, while the window fills twice. */
async function appends(storage: string): Promise<number[]> {
  const { task, document } = await openRunning(storage, line('first').repeat(liveWindow / 100));
  const times: number[] = [];
  const count = Math.ceil((liveWindow * 1.5) / appendBytes);
  for (let at = 0; at < count; at += 1) {
    const marker = `append-${at}`;
    const began = performance.now();
    const arrived = new Promise<void>((resolve) => {
      const listener = vscode.workspace.onDidChangeTextDocument(() => {
        if (!hasLine(document, marker)) return;
        listener.dispose();
        resolve();
      });
    });
    appendFileSync(task.paths.stdout, line(marker).repeat(Math.floor(appendBytes / 101)));
    await arrived;
    times.push(performance.now() - began);
    await sleep(Math.max(0, appendEveryMs - (performance.now() - began)));
  }
  return times;
}

/** How old the last line is that the document of a fast writer has, looked at again and again. */
async function follow(
  storage: string,
): Promise<{ behindMs: number[]; writtenMiB: number; memoryMiB: number }> {
  const { task, document } = await openRunning(storage, line('first'));
  const memory = process.memoryUsage.rss();
  const writer = spawn(process.execPath, ['-e', writerScript(task.paths.stdout)], {
    stdio: 'ignore',
  });
  const exited = once(writer, 'exit');
  const behindMs: number[] = [];
  const end = performance.now() + writeSeconds * 1000;
  while (performance.now() < end) {
    const written = Number(document.lineAt(Math.max(0, document.lineCount - 2)).text.split(' ')[0]);
    if (written > 0) behindMs.push(Date.now() - written);
    await sleep(lookEveryMs);
  }
  const memoryMiB = (process.memoryUsage.rss() - memory) / 1024 / 1024;
  await exited;
  const { size } = await vscode.workspace.fs.stat(vscode.Uri.file(task.paths.stdout));
  return { behindMs, writtenMiB: size / 1024 / 1024, memoryMiB };
}

/** Writes 32 MiB a second, each line with the time when it was written. */
function writerScript(path: string): string {
  return `
    const { openSync, writeSync } = require('node:fs');
    const fd = openSync(${JSON.stringify(path)}, 'a');
    const end = Date.now() + ${writeSeconds * 1000};
    const write = () => {
      const now = Date.now();
      if (now >= end) return;
      writeSync(fd, (now + ' ' + 'x'.repeat(86) + '\\n').repeat(Math.round(32 * 1048576 / 20 / 101)));
      setTimeout(write, Math.max(0, 50 - (Date.now() - now)));
    };
    write();`;
}

async function sleep(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
