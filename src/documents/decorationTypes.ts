import * as vscode from 'vscode';
import type { Style } from '../output/rendering/style.ts';
import { Disposable } from '../vscode/disposable.ts';
import { decorationOptions } from './decorationOptions.ts';
import { nearestInPalette } from './palette.ts';
import { styleKey } from './spanTable.ts';

/** Types that are kept for the next document with the same styles. */
const keptTypes = 192;
/** Types at once, whatever a program prints: each is a rule in the window's style sheet. */
const mostTypes = 512;
/** From so many types with RGB colours on, others take the nearest colour of the palette. */
const mostRgbTypes = 96;

/** VS Code's own, for its terminal. */
export const contrastSetting = 'terminal.integrated.minimumContrastRatio';

interface KnownType {
  readonly type: vscode.TextEditorDecorationType;
  readonly isRgb: boolean;
}

/** The decoration types of all documents, one for each style, the least recently used first. */
export class DecorationTypes extends Disposable {
  private readonly types = new Map<string, KnownType>();
  private rgbTypes = 0;

  constructor() {
    super();
    this.register({
      dispose: () => {
        this.trim(new Set(), 0);
      },
    });
  }

  get count(): number {
    return this.types.size;
  }

  /**
   * The types of styles, or of ones that look nearly the same; absent where there are too many. Those
   * that are neither among them nor in use elsewhere make room.
   */
  typesOf(
    styles: readonly Style[],
    inUse: ReadonlySet<vscode.TextEditorDecorationType>,
  ): ReadonlyMap<Style, vscode.TextEditorDecorationType> {
    const found = new Map<Style, vscode.TextEditorDecorationType>();
    const missing: Style[] = [];
    for (const style of styles) {
      const known = this.known(styleKey(style));
      if (known === undefined) missing.push(style);
      else found.set(style, known);
    }
    const used = new Set([...inUse, ...found.values()]);
    const isUnused = ({ type }: KnownType): boolean => !used.has(type);
    const missingRgb = missing.filter(hasRgb).length;
    this.drop(this.rgbTypes + missingRgb - mostRgbTypes, (known) => known.isRgb && isUnused(known));
    this.drop(this.types.size + missing.length - mostTypes, isUnused);
    for (const style of missing) {
      // Two streams have objects of their own for equal styles.
      const type = this.known(styleKey(style)) ?? this.typeOf(style);
      if (type !== undefined) found.set(style, type);
    }
    return found;
  }

  /** Disposes the types that were not used for longest and are not in use now. */
  trim(inUse: ReadonlySet<vscode.TextEditorDecorationType>, keep = keptTypes): void {
    this.drop(this.types.size - keep, ({ type }) => !inUse.has(type));
  }

  private typeOf(style: Style): vscode.TextEditorDecorationType | undefined {
    const isRgb = hasRgb(style);
    return !isRgb || this.rgbTypes < mostRgbTypes ? this.create(style, isRgb) : this.nearest(style);
  }

  /** Disposes so many of the types that fit, the least recently used first. */
  private drop(count: number, fits: (known: KnownType) => boolean): void {
    let left = count;
    for (const [key, known] of this.types) {
      if (left <= 0) return;
      if (!fits(known)) continue;
      left -= 1;
      this.types.delete(key);
      if (known.isRgb) this.rgbTypes -= 1;
      known.type.dispose();
    }
  }

  private nearest(style: Style): vscode.TextEditorDecorationType | undefined {
    const { foreground, background, underlineColor } = style;
    const plain: Style = {
      ...style,
      foreground: foreground === undefined ? undefined : nearestInPalette(foreground),
      background: background === undefined ? undefined : nearestInPalette(background),
      underlineColor: underlineColor === undefined ? undefined : nearestInPalette(underlineColor),
    };
    return this.known(styleKey(plain)) ?? this.create(plain, false);
  }

  private known(key: string): vscode.TextEditorDecorationType | undefined {
    const known = this.types.get(key);
    if (known === undefined) return undefined;
    this.types.delete(key);
    this.types.set(key, known);
    return known.type;
  }

  private create(style: Style, isRgb: boolean): vscode.TextEditorDecorationType | undefined {
    if (this.types.size >= mostTypes) return undefined;
    const type = vscode.window.createTextEditorDecorationType(
      decorationOptions(style, vscode.workspace.getConfiguration().get(contrastSetting, 4.5)),
    );
    this.types.set(styleKey(style), { type, isRgb });
    if (isRgb) this.rgbTypes += 1;
    return type;
  }
}

function hasRgb({ foreground = 0, background = 0, underlineColor = 0 }: Style): boolean {
  return Math.max(foreground, background, underlineColor) > 0xffffff;
}
