import { cacheDirectory } from './cache.ts';

/** What npm, or an editor whose terminal we run in, has set for its own children. */
const ofParents = /^(VSCODE_|ELECTRON_|npm_|NODE_)/;

/** What tells an editor where this machine's AFT storages are. */
const ofStorages = /^(AFT_|XDG_(?!RUNTIME_DIR)|APPDATA$|LOCALAPPDATA$)/;

/** This process's environment. What is left out is there as `undefined`: `spawn` leaves that out. */
function without(...patterns: readonly RegExp[]): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).map(([name, value]) => [
    name,
    patterns.some((pattern) => pattern.test(name)) ? undefined : value,
  ]);
  return Object.fromEntries(entries) as NodeJS.ProcessEnv;
}

/** The environment for an editor that a person uses. */
export function editorEnvironment(): NodeJS.ProcessEnv {
  return without(ofParents);
}

/** The environment for an editor under test: nothing of this machine's storages is found from it. */
export function isolatedEnvironment(home: string, additions: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    ...without(ofParents, ofStorages),
    HOME: home,
    USERPROFILE: home,
    AFT_TASKS_CACHE: cacheDirectory(),
    ...additions,
  };
}
