// Bundles the extension, its worker, the terminal and the public API's types into dist/.
//   node esbuild.mjs               with source maps
//   node esbuild.mjs --production  minified, without source maps: what the package ships
//   node esbuild.mjs --watch       again at each change, for F5
import { context } from 'esbuild';
import { readdirSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';

const production = process.argv.includes('--production');
const watch = process.argv.includes('--watch');

/** The lines that the problem matcher in .vscode/tasks.json reads. */
function print(severity, messages) {
  for (const { text, location } of messages) {
    console.error(`✘ [${severity}] ${text}`);
    if (location) console.error(`    ${location.file}:${location.line}:${location.column + 1}:`);
  }
}

/** Who has the copyright of a package that comes without its licence's text, which is MIT's as ours. */
const copyrights = {
  '@xterm/headless': `Copyright (c) 2017-2019, The xterm.js authors (https://github.com/xtermjs/xterm.js)
Copyright (c) 2014-2016, SourceLair Private Company (https://www.sourcelair.com)
Copyright (c) 2012-2013, Christopher Jeffrey (https://github.com/chjj/)
Copyright (c) Microsoft Corporation (parts that come from VS Code)`,
};

async function licenceOf(name, directory) {
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
  if (file !== undefined) return await readFile(`${directory}/${file}`, 'utf8');
  if (!(name in copyrights)) throw new Error(`${name} comes without the text of its licence.`);
  const own = await readFile('LICENSE', 'utf8');
  return `${copyrights[name]}\n\n${own.slice(own.indexOf('Permission is hereby granted'))}`;
}

/** The licences of the packages whose files are in the bundles: minifying takes them out of there. */
async function notices(inputs) {
  const packages = new Set(
    inputs.flatMap((file) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []),
  );
  const parts = [...packages].sort().map(async (directory) => {
    const { name, version, license } = JSON.parse(
      await readFile(`${directory}/package.json`, 'utf8'),
    );
    const text = await licenceOf(name, directory);
    return `${name} ${version} (${license})\n\n${text.trim()}\n`;
  });
  return (await Promise.all(parts)).join(`\n${'-'.repeat(72)}\n\n`);
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
      if (errors.length === 0) {
        await copyFile('src/api.ts', 'dist/api.d.ts');
        await writeFile('dist/ThirdPartyNotices.txt', await notices(Object.keys(metafile.inputs)));
      }
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
    search: 'src/output/search/searchThread.ts',
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
