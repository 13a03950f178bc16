/** A colour as SGR names it: 0 to 255 is the palette, `0x1000000 + 0xrrggbb` is RGB. */
export type Color = number;

export type Underline = 'none' | 'single' | 'double' | 'curly' | 'dotted' | 'dashed';

/** How a piece of text looks. An absent colour is the reader's own. */
export interface Style {
  readonly foreground: Color | undefined;
  readonly background: Color | undefined;
  readonly underlineColor: Color | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly blink: boolean;
  readonly inverse: boolean;
  readonly hidden: boolean;
  readonly strikethrough: boolean;
  readonly overline: boolean;
  readonly underline: Underline;
  /** The target of an OSC 8 link, as the program wrote it: unchecked. */
  readonly link: string | undefined;
}

/** A styled part of a text, in UTF-16 units. It never holds a line break. */
export interface StyleSpan {
  readonly start: number;
  readonly end: number;
  readonly style: Style;
}
