import { Parameters } from '../output/rendering/parameters.ts';
import { StyleState } from '../output/rendering/sgr.ts';
import type { LinkedStyle, Underline } from '../output/rendering/style.ts';

const rgb = 0x1000000;
const underlines: Readonly<Record<Underline, number>> = {
  none: 0,
  single: 1,
  double: 2,
  curly: 3,
  dotted: 4,
  dashed: 5,
};

// eslint-disable-next-line no-control-regex
const look = /^\x1b\[([\d;:]*)m$/;

/** The colours and the link that the text of a stream has by now. */
export class ReplayPen {
  private readonly state = new StyleState();
  private readonly parameters = new Parameters();
  private link = '';

  /** Notes a sequence that the terminal gets. */
  take(sequence: string): void {
    const parameters = look.exec(sequence)?.[1];
    if (parameters !== undefined) {
      this.parameters.clear();
      for (let at = 0; at < parameters.length; at += 1) {
        this.parameters.take(parameters.charCodeAt(at));
      }
      this.state.apply(this.parameters);
    } else if (sequence.startsWith('\x1b]8;')) {
      this.link = sequence.startsWith('\x1b]8;;\x1b') ? '' : sequence;
    } else if (sequence === '\x1bc' || sequence === '\x1b[!p') {
      this.state.reset();
      this.link = '';
    }
  }

  /** Gives them to a terminal that has none. */
  get sequences(): string {
    const style = this.state.current();
    return (style === undefined ? '' : `\x1b[${codesOf(style).join(';')}m`) + this.link;
  }
}

function codesOf(style: LinkedStyle): string[] {
  const { foreground, background, underline, underlineColor } = style;
  return [
    ...(style.bold ? ['1'] : []),
    ...(style.dim ? ['2'] : []),
    ...(style.italic ? ['3'] : []),
    ...(underline === 'none' ? [] : [`4:${underlines[underline]}`]),
    ...(style.blink ? ['5'] : []),
    ...(style.inverse ? ['7'] : []),
    ...(style.hidden ? ['8'] : []),
    ...(style.strikethrough ? ['9'] : []),
    ...(style.overline ? ['53'] : []),
    ...colorCode(38, foreground),
    ...colorCode(48, background),
    ...colorCode(58, underlineColor),
  ];
}

function colorCode(target: number, color: number | undefined): string[] {
  if (color === undefined) return [];
  if (color < rgb) return [`${target}:5:${color}`];
  return [`${target}:2::${(color >> 16) & 0xff}:${(color >> 8) & 0xff}:${color & 0xff}`];
}
