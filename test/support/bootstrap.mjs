// The way in from a fresh clone: `node test/support/bootstrap.mjs MAIN.ts [ARGUMENTS]`.
// It needs nothing but Node 18 and npm. It installs the dependencies where they are not those of
// package-lock.json, then runs MAIN with the Node that came with them.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setInterval } from 'node:timers';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = join(root, 'node_modules');
const binaries = join(modules, '.bin');
const node = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const stamp = join(modules, '.installed-lock');
const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

function isInstalled() {
  return existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === lock;
}

/**
 * Runs a command to its end. A signal that we get is the command's to answer; so is the end of our
 * parent, since npm puts a shell between itself and us which passes no signal on.
 */
function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    const parent = process.ppid;
    setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 500).unref();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
      process.on(signal, () => child.kill(signal));
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
  });
}

if (!isInstalled()) {
  console.error('Installing the development dependencies (npm ci) …');
  // Not with the Node inside the very folder that npm is about to replace.
  const path = (process.env.PATH ?? '').split(delimiter).filter((entry) => entry !== binaries);
  const env = { ...process.env, PATH: path.join(delimiter) };
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const code = await run('npm', args, { env, shell: process.platform === 'win32' });
  if (code !== 0 || !existsSync(node)) {
    console.error('The dependencies could not be installed; npm says why above.');
    process.exit(code || 1);
  }
  writeFileSync(stamp, lock);
}

const env = { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ''}` };
process.exitCode = await run(node, process.argv.slice(2), { env });
