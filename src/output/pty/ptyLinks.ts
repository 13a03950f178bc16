import { COMMAND_LIMIT } from '../rendering/controlParser.ts';
import type { XtermCore } from './xterm.ts';

/** What xterm handles of OSC: titles and colours, which are not shown here, and links. */
const HANDLED = [0, 1, 2, 4, 8, 10, 11, 12, 104, 110, 111, 112];
const LINK = 8;
/** Targets that are remembered at once: more than a screen has. */
const MOST_LINKS = 4096;

/**
 * The targets of a terminal's links (OSC 8). The terminal's own table keeps each until its row is
 * gone, and all of a sequence until that ends: a few bytes on one row could fill the memory.
 */
export class PtyLinks {
  private readonly core: XtermCore;
  private targets = new Map<number, string>();
  private numbers = new Map<string, number>();
  private count = 0;
  private content = '';
  private isTooLong = false;

  constructor(core: XtermCore) {
    this.core = core;
    const { _parser: parser } = core._inputHandler;
    for (const kind of HANDLED) parser.clearOscHandler(kind);
    parser.registerOscHandler(LINK, {
      start: () => {
        this.content = '';
        this.isTooLong = false;
      },
      put: (data, start, end) => {
        this.isTooLong ||= this.content.length + end - start > COMMAND_LIMIT;
        if (this.isTooLong) return;
        for (let at = start; at < end; at++) this.content += String.fromCodePoint(data[at] ?? 0);
      },
      end: (isWhole) => {
        if (isWhole) this.set(this.isTooLong ? '' : targetOf(this.content));
        this.content = '';
        return true;
      },
    });
  }

  /** The target of a link's number; absent for one that was forgotten. */
  targetOf(id: number): string | undefined {
    return this.targets.get(id);
  }

  /** What comes now leads there; nowhere if that is empty. */
  private set(target: string): void {
    const { _curAttrData: now } = this.core._inputHandler;
    now.extended = now.extended.clone();
    now.extended.urlId = target === '' ? 0 : this.numberOf(target);
    now.updateExtended();
  }

  private numberOf(target: string): number {
    const known = this.numbers.get(target);
    if (known !== undefined) return known;
    if (this.targets.size >= MOST_LINKS) {
      this.targets.clear();
      this.numbers.clear();
    }
    // Never one that a row could still have for another target.
    const id = ++this.count;
    this.targets.set(id, target);
    this.numbers.set(target, id);
    return id;
  }
}

/** Behind the parameters: `id=1;http://x`. */
function targetOf(content: string): string {
  const separator = content.indexOf(';');
  return separator < 0 ? '' : content.slice(separator + 1);
}
