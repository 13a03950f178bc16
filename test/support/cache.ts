import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { say } from './say.ts';

/** Where downloads are kept, outside the checkout: `AFT_TASKS_CACHE`, else the user's cache folder. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env['AFT_TASKS_CACHE']) return env['AFT_TASKS_CACHE'];
  return join(userCacheDirectory(env), 'aft-task-explorer');
}

function userCacheDirectory(env: NodeJS.ProcessEnv): string {
  if (env['XDG_CACHE_HOME']) return env['XDG_CACHE_HOME'];
  if (process.platform === 'win32') {
    return env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local');
  }
  return join(homedir(), ...(process.platform === 'darwin' ? ['Library', 'Caches'] : ['.cache']));
}

const dayMs = 24 * 60 * 60 * 1000;

/**
 * The folder of a cache entry, made by `make` where it does not exist yet.
 *
 * `make` fills a folder of its own, which then gets the entry's name in one rename: an entry that
 * exists is whole. Where two runs make the same entry, the second one to finish drops its own.
 */
export async function cached(
  name: string,
  make: (directory: string) => Promise<void>,
  root: string = cacheDirectory(),
): Promise<string> {
  const entry = join(root, name);
  if (existsSync(entry)) return entry;
  await mkdir(root, { recursive: true });
  await removeStale(root);
  const temporary = await mkdtemp(join(root, `.tmp-${name}-`));
  try {
    await make(temporary);
    await rename(temporary, entry);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    // The rename also fails when another run was faster; its entry is as good as ours.
    if (!existsSync(entry)) throw error;
  }
  return entry;
}

/** Removes what runs that were cut off have left behind. */
async function removeStale(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith('.tmp-')) continue;
    const path = join(root, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > dayMs) await rm(path, { recursive: true, force: true });
  }
}

/** The releases of AFT that the tests drive: the current one, and the last with schema 1. */
export type AftVersion = '0.57.2' | '0.19.6';

/** The npm package with the binary for this machine; absent where AFT publishes none. */
export function aftPackage(): string | undefined {
  const target = `${process.platform}-${process.arch}`;
  const published = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'win32-x64'];
  return published.includes(target) ? `aft-${target}` : undefined;
}

/** The path of a real `aft` binary. Rejects where AFT publishes none for this platform. */
export async function aftBinary(version: AftVersion): Promise<string> {
  const name = aftPackage();
  if (name === undefined) {
    throw new Error(`AFT publishes no binary for ${process.platform}-${process.arch}.`);
  }
  const entry = await cached(`${name}-${version}`, async (directory) => {
    await npmInstall(directory, { [`@cortexkit/${name}`]: version }, `aft ${version}`);
  });
  const file = process.platform === 'win32' ? 'aft.exe' : 'aft';
  return join(entry, 'node_modules', '@cortexkit', name, 'bin', file);
}

const codeServerVersion = '4.139.1';

/** The folder of a VS Code server (1.139.1, the one inside code-server) with its web workbench. */
export async function vscodeServerDirectory(): Promise<string> {
  const server = join('node_modules', 'code-server', 'lib', 'vscode');
  const entry = await cached(`code-server-${codeServerVersion}`, async (directory) => {
    const what = `VS Code server ${codeServerVersion}`;
    await npmInstall(directory, { 'code-server': codeServerVersion }, `${what} (600 MB in all)`);
    // Without install scripts code-server leaves these two to us; none needs a compiler.
    const parts = {
      [server]: 'packages',
      [join(server, 'extensions')]: 'packages of its extensions',
    };
    for (const [folder, part] of Object.entries(parts)) {
      await npm(join(directory, folder), ['install', '--omit=dev'], `${what}: ${part}`);
    }
  });
  return join(entry, server);
}

async function npmInstall(
  directory: string,
  dependencies: Record<string, string>,
  what: string,
): Promise<void> {
  const manifest = { private: true, dependencies };
  await writeFile(join(directory, 'package.json'), JSON.stringify(manifest));
  await npm(directory, ['install'], what);
}

/** Runs npm without install scripts. Its output is shown only where it fails. */
async function npm(cwd: string, args: readonly string[], what: string): Promise<void> {
  say(`Fetching ${what} …`);
  const started = Date.now();
  const seconds = (): string => `${Math.round((Date.now() - started) / 1000)} s`;
  const waiting = setInterval(() => {
    say(`  still fetching ${what}, ${seconds()}`);
  }, 15_000);
  try {
    const all = [...args, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    // npm tells the scripts it runs where it is itself: the same npm, on this very Node.
    const self = process.env['npm_execpath'];
    const child = self?.endsWith('npm-cli.js')
      ? spawn(process.execPath, [self, ...all], { cwd })
      : spawn('npm', all, { cwd, shell: process.platform === 'win32' });
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr.on('data', (data: Buffer) => (output += data.toString()));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) {
      throw new Error(`npm could not fetch ${what} (exit code ${code ?? 'none'}):\n${output}`);
    }
  } finally {
    clearInterval(waiting);
  }
  say(`  fetched in ${seconds()}`);
}
