import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { say } from './say.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const macPaths = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function find(): string | undefined {
  const named = process.env['CHROMIUM'];
  if (named !== undefined && named !== '') return named;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  if (process.platform === 'darwin') candidates.push(...macPaths);
  return candidates.find(isExecutable);
}

/**
 * The path of a Chromium or Chrome: `CHROMIUM`, else the first in the PATH. Where there is none, root
 * on Debian gets it from apt; anybody else an error that says what to install.
 */
export function chromiumPath(): string {
  const found = find();
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    say('Installing chromium with apt-get …');
    const options = {
      stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    };
    spawnSync('apt-get', ['update', '-qq'], options);
    const install = ['install', '-y', '-qq', '--no-install-recommends', 'chromium'];
    spawnSync('apt-get', install, options);
    const installed = find();
    if (installed !== undefined) return installed;
  }
  throw new Error(
    'These tests click in a Chromium, and none was found. Install the package "chromium" ' +
      '(or Google Chrome), or set CHROMIUM to the path of one.',
  );
}

/** Starts a browser without a display; the scope ends it. */
export async function startChromium(scope: AsyncDisposableStack): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    // The scope is what answers signals.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  scope.defer(() => browser.close());
  return browser;
}
