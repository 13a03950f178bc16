import * as vscode from 'vscode';
import { Search, type SearchEnd, type SearchNews } from '../output/search/search.ts';
import { compileSearch, type SearchQuery } from '../output/search/searchPattern.ts';
import { bytesInWords, commandName, taskName, withoutIcons } from '../vscode/words.ts';
import type { Found, FoundIn } from './searchMatch.ts';

/** Typing goes on for so many milliseconds before the search begins. */
const typingPause = 250;
/** Milliseconds in one place after which a pattern counts as one that runs away. */
const patience = 5000;
/** Matches that the list shows of one capture, and of all. */
const shownOfOne = 200;
const shownOfAll = 2000;

type Toggle = 'matchCase' | 'wholeWord' | 'isRegex';

interface Item extends vscode.QuickPickItem {
  readonly found?: Found;
}

/** The quick pick: what is typed is searched for, what is found comes in as it is found. */
export class SearchList {
  private readonly pickList: vscode.QuickPick<Item> & { sortByLabel?: boolean };
  private readonly targets: readonly FoundIn[];
  private readonly order: ReadonlyMap<FoundIn, number>;
  private readonly tasks: number;
  private readonly totalBytes: number;
  private readonly script: string;
  private readonly memory: { query: SearchQuery };
  private readonly log: vscode.LogOutputChannel;
  private search: Search<FoundIn> | undefined;
  private typing: NodeJS.Timeout | undefined;
  private showing: NodeJS.Timeout | undefined;

  private items: Item[] = [];
  private further = 0;
  private bytes = 0;
  private problems: Item[] = [];

  constructor(
    targets: readonly FoundIn[],
    tasks: number,
    script: string,
    memory: { query: SearchQuery },
    log: vscode.LogOutputChannel,
  ) {
    this.pickList = vscode.window.createQuickPick<Item>();
    // Not in the stable types, but in every VS Code since 1.44: lines stay in the captures' order.
    this.pickList.sortByLabel = false;
    this.targets = targets;
    this.order = new Map(targets.map((target, index) => [target, index]));
    this.tasks = tasks;
    this.script = script;
    this.memory = memory;
    this.log = log;
    this.totalBytes = targets.reduce(
      (sum, { task, stream }) => sum + (task.captures[stream] ?? 0),
      0,
    );
  }

  /** Resolves with the match that the user chose, if any. */
  async pick(): Promise<Found | undefined> {
    const { pickList } = this;
    const { t } = vscode.l10n;
    pickList.placeholder = t('Text in the output of {0} tasks', this.tasks);
    pickList.value = this.memory.query.text;
    pickList.matchOnDescription = false;
    pickList.keepScrollPosition = true;
    this.showToggles();
    const picked = await new Promise<Found | undefined>((resolve) => {
      pickList.onDidChangeValue((text) => {
        this.memory.query = { ...this.memory.query, text };
        this.begin(typingPause);
      });
      pickList.onDidTriggerButton((button) => {
        const toggle = toggles.find(({ icon }) => button.iconPath === icon);
        if (toggle === undefined) return;
        const { query } = this.memory;
        this.memory.query = { ...query, [toggle.name]: !query[toggle.name] };
        this.showToggles();
        this.begin(0);
      });
      pickList.onDidAccept(() => {
        const found = pickList.activeItems[0]?.found;
        if (found === undefined) return;
        resolve(found);
        pickList.hide();
      });
      pickList.onDidHide(() => {
        resolve(undefined);
      });
      pickList.show();
      if (pickList.value !== '') this.begin(0);
    });
    this.stop();
    pickList.dispose();
    return picked;
  }

  private showToggles(): void {
    const { query } = this.memory;
    this.pickList.buttons = toggles.map(({ name, icon, words }) => ({
      iconPath: icon,
      tooltip: query[name] ? vscode.l10n.t('{0}: on', words()) : vscode.l10n.t('{0}: off', words()),
    }));
    this.showTitle('');
  }

  private showTitle(progress: string): void {
    const { query } = this.memory;
    const on = toggles.filter(({ name }) => query[name]).map(({ words }) => words());
    this.pickList.title = [vscode.l10n.t('Search Outputs'), ...on, progress]
      .filter(Boolean)
      .join(' · ');
  }

  private begin(delay: number): void {
    this.stop();
    this.pickList.busy = true;
    this.typing = setTimeout(() => {
      this.run();
    }, delay);
  }

  private stop(): void {
    clearTimeout(this.typing);
    clearTimeout(this.showing);
    this.showing = undefined;
    this.search?.stop();
    this.search = undefined;
    this.pickList.busy = false;
  }

