// Bundles the extension, its worker, the terminal and the public API's types into dist/.
//   node esbuild.mjs               with source maps
//   node esbuild.mjs --production  minified, without source maps: what the package ships
//   node esbuild.mjs --watch       again at each change, for F5
import { context } from 'esbuild';
import { copyFile, mkdir, rm } from 'node:fs/promises';

const production = process.argv.includes('--production');
const watch = process.argv.includes('--watch');

/** The lines that the problem matcher in .vscode/tasks.json reads. */
function print(severity, messages) {
  for (const { text, location } of messages) {
    console.error(`✘ [${severity}] ${text}`);
    if (location) console.error(`    ${location.file}:${location.line}:${location.column + 1}:`);
  }
}

const report = {
  name: 'report',
  setup(build) {
    build.onStart(() => {
      if (watch) console.log('[watch] build started');
    });
    build.onEnd(async ({ errors, warnings, metafile }) => {
      print('ERROR', errors);
      print('WARNING', warnings);
      for (const [file, { bytes }] of Object.entries(metafile?.outputs ?? {})) {
        if (file.endsWith('.js')) console.log(`${file}  ${(bytes / 1024).toFixed(1)} KiB`);
      }
      if (errors.length === 0) await copyFile('src/api.ts', 'dist/api.d.ts');
      if (watch) console.log('[watch] build finished');
    });
  },
};

/** The terminal is in a file of its own: it is large, and most windows never need it. */
const terminal = {
  name: 'terminal',
  setup(build) {
    build.onResolve({ filter: /^@xterm\/headless$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './xterm.js', external: true } : undefined,
    );
  },
};

if (production) await rm('dist', { recursive: true, force: true });
await mkdir('dist', { recursive: true });

const bundles = await context({
  entryPoints: {
    extension: 'src/extension.ts',
    worker: 'src/worker/main.ts',
    search: 'src/output/searchThread.ts',
    xterm: '@xterm/headless',
  },
  outdir: 'dist',
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node22',
  external: ['vscode'],
  minify: production,
  sourcemap: !production,
  metafile: true,
  legalComments: 'none',
  logLevel: 'silent',
  plugins: [terminal, report],
});

if (watch) {
  await bundles.watch();
} else {
  try {
    await bundles.rebuild();
  } catch {
    process.exitCode = 1; // the errors are already on the screen
  }
  await bundles.dispose();
}
