import * as vscode from 'vscode';
import { goesOn, isKillable, isOrphan } from '../store/taskTraits.ts';
import { Disposable } from '../vscode/disposable.ts';
import { outputScheme } from '../vscode/uris.ts';
import type { FollowOutput } from './followOutput.ts';
import type { OutputDocument } from './outputDocument.ts';
import type { OutputDocuments } from './outputDocuments.ts';
import { Pace } from './pace.ts';
import { durationOf, taskWords, type StateWords } from './taskWords.ts';

const second = 1000;
const minute = 60 * second;
/** A growing output's size is told at most this often, and a new editor looked at again so late. */
const updateEvery = second;

/** A line of lenses: their titles, and the commands that they run. */
type Lenses = readonly { readonly title: string; readonly command: string }[];

/**
 * The line above an output document: what its task is doing or how it ended, and what can be done.
 * It is drawn again when its words change, and no more often.
 */
export class OutputLenses extends Disposable implements vscode.CodeLensProvider {
  private readonly documents: OutputDocuments;
  private readonly follow: FollowOutput;
  private readonly stateWords: StateWords;
  private readonly changed = this.register(new vscode.EventEmitter<void>());
  readonly onDidChangeCodeLenses = this.changed.event;
  /** What is shown, by URI, for the documents on screen. */
  private shown = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;
  private readonly pace = new Pace(() => {
    this.update();
  }, updateEvery);

  constructor(documents: OutputDocuments, follow: FollowOutput, stateWords: StateWords) {
    super();
    this.documents = documents;
    this.follow = follow;
    this.stateWords = stateWords;
    const update = (): void => {
      this.update();
    };
    this.register(vscode.languages.registerCodeLensProvider({ scheme: outputScheme }, this));
    this.register(
      vscode.window.onDidChangeVisibleTextEditors(() => {
        // Once more a little later: VS Code forgets to ask where the focus goes elsewhere at once, and
        // shows what the editor had before.
        this.pace.dispose();
        this.pace.ask();
        this.pace.ask();
      }),
    );
    this.register(documents.onDidChangeTask(update));
    const { pace } = this;
    this.register(
      documents.onDidHandOver(() => {
        if (this.shown.size > 0) pace.ask();
      }),
    );
    this.register(follow.onDidChange(update));
    this.register({
      dispose: () => {
        clearTimeout(this.timer);
        pace.dispose();
      },
    });
  }

  get held(): { readonly timers: number } {
    return { timers: (this.timer === undefined ? 0 : 1) + (this.pace.isWaiting ? 1 : 0) };
  }

  provideCodeLenses({ uri }: vscode.TextDocument): vscode.CodeLens[] {
    const lenses = this.lensesOf(uri);
    this.shown.set(uri.toString(), JSON.stringify(lenses));
    const top = new vscode.Range(0, 0, 0, 0);
    return lenses.map(
      ({ title, command }) => new vscode.CodeLens(top, { title, command, arguments: [uri] }),
    );
  }

  private lensesOf(uri: vscode.Uri): Lenses {
    const { t } = vscode.l10n;
    const document = this.documents.get(uri);
    const task = document?.task;
    if (document === undefined || task === undefined) return [];
    const words = taskWords(task, document.totalBytes, Date.now(), this.stateWords);
    const follows = this.follow.follows(uri);
    const canFollow = document.mayGrow && !isOrphan(task);
    const actions: readonly (readonly [boolean, string, string])[] = [
      [isKillable(task), `$(debug-stop) ${t('Kill')}`, 'aftTasks.kill'],
      [isOrphan(task), `$(debug-disconnect) ${t('Record as ended')}`, 'aftTasks.recordEnded'],
      [canFollow && !follows, `$(arrow-down) ${t('Follow')}`, 'aftTasks.toggleFollow'],
      [canFollow && follows, `$(debug-pause) ${t('Stop following')}`, 'aftTasks.toggleFollow'],
      [document.isExcerpt, `$(output) ${t('Open whole output')}`, 'aftTasks.openOutput'],
      [isCut(document), `$(fold-up) ${t('Load earlier')}`, 'aftTasks.loadEarlier'],
      [document.totalBytes > 0, `$(go-to-file) ${t('Open raw')}`, 'aftTasks.openRaw'],
      [document.totalBytes > 0, `$(terminal) ${t('Open in terminal')}`, 'aftTasks.openInTerminal'],
    ];
    return [
      { title: words, command: '' },
      ...actions.flatMap(([applies, title, command]) => (applies ? [{ title, command }] : [])),
    ];
  }

  /** Has VS Code ask again where what it shows is not true any more, or it has not asked yet. */
  private update(): void {
    const onScreen = new Map(
      vscode.window.visibleTextEditors
        .map(({ document }) => document.uri)
        .filter(({ scheme }) => scheme === outputScheme)
        .map((uri) => [uri.toString(), uri]),
    );
    this.shown = new Map([...this.shown].filter(([name]) => onScreen.has(name)));
    const isOld = ([name, uri]: [string, vscode.Uri]): boolean =>
      this.shown.get(name) !== JSON.stringify(this.lensesOf(uri));
    if ([...onScreen].some(isOld)) this.changed.fire();
    if (onScreen.size === 0) this.pace.dispose();
    this.wait([...onScreen.values()]);
  }

  /** Comes back when the words for a running task's duration change. */
  private wait(uris: readonly vscode.Uri[]): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const waits = uris.flatMap((uri) => {
      const task = this.documents.get(uri)?.task;
      if (task === undefined || !goesOn(task)) return [];
      const duration = durationOf(task, Date.now());
      return duration === undefined ? [] : [untilNextWords(duration)];
    });
    if (waits.length === 0) return;
    this.timer = setTimeout(
      () => {
        this.update();
      },
      Math.min(...waits),
    );
  }
}

function untilNextWords(duration: number): number {
  const step = duration < minute ? second : minute;
  return step - (duration % step);
}

/** Has it earlier output that can be loaded? */
function isCut({ isExcerpt, layout }: OutputDocument): boolean {
  return !isExcerpt && layout.sections.some(({ cut }) => cut !== undefined);
}