  private run(): void {
    const { query } = this.memory;
    this.items = [];
    this.further = 0;
    this.bytes = 0;
    this.problems = [];
    this.show();
    this.pickList.busy = false;
    if (query.text === '') return;
    try {
      compileSearch(query);
    } catch (error) {
      this.pickList.items = [note('error', error instanceof Error ? error.message : String(error))];
      return;
    }
    this.pickList.busy = true;
    const search = new Search<FoundIn>({
      script: this.script,
      query,
      targets: this.targets,
      limit: shownOfOne,
      patience,
      onNews: (target, news) => {
        if (this.search === search) this.take(target, news);
      },
    });
    this.search = search;
    search.ended.then(
      (end) => {
        if (this.search === search) this.end(end);
      },
      (error: unknown) => {
        this.log.error(`searchOutputs: ${String(error)}`);
        if (this.search !== search) return;
        this.problems.push(warning(vscode.l10n.t('The search broke off. The log says why.')));
        this.end({ kind: 'stopped' });
      },
    );
  }

  private take(target: FoundIn, { matches, further, bytes, problem }: SearchNews): void {
    this.bytes += bytes;
    const room = Math.max(0, shownOfAll - this.items.length);
    for (const match of matches.slice(0, room)) this.items.push(itemOf({ target, match }));
    this.further += further + Math.max(0, matches.length - room);
    if (problem !== undefined) this.problems.push(warning(problem));
    // A list of thousands takes long to show: not at each of many news.
    this.showing ??= setTimeout(() => {
      this.showing = undefined;
      this.show();
    }, 100);
  }

  private compare({ found: a }: Item, { found: b }: Item): number {
    if (a === undefined || b === undefined) return 0;
    const targets = (this.order.get(a.target) ?? 0) - (this.order.get(b.target) ?? 0);
    return targets === 0 ? a.match.line - b.match.line : targets;
  }

  private end(end: SearchEnd<FoundIn>): void {
    const { t } = vscode.l10n;
    this.search = undefined;
    clearTimeout(this.showing);
    this.showing = undefined;
    this.pickList.busy = false;
    if (end.kind === 'stuck') {
      const { stream, task } = end.target;
      const searched = this.targets.map((target) => target.task);
      this.problems.push(
        warning(
          t('Stopped: the pattern took more than {0} s in one place', patience / 1000),
          withoutIcons(
            t(
              'in {0} of {1}. Repetitions inside repetitions do that.',
              stream,
              taskName(task, searched),
            ),
          ),
        ),
      );
    }
    if (this.items.length === 0 && this.problems.length === 0) {
      this.problems.push(note('info', t('No match in {0}.', bytesInWords(this.bytes))));
    }
    this.show();
  }

  private show(): void {
    const { t } = vscode.l10n;
    const more =
      this.further > 0
        ? [note('ellipsis', t('{0} more matching lines', this.further.toLocaleString()))]
        : [];
    // The threads' news come as they come; the list has one task after the other.
    this.items.sort((a, b) => this.compare(a, b));
    const active = this.pickList.activeItems[0];
    this.pickList.items = [...this.problems, ...this.items, ...more];
    // The choice stays where it is while items come in.
    const kept = active !== undefined && this.items.includes(active) ? active : this.items[0];
    if (kept !== undefined) this.pickList.activeItems = [kept];
    const found = this.items.length + this.further;
    const searched = Math.min(this.bytes, this.totalBytes);
    this.showTitle(
      this.search === undefined && found === 0
        ? ''
        : t(
            '{0} lines in {1} of {2}',
            found.toLocaleString(),
            bytesInWords(searched),
            bytesInWords(this.totalBytes),
          ),
    );
  }
}

const toggles: readonly { name: Toggle; icon: vscode.ThemeIcon; words: () => string }[] = [
  {
    name: 'matchCase',
    icon: new vscode.ThemeIcon('case-sensitive'),
    words: () => vscode.l10n.t('Match Case'),
  },
  {
    name: 'wholeWord',
    icon: new vscode.ThemeIcon('whole-word'),
    words: () => vscode.l10n.t('Match Whole Word'),
  },
  {
    name: 'isRegex',
    icon: new vscode.ThemeIcon('regex'),
    words: () => vscode.l10n.t('Regular Expression'),
  },
];

function itemOf(found: Found): Item {
  const { t } = vscode.l10n;
  const { task, stream } = found.target;
  const { line, text, start } = found.match;
  // The match has to be in sight: a label shows some eighty characters.
  const from = start > 60 ? start - 20 : 0;
  return {
    label: plain((from > 0 ? '…' : '') + text.slice(from).trimStart()) || ' ',
    detail: [t('line {0}', line.toLocaleString()), commandName(task, 60), stream, task.taskId].join(
      ' · ',
    ),
    // What is typed is no filter.
    alwaysShow: true,
    found,
  };
}

function warning(text: string, detail?: string): Item {
  return { ...note('warning', text), ...(detail !== undefined && { detail }) };
}

function note(icon: string, text: string): Item {
  return { label: `$(${icon}) ${text}`, alwaysShow: true };
}

/** Text as a label shows it. */
function plain(text: string): string {
  return withoutIcons(text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')).slice(0, 250);
}
