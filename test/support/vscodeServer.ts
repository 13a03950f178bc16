import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { vscodeServerDirectory } from './cache.ts';
import { runProcess, startProcess } from './childProcess.ts';

const readyTimeoutMs = 60_000;

/** User settings that keep a window to its purpose: no welcome, no assistant, nothing asked of the net. */
export const quietSettings = {
  'chat.disableAIFeatures': true,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
} as const;

export interface ServerOptions {
  /** Where the server keeps extensions, settings and logs. */
  readonly dataDirectory: string;
  /** The connection token; without one anybody on this machine can connect: for tests only. */
  readonly token?: string;
  /** Default: any free port. */
  readonly port?: number;
  /** The whole environment of the server, its extension host and its terminals. */
  readonly environment: NodeJS.ProcessEnv;
  /** User settings. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Lets the address name an extension under development and its tests. */
  readonly testDriver?: boolean;
}

export interface VscodeServer {
  readonly port: number;
  /** The address of a window on a folder. `payload`: what only a test driver may say. */
  address(folder: string, payload?: Readonly<Record<string, string>>): string;
  /** Resolves when the server has ended. */
  readonly ended: Promise<void>;
}

async function serverMain(): Promise<string> {
  return join(await vscodeServerDirectory(), 'out', 'server-main.js');
}

/** Where a server reads the user's settings. It notices when they change. */
export function userSettingsFile(dataDirectory: string): string {
  return join(dataDirectory, 'data', 'User', 'settings.json');
}

/** Starts a VS Code server with its web workbench on 127.0.0.1; the scope ends it. */
export async function startVscodeServer(
  scope: AsyncDisposableStack,
  options: ServerOptions,
): Promise<VscodeServer> {
  const {
    dataDirectory,
    token,
    port = 0,
    environment,
    settings = {},
    testDriver = false,
  } = options;
  const settingsFile = userSettingsFile(dataDirectory);
  mkdirSync(join(settingsFile, '..'), { recursive: true });
  writeFileSync(settingsFile, JSON.stringify(settings, undefined, 2));
  /** Other users of the machine see a process's arguments, and whoever has the token is the user. */
  const keep = (secret: string): string => {
    const file = join(dataDirectory, 'token');
    writeFileSync(file, secret, { mode: 0o600 });
    return file;
  };
  const args = [
    await serverMain(),
    '--host=127.0.0.1',
    `--port=${port}`,
    ...(token === undefined
      ? ['--without-connection-token']
      : [`--connection-token-file=${keep(token)}`]),
    ...(testDriver ? ['--enable-smoke-test-driver'] : []),
    '--accept-server-license-terms',
    '--disable-workspace-trust',
    '--disable-telemetry',
    `--server-data-dir=${dataDirectory}`,
  ];
  const child = startProcess(scope, process.execPath, args, {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  const listening = await new Promise<number>((resolve, reject) => {
    let output = '';
    const fail = (what: string): void => {
      reject(new Error(`The VS Code server ${what}:\n${output}`));
    };
    const timer = setTimeout(fail, readyTimeoutMs, `was not ready in ${readyTimeoutMs / 1000} s`);
    const read = (data: Buffer): void => {
      output += data.toString();
      // The server says so, and goes on without listening.
      if (output.includes('EADDRINUSE')) {
        clearTimeout(timer);
        reject(new Error(`Port ${port} is in use.`));
      }
      const match = /agent listening on (\d+)/.exec(output);
      if (match === null) return;
      clearTimeout(timer);
      resolve(Number(match[1]));
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`ended with code ${code ?? 'none'}`);
    });
  });
  return {
    port: listening,
    ended,
    address: (folder, payload) => {
      const query = new URLSearchParams({
        ...(token !== undefined && { tkn: token }),
        folder,
        ...(payload && { payload: JSON.stringify(Object.entries(payload)) }),
      });
      return `http://127.0.0.1:${listening}/?${query.toString()}`;
    },
  };
}

/** Installs a packaged extension into a server's folder. */
export async function installExtension(
  scope: AsyncDisposableStack,
  dataDirectory: string,
  vsix: string,
): Promise<void> {
  const args = [
    await serverMain(),
    '--accept-server-license-terms',
    `--server-data-dir=${dataDirectory}`,
    `--install-extension=${vsix}`,
  ];
  const { code, output } = await runProcess(scope, process.execPath, args, { env: process.env });
  if (code !== 0 || !output.includes('was successfully installed')) {
    throw new Error(`${vsix} could not be installed (exit code ${code}):\n${output}`);
  }
}
