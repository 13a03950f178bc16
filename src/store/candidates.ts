import { posix, win32 } from 'node:path';

/** A place where a storage may be. */
export interface Candidate {
  /** Absolute. */
  readonly path: string;
  /** What names it: a setting, an environment variable, or a default. In words for the user. */
  readonly origin: string;
  /** A root of the plugins' old days, from which newer versions copy their tasks. */
  readonly legacy: boolean;
}

/** What names the places where storages may be. */
export interface Surroundings {
  /** The setting `aftTasks.storageDirectories`. */
  readonly directories: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly platform: NodeJS.Platform;
}

/**
 * Where storages may be, best first. The rungs are those of AFT's own ladder (AFT 0.57.2), then
 * 0.19.6's cache, then the legacy roots; AFT takes the first rung, but the agent's environment is
 * not the editor's, so each rung counts. A setting that names directories replaces the ladder.
 */
export function storageCandidates(surroundings: Surroundings): Candidate[] {
  const { directories, environment, home, platform } = surroundings;
  const path = platform === 'win32' ? win32 : posix;
  const absolute = (text: string): string => {
    const tail = /^~(?:$|[/\\])/.test(text) ? text.slice(1).replace(/^[/\\]+/, '') : text;
    return path.resolve(home, tail);
  };
  const variable = (name: string): string | undefined => nonEmpty(environment[name]);

  const rungs: Candidate[] = [];
  const add = (origin: string, legacy: boolean, base: string | undefined, ...below: string[]) => {
    if (base === undefined) return;
    rungs.push({ path: path.join(absolute(base), ...below), origin, legacy });
  };

  const windows = platform === 'win32';
  const homes: [origin: string, directory: string | undefined][] = [
    ['home directory', home],
    ['HOME', variable('HOME')],
    ['USERPROFILE', windows ? variable('USERPROFILE') : undefined],
  ];

  add('AFT_STORAGE_DIR', false, variable('AFT_STORAGE_DIR'));
  add('AFT_CACHE_DIR', false, variable('AFT_CACHE_DIR'), 'aft');
  add('XDG_DATA_HOME', false, variable('XDG_DATA_HOME'), 'cortexkit', 'aft');
  if (windows) {
    add('LOCALAPPDATA', false, variable('LOCALAPPDATA'), 'cortexkit', 'aft');
    for (const [origin, directory] of homes) {
      add(origin, false, directory, 'AppData', 'Local', 'cortexkit', 'aft');
    }
  }
  for (const [origin, directory] of homes) {
    add(origin, false, directory, '.local', 'share', 'cortexkit', 'aft');
  }
  for (const [origin, directory] of homes) {
    add(`${origin}, AFT before 0.20`, false, directory, '.cache', 'aft');
  }

  const openCode = ['opencode', 'storage', 'plugin', 'aft'];
  add('XDG_DATA_HOME, old OpenCode plugin', true, variable('XDG_DATA_HOME'), ...openCode);
  if (windows) {
    add('LOCALAPPDATA, old OpenCode plugin', true, variable('LOCALAPPDATA'), ...openCode);
    add('APPDATA, old OpenCode plugin', true, variable('APPDATA'), ...openCode);
  }
  for (const [origin, directory] of homes) {
    const from = `${origin}, old OpenCode plugin`;
    if (windows) add(from, true, directory, 'AppData', 'Local', ...openCode);
    add(from, true, directory, '.local', 'share', ...openCode);
  }
  for (const [origin, directory] of homes) {
    add(`${origin}, old Pi plugin`, true, directory, '.pi', 'agent', 'aft');
  }

  const ladder = withoutRepeats(rungs);
  const named = directories.map((text) => text.trim()).filter((text) => text !== '');
  if (named.length === 0) return ladder;
  const legacyRoots = new Set(ladder.filter(({ legacy }) => legacy).map((rung) => rung.path));
  return withoutRepeats(
    named.map((text) => {
      const directory = absolute(text);
      const legacy = legacyRoots.has(directory);
      return { path: directory, origin: 'setting aftTasks.storageDirectories', legacy };
    }),
  );
}

function withoutRepeats(candidates: readonly Candidate[]): Candidate[] {
  const first = new Map<string, Candidate>();
  for (const candidate of candidates) {
    if (!first.has(candidate.path)) first.set(candidate.path, candidate);
  }
  return [...first.values()];
}

/** AFT takes an empty variable for one that is not set. */
function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}
