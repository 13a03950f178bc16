/**
 * `npm start`: shows the extension, built from this checkout, in a VS Code that serves on 127.0.0.1,
 * on a sample storage that a real AFT fills. Ctrl-C ends everything.
 */
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { storageCandidates } from '../../src/store/candidates.ts';
import { findStorages } from '../../src/store/discovery.ts';
import { vscodeServerDirectory } from './cache.ts';
import { runProcess, startProcess } from './childProcess.ts';
import { editorEnvironment } from './environment.ts';
import { packageExtension } from './package.ts';
import { root } from './root.ts';
import { startSample, temporaryDirectory } from './sample.ts';
import { say } from './say.ts';
import { runInScope } from './scope.ts';
import { installExtension, quietSettings, startVscodeServer } from './vscodeServer.ts';

interface Options {
  readonly help: boolean;
  readonly storage: string | undefined;
  readonly port: number | undefined;
  readonly desktop: boolean;
}

/** What the window shows. */
interface Shown {
  /** The folder that is open. */
  readonly folder: string;
  /** Replaces discovery in the window's settings; absent where storages are discovered. */
  readonly storage: string | undefined;
}

const usage = `Usage: npm start [-- OPTIONS]

  --storage DIR   show that storage instead of a sample
  --port N        serve on that port; default: any free one
  --desktop       open a window of the installed \`code\` instead of serving
  -h, --help      print this`;

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      storage: { type: 'string' },
      port: { type: 'string' },
      desktop: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
    throw new Error(`${values.port ?? ''} is not a port.`);
  }
  // npm runs us in the checkout, and says where it was called.
  const calledFrom = process.env['INIT_CWD'] ?? process.cwd();
  const storage = values.storage === undefined ? undefined : resolve(calledFrom, values.storage);
  if (
    storage !== undefined &&
    statSync(storage, { throwIfNoEntry: false })?.isDirectory() !== true
  ) {
    throw new Error(`There is no directory ${storage}.`);
  }
  return { storage, port, desktop: values.desktop, help: values.help };
}

/** Rejects where a port can't be had, before minutes of building are spent on it. */
async function checkPort(port: number): Promise<void> {
  const probe = createServer();
  await new Promise<void>((done, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      reject(isTaken ? new Error(`Port ${port} is in use.`) : error);
    });
    probe.listen(port, '127.0.0.1', () => {
      probe.close(() => {
        done();
      });
    });
  });
}

/** Offers the storages of this machine, where there are any and somebody is there to answer. */
async function wantsOwnStorages(): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const candidates = storageCandidates({
    directories: [],
    environment: process.env,
    home: homedir(),
    platform: process.platform,
  });
  const places = await findStorages(candidates);
  const found = new Set(places.flatMap(({ storage }) => storage?.directory ?? []));
  if (found.size === 0) return false;
  say(`There are AFT tasks on this machine: ${[...found].join(', ')}`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const answer = await terminal.question('Show them instead of a sample? [y/N] ');
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

async function fillSample(scope: AsyncDisposableStack, directory: string): Promise<Shown> {
  say('Running the sample tasks …');
  const { projectDirectory, storageDirectory } = await startSample(scope, directory);
  return { folder: projectDirectory, storage: storageDirectory };
}

function settingsFor({ storage }: Shown): Record<string, unknown> {
  return {
    ...quietSettings,
    ...(storage !== undefined && { 'aftTasks.storageDirectories': [storage] }),
  };
}

const showView = join(import.meta.dirname, 'showView');

/** Serves a window until the server ends, or we are told to. */
async function serve(
  scope: AsyncDisposableStack,
  port: number | undefined,
  directory: string,
  choice: Promise<Shown>,
): Promise<number> {
  const dataDirectory = join(directory, 'server');
  cpSync(showView, join(dataDirectory, 'extensions', 'aft-task-explorer.show-view-1.0.0'), {
    recursive: true,
  });
  const install = async (): Promise<void> => {
    await vscodeServerDirectory();
    say('Building and installing the extension …');
    await installExtension(scope, dataDirectory, await packageExtension(scope));
  };
  const [shown] = await Promise.all([choice, install()]);
  const server = await startVscodeServer(scope, {
    dataDirectory,
    token: randomBytes(16).toString('hex'),
    ...(port !== undefined && { port }),
    environment: editorEnvironment(),
    settings: settingsFor(shown),
  });
  const address = server.address(shown.folder);
  console.log(`\nAFT Task Explorer is at\n\n  ${address}\n\nCtrl-C ends everything.`);
  await server.ended;
  throw new Error('The VS Code server has ended.');
}

/** Opens a window of the installed VS Code; resolves when it is closed. */
async function openDesktop(
  scope: AsyncDisposableStack,
  directory: string,
  shown: Shown,
): Promise<number> {
  const build = await runProcess(scope, process.execPath, ['esbuild.mjs'], { cwd: root });
  if (build.code !== 0) throw new Error(`The extension could not be built:\n${build.output}`);
  const userData = join(directory, 'window');
  mkdirSync(join(userData, 'User'), { recursive: true });
  writeFileSync(join(userData, 'User', 'settings.json'), JSON.stringify(settingsFor(shown)));
  const window = startProcess(
    scope,
    'code',
    [
      // Without it, `code` hands over to a process that we could not end.
      '--verbose',
      '--new-window',
      `--user-data-dir=${userData}`,
      `--extensions-dir=${join(directory, 'extensions')}`,
      '--disable-workspace-trust',
      `--extensionDevelopmentPath=${root}`,
      `--extensionDevelopmentPath=${showView}`,
      shown.folder,
    ],
    { env: editorEnvironment(), stdio: 'ignore', shell: process.platform === 'win32' },
  );
  return new Promise((done) => {
    window.once('error', () => {
      say(
        "There is no `code` in the PATH. In VS Code, run \"Shell Command: Install 'code' command " +
          'in PATH"; or leave --desktop out.',
      );
      done(1);
    });
    window.once('exit', (code) => {
      done(code ?? 0);
    });
    window.once('spawn', () => {
      say('A window of VS Code opens. Closing it, or Ctrl-C here, ends everything.');
    });
  });
}

async function main(scope: AsyncDisposableStack): Promise<number> {
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    console.log(usage);
    return 0;
  }
  try {
    if (options.port !== undefined) await checkPort(options.port);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }
  const { storage } = options;
  const own = storage === undefined && (await wantsOwnStorages());
  const directory = temporaryDirectory(scope);
  const choose = async (): Promise<Shown> => {
    if (storage !== undefined) return { folder: storage, storage };
    if (own) return { folder: homedir(), storage: undefined };
    return fillSample(scope, directory);
  };
  return options.desktop
    ? openDesktop(scope, directory, await choose())
    : serve(scope, options.port, directory, choose());
}

await runInScope(main, () => {
  say('\nEnding what was started …');
  return 0;
});
