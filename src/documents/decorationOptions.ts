import * as vscode from 'vscode';
import type { Color, Style, Underline } from '../output/rendering/style.ts';
import { hexColor } from './palette.ts';

/** The names that VS Code's themes have for the terminal's sixteen colours. */
const themeColors = [
  'terminal.ansiBlack',
  'terminal.ansiRed',
  'terminal.ansiGreen',
  'terminal.ansiYellow',
  'terminal.ansiBlue',
  'terminal.ansiMagenta',
  'terminal.ansiCyan',
  'terminal.ansiWhite',
  'terminal.ansiBrightBlack',
  'terminal.ansiBrightRed',
  'terminal.ansiBrightGreen',
  'terminal.ansiBrightYellow',
  'terminal.ansiBrightBlue',
  'terminal.ansiBrightMagenta',
  'terminal.ansiBrightCyan',
  'terminal.ansiBrightWhite',
] as const;

const underlines: Readonly<Record<Underline, string>> = {
  none: '',
  single: 'underline',
  double: 'underline double',
  curly: 'underline wavy',
  dotted: 'underline dotted',
  dashed: 'underline dashed',
};

/**
 * How a style looks in an editor. Hidden text is shown: a log keeps nothing from its reader; and
 * nothing blinks.
 */
export function decorationOptions(style: Style): vscode.DecorationRenderOptions {
  const foreground = themed(brightened(style));
  const background = themed(style.background);
  const text = style.inverse
    ? (background ?? new vscode.ThemeColor('editor.background'))
    : foreground;
  const behind = style.inverse
    ? (foreground ?? new vscode.ThemeColor('editor.foreground'))
    : background;
  const decoration = textDecoration(style);
  return {
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    ...(text !== undefined && { color: text }),
    ...(behind !== undefined && { backgroundColor: behind }),
    ...(style.bold && { fontWeight: 'bold' }),
    ...(style.italic && { fontStyle: 'italic' }),
    ...(style.dim && { opacity: '0.6' }),
    ...(decoration !== '' && { textDecoration: decoration }),
  };
}

/** Bold text in one of the eight dark colours takes the bright one, as in VS Code's terminal. */
function brightened({ foreground, bold }: Style): Color | undefined {
  return foreground !== undefined && foreground < 8 && bold ? foreground + 8 : foreground;
}

function themed(color: Color | undefined): string | vscode.ThemeColor | undefined {
  if (color === undefined) return undefined;
  const name = themeColors[color];
  return name === undefined ? hexColor(color) : new vscode.ThemeColor(name);
}

/** In CSS. */
function textDecoration({ underline, underlineColor, strikethrough, overline }: Style): string {
  const lines = [underlines[underline], strikethrough && 'line-through', overline && 'overline'];
  const shown = lines.filter(Boolean);
  if (shown.length > 0 && underline !== 'none' && underlineColor !== undefined) {
    const name = themeColors[underlineColor];
    // What VS Code calls a theme's colour in its style sheets.
    shown.push(
      name === undefined ? hexColor(underlineColor) : `var(--vscode-${name.replace('.', '-')})`,
    );
  }
  return shown.join(' ');
}
