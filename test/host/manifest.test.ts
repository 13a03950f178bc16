import * as assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { commandIds } from '../../src/commands/commandTable.ts';
import { explorerViewId, explorerStates } from '../../src/explorer/explorerView.ts';
import { itemFlags } from '../../src/explorer/items.ts';
import { numberLimits, settingKeys } from '../../src/vscode/settings.ts';
import { outputLanguage, outputScheme } from '../../src/vscode/uris.ts';

interface Entry {
  readonly command?: string;
  readonly submenu?: string;
  readonly when?: string;
  readonly group?: string;
}

interface Manifest {
  readonly main: string;
  readonly types: string;
  readonly browser?: string;
  readonly extensionKind: readonly string[];
  readonly capabilities: Readonly<Record<string, { readonly supported: string }>>;
  readonly icon: string;
  readonly engines: { readonly vscode: string };
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly activationEvents: readonly string[];
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly category: string }[];
    readonly languages: readonly { readonly id: string }[];
    readonly configurationDefaults: Readonly<Record<string, unknown>>;
    readonly submenus: readonly { readonly id: string }[];
    readonly menus: Readonly<Record<string, readonly Entry[]>>;
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
    readonly viewsContainers: { readonly activitybar: readonly { readonly id: string }[] };
    readonly viewsWelcome: readonly { view: string; contents: string; when: string }[];
    readonly configuration: {
      readonly properties: Readonly<
        Record<string, { readonly minimum?: number; readonly maximum?: number }>
      >;
    };
  };
}

const extension = vscode.extensions.getExtension('aft-task-explorer.aft-task-explorer')!;
const root = extension.extensionPath;
const source = readFileSync(join(root, 'package.json'), 'utf8');
const manifest = JSON.parse(source) as Manifest;
const nls = JSON.parse(readFileSync(join(root, 'package.nls.json'), 'utf8')) as object;
const { contributes } = manifest;

