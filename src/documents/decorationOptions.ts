import * as vscode from 'vscode';
import type { Color, Style, Underline } from '../output/rendering/style.ts';
import { readableOn } from './contrast.ts';
import { hexColor, rgbOf } from './palette.ts';

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
 * `0xrrggbb` of an editor's own colours in each kind of theme, high contrast among them. VS Code tells
 * no extension the colours of the theme, only its kind: these are those of VS Code's own themes, and
 * near those of most others.
 */
const editorColors = {
  light: { foreground: 0x3b3b3b, background: 0xffffff },
  dark: { foreground: 0xcccccc, background: 0x1e1e1e },
} as const;

/**
 * How a style looks in an editor. Hidden text is shown: a log keeps nothing from its reader; and
 * nothing blinks.
 * @param minimumContrast that text has at least where no colour of the theme plays a part, 1 to 21
 */
export function decorationOptions(
  style: Style,
  minimumContrast: number,
): vscode.DecorationRenderOptions {
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
    ...readable(style, 'light', minimumContrast),
    ...readable(style, 'dark', minimumContrast),
    ...(behind !== undefined && { backgroundColor: behind }),
    ...(style.bold && { fontWeight: 'bold' }),
    ...(style.italic && { fontStyle: 'italic' }),
    ...(style.dim && { opacity: '0.6' }),
    ...(decoration !== '' && { textDecoration: decoration }),
  };
}

/**
 * The text's colour in a kind of theme, where it is another one to be read. The theme's sixteen colours
 * are left to the theme.
 */
function readable(
  style: Style,
  kind: keyof typeof editorColors,
  minimumContrast: number,
): Pick<vscode.DecorationRenderOptions, 'light' | 'dark'> {
  const { foreground, background, inverse, dim } = style;
  if (foreground === undefined && background === undefined) return {};
  if ([foreground, background].some((color) => color !== undefined && color < 16)) return {};
  const own = editorColors[kind];
  const front = foreground === undefined ? own.foreground : rgbOf(foreground);
  const back = background === undefined ? own.background : rgbOf(background);
  const [text, behind] = inverse ? [back, front] : [front, back];
  // What a program wrote dimly is to be dim: half of it is enough, as in VS Code's terminal.
  const color = readableOn(text, behind, dim ? minimumContrast / 2 : minimumContrast);
  return color === text ? {} : { [kind]: { color: hexColor(color) } };
}

/** Bold text in one of the eight dark colours takes the bright one, as in VS Code's terminal. */
function brightened({ foreground, bold }: Style): Color | undefined {
  return foreground !== undefined && foreground < 8 && bold ? foreground + 8 : foreground;
}

function themed(color: Color | undefined): string | vscode.ThemeColor | undefined {
  if (color === undefined) return undefined;
  const name = themeColors[color];
  return name === undefined ? hexColor(rgbOf(color)) : new vscode.ThemeColor(name);
}

/** In CSS. */
function textDecoration({ underline, underlineColor, strikethrough, overline }: Style): string {
  const lines = [underlines[underline], strikethrough && 'line-through', overline && 'overline'];
  const shown = lines.filter(Boolean);
  if (shown.length > 0 && underline !== 'none' && underlineColor !== undefined) {
    const name = themeColors[underlineColor];
    // What VS Code calls a theme's colour in its style sheets.
    shown.push(
      name === undefined
        ? hexColor(rgbOf(underlineColor))
        : `var(--vscode-${name.replace('.', '-')})`,
    );
  }
  return shown.join(' ');
}
