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
}

/** A style with the link that the text leads to. */
export interface LinkedStyle extends Style {
  /** The target of an OSC 8 link, as the program wrote it: unchecked. */
  readonly link: string | undefined;
}

/** A styled part of a text, in UTF-16 units. It never holds a line break. */
export interface StyleSpan {
  readonly start: number;
  readonly end: number;
  readonly style: LinkedStyle;
}

/**
 * The styled parts of a text as they travel between threads: a hundred thousand of them cost a
 * copy of one array. Read them with `forEachSpan`.
 */
export interface PackedSpans {
  /**
   * Four numbers a span, in order of the text and not overlapping: start and end in UTF-16 units,
   * 1 + the place in `styles` (0: no style but a link), 1 + the place in `links` (0: no link).
   */
  readonly places: Uint32Array;
  /** Each once, so that a decoration can be made once for each. */
  readonly styles: readonly Style[];
  /** Targets of OSC 8 links, `http:`, `https:` or `file:`, otherwise unchecked. */
  readonly links: readonly string[];
}
