import type { IBufferLine, Terminal } from '@xterm/headless';
import xterm from '@xterm/headless';
import { useCharWidths } from '../../../src/output/pty/xterm.ts';

export const { Terminal: TerminalClass } = xterm;

/** Of a cell that was never written to: what a blank looks like is not held. */
export const anyLook = '?';

/**
 * A terminal that has been fed all of a stream, a character at a time where that has it turn wrapping off:
 * what is at the right edge depends on that.
 */
export async function feed(
  bytes: Uint8Array,
  size: { readonly cols: number; readonly rows: number; readonly convertEol?: boolean },
): Promise<Terminal> {
  const terminal = new TerminalClass({
    ...size,
    scrollback: 100_000,
    allowProposedApi: true,
    logLevel: 'off',
  });
  useCharWidths(terminal);
  const text = Buffer.from(bytes).toString('utf8');
  if (text.includes('\x1b[?7l')) for (const character of text) terminal.write(character);
  else terminal.write(bytes);
  await new Promise<void>((resolve) => {
    terminal.write('', resolve);
  });
  return terminal;
}

/** What a terminal shows, by its public interface: lines, and their cells' styles in words. */
export function shownBy(terminal: Terminal): { text: string; looks: string[] } {
  const { normal, active } = terminal.buffer;
  const rows: IBufferLine[] = [];
  for (let row = 0; row < normal.length; row++) rows.push(normal.getLine(row)!);
  const isBlank = (line: IBufferLine | undefined): boolean => line?.translateToString(true) === '';
  while (rows.length > normal.baseY && isBlank(rows.at(-1))) rows.pop();
  const isBelow = normal.cursorY + normal.baseY >= rows.length;
  if (active.type === 'alternate') {
    const screen: IBufferLine[] = [];
    for (let row = 0; row < active.length; row++) screen.push(active.getLine(row)!);
    while (isBlank(screen.at(-1))) screen.pop();
    rows.push(...screen);
  }
  let text = '';
  const looks: string[] = [];
  for (const [index, row] of rows.entries()) {
    if (index > 0 && !row.isWrapped) {
      text += '\n';
      looks.push('');
    }
    const next = rows[index + 1];
    const isFilled = next?.isWrapped === true;
    // A wide character that did not fit left the last column free.
    const isCut =
      next?.getCell(0)?.getWidth() === 2 && row.getCell(row.length - 1)?.getChars() === '';
    const shown = row.translateToString(
      !isFilled,
      0,
      isFilled && isCut ? row.length - 1 : row.length,
    );
    text += shown;
    let units = 0;
    for (let column = 0; units < shown.length; column++) {
      const cell = row.getCell(column)!;
      if (cell.getWidth() === 0 && cell.getChars() === '') continue;
      const glyph = cell.getChars() || ' ';
      units += glyph.length;
      const look = [
        cell.isFgDefault()
          ? ''
          : `foreground=${cell.getFgColor() + (cell.isFgRGB() ? 0x1000000 : 0)}`,
        cell.isBgDefault()
          ? ''
          : `background=${cell.getBgColor() + (cell.isBgRGB() ? 0x1000000 : 0)}`,
        cell.isBold() !== 0 ? 'bold' : '',
        cell.isDim() !== 0 ? 'dim' : '',
        cell.isItalic() !== 0 ? 'italic' : '',
        cell.isInverse() !== 0 ? 'inverse' : '',
        cell.isStrikethrough() !== 0 ? 'strikethrough' : '',
      ];
      const worded = look
        .filter((word) => word !== '')
        .sort()
        .join(' ');
      looks.push(
        ...Array.from({ length: glyph.length }, () => (cell.getChars() === '' ? anyLook : worded)),
      );
    }
  }
  const isEmpty = rows.length === 0;
  if (active.type === 'normal' && isBelow && !isEmpty) {
    text += '\n';
    looks.push('');
  }
  return { text, looks };
}