describe('package.json and the code', () => {
  it('name the same commands', () => {
    assert.deepEqual(
      contributes.commands.map(({ command }) => command).sort(),
      commandIds.map((id) => `aftTasks.${id}`).sort(),
    );
  });

  it('name the same settings', () => {
    assert.deepEqual(
      Object.keys(contributes.configuration.properties).sort(),
      settingKeys.map((key) => `aftTasks.${key}`).sort(),
    );
  });

  it('agree on the limits of numbers', () => {
    for (const key of settingKeys) {
      const { minimum, maximum } = contributes.configuration.properties[`aftTasks.${key}`]!;
      assert.deepEqual([minimum, maximum], [...(numberLimits[key] ?? [undefined, undefined])], key);
    }
  });

  it('name the same view', () => {
    assert.deepEqual(
      Object.values(contributes.views)
        .flat()
        .map(({ id }) => id),
      [explorerViewId],
    );
    for (const { view } of contributes.viewsWelcome) assert.equal(view, explorerViewId);
    assert.deepEqual(
      Object.keys(contributes.views),
      contributes.viewsContainers.activitybar.map(({ id }) => id),
    );
  });

  it('have a welcome for each state without rows, and no other', () => {
    const welcomed = contributes.viewsWelcome.map(({ when }) => /== (\w+)/.exec(when)?.[1]);
    const silent = ['tasks', 'loading'];
    assert.deepEqual(
      welcomed.sort(),
      explorerStates.filter((state) => !silent.includes(state)).sort(),
    );
  });

  it('speak of the same rows in menus', () => {
    const asked = [...source.matchAll(/viewItem =~ \/\\\\b(\w+)\\\\b\//g)].map(([, flag]) => flag!);
    assert.ok(asked.length > 0);
    const known: readonly string[] = [...itemFlags, 'session'];
    for (const flag of asked) assert.ok(known.includes(flag), flag);
  });

  it('use in menus and welcomes only commands that exist', () => {
    const known = new Set<string>(commandIds.map((id) => `aftTasks.${id}`));
    for (const { command, submenu } of Object.values(contributes.menus).flat()) {
      if (submenu === undefined) assert.ok(known.has(command!), command);
    }
    for (const [, command] of JSON.stringify(nls).matchAll(/\(command:([\w.]+)\)/g)) {
      assert.ok(known.has(command!), command);
    }
  });

  it('use every submenu that they declare, and fill it', () => {
    const declared = contributes.submenus.map(({ id }) => id).sort();
    const used = Object.values(contributes.menus)
      .flat()
      .flatMap(({ submenu }) => submenu ?? []);
    assert.deepEqual([...new Set(used)].sort(), declared);
    for (const id of declared) assert.ok((contributes.menus[id] ?? []).length > 1, id);
  });

  it('show two inline actions at most on any row', () => {
    const inline = contributes.menus['view/item/context']!.filter(({ group }) =>
      group?.startsWith('inline'),
    );
    const flagsOf = (entry: Entry): string => /\\b(\w+)\\b/.exec(entry.when!)![1]!;
    // Kill, record and delete exclude each other: orphans can't be killed, and what can be killed is
    // not deleted inline. What has ended can perhaps be delivered.
    assert.deepEqual(inline.map(flagsOf).sort(), [
      'deletable',
      'deliverable',
      'killable',
      'orphan',
    ]);
    const remove = inline.find(({ command }) => command === 'aftTasks.delete');
    assert.match(remove?.when ?? '', /!\(viewItem =~ \/\\bkillable\\b\/\)/);
  });

  it('keep what others rely on: where, when and from which VS Code on the extension runs', () => {
    const { main, types, browser, engines, extensionKind, activationEvents } = manifest;
    assert.deepEqual(
      { main, types, browser, engines, extensionKind, activationEvents },
      {
        main: './dist/extension.js',
        types: './dist/api.d.ts',
        browser: undefined,
        engines: { vscode: '^1.101.0' },
        extensionKind: ['workspace'],
        activationEvents: ['onStartupFinished', `onFileSystem:${outputScheme}`],
      },
    );
    const { untrustedWorkspaces, virtualWorkspaces } = manifest.capabilities;
    assert.equal(untrustedWorkspaces?.supported, 'limited');
    assert.equal(virtualWorkspaces?.supported, 'limited');
  });

  it('have every command in the palette, under one category', () => {
    for (const { command, category } of contributes.commands) {
      assert.equal(category, '%category%', command);
    }
    const hidden = contributes.menus['commandPalette']!.map(({ command }) => command);
    // The other face of toggleFollow's button.
    assert.deepEqual(hidden, ['aftTasks.pauseFollow']);
  });

  it('agree on the scheme of output documents', () => {
    assert.ok(manifest.activationEvents.includes(`onFileSystem:${outputScheme}`));
    for (const { when = '' } of Object.values(contributes.menus).flat()) {
      const [, scheme] = /resourceScheme == ([\w-]+)/.exec(when) ?? [];
      if (scheme !== undefined) assert.equal(scheme, outputScheme);
    }
  });

  it('agree on the language of output documents', () => {
    assert.deepEqual(
      contributes.languages.map(({ id }) => id),
      [outputLanguage],
    );
    assert.deepEqual(Object.keys(contributes.configurationDefaults), [`[${outputLanguage}]`]);
  });

  it('have a text for every placeholder, and no text besides', () => {
    const used = [...source.matchAll(/"%([\w.]+)%"/g)].map(([, name]) => name!);
    assert.deepEqual([...new Set(used)].sort(), Object.keys(nls).sort());
  });

  it('have every file that the manifest names', () => {
    for (const [, file] of source.matchAll(/"((?:\.\/)?(?:media|dist)\/[\w./-]+)"/g)) {
      assert.ok(existsSync(join(root, file!)), file);
    }
  });

  it('ship the licence of every package that is in the bundles', () => {
    const notices = readFileSync(join(root, 'dist', 'ThirdPartyNotices.txt'), 'utf8');
    for (const [name, version] of Object.entries(manifest.dependencies)) {
      assert.ok(notices.includes(`${name} ${version} (`), name);
    }
    for (const part of notices.split(/^-{72}$/m)) {
      assert.match(part, /Copyright[^]*Permission is hereby granted/i);
    }
  });

  it('pin every dependency exactly, and VS Code’s types to the oldest VS Code', () => {
    const versions = { ...manifest.dependencies, ...manifest.devDependencies };
    for (const [name, version] of Object.entries(versions)) assert.match(version, /^\d/, name);
    assert.equal(`^${manifest.devDependencies['@types/vscode']!}`, manifest.engines.vscode);
  });
});
