/**
 * Stands in for the desktop VS Code in `@vscode/test-electron`: takes its arguments, runs the tests in
 * the extension host of a VS Code server whose workbench a headless Chromium shows, prints what the
 * tests print, and exits with their result. All that the window logs is in `window.log` of the user
 * data folder.
 */
import { createWriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { format, parseArgs } from 'node:util';
import { startChromium } from './chromium.ts';
import { say } from './say.ts';
import { runInScope } from './scope.ts';
import { testLinePrefix } from '../host/testLine.ts';
import { quietSettings, startVscodeServer } from './vscodeServer.ts';

/** A window that hangs tells no test's end any more: how long all may take, nobody knows. */
const silenceMs = 300_000;

await runInScope(async (scope) => {
  const { values, positionals } = parseArgs({
    strict: false,
    allowPositionals: true,
    options: {
      extensionDevelopmentPath: { type: 'string' },
      extensionTestsPath: { type: 'string' },
      'user-data-dir': { type: 'string' },
    },
  });
  const argument = (name: string): string => {
    const value = values[name];
    if (typeof value !== 'string') throw new Error(`--${name}= is missing.`);
    return resolve(value);
  };
  const dataDirectory = argument('user-data-dir');
  const server = await startVscodeServer(scope, {
    dataDirectory,
    settings: quietSettings,
    environment: process.env,
    testDriver: true,
  });
  const browser = await startChromium(scope);
  const log = createWriteStream(join(dataDirectory, 'window.log'));
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const exit = new Promise<number>((done, fail) => {
    const timer = setTimeout(() => {
      fail(new Error(`The tests have said nothing for ${silenceMs / 1000} s.`));
    }, silenceMs);
    scope.defer(() => {
      clearTimeout(timer);
    });
    page.once('crash', () => {
      fail(new Error('The workbench crashed.'));
    });
    // The two names that the workbench looks for when it is told to run tests.
    const functions = [
      page.exposeFunction('codeAutomationLog', (type: string, args: unknown[]) => {
        const text = format(...args);
        if (text.startsWith(testLinePrefix)) {
          timer.refresh();
          process.stdout.write(`${text.slice(testLinePrefix.length)}\n`);
        } else {
          log.write(`${type}: ${text}\n`);
        }
      }),
      page.exposeFunction('codeAutomationExit', (code: number) => {
        done(code);
      }),
    ];
    const remote = (path: string): string => `vscode-remote://127.0.0.1:${server.port}${path}`;
    const payload = {
      extensionDevelopmentPath: remote(argument('extensionDevelopmentPath')),
      extensionTestsPath: remote(argument('extensionTestsPath')),
      skipWelcome: 'true',
    };
    Promise.all(functions)
      .then(() => page.goto(server.address(resolve(positionals[0] ?? '.'), payload)))
      .catch(fail);
  });
  const code = await exit;
  if (code !== 0) say(`The tests ended with code ${code}. The window's log: ${String(log.path)}`);
  return code;
});
