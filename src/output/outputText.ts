/** How much of a capture a view shows. Sizes in bytes of the capture. */
export interface OutputWindow {
  /** The last bytes that a freshly opened view shows. */
  readonly size: number;
  /** A growing view is cut back to `size` once it is larger than this. */
  readonly limit: number;
}

/** A rendered view of a capture: text without NUL or escape characters. */
export interface OutputText {
  readonly text: string;
  /** Bytes of the capture before the view; 0 where the view shows all of it. */
  readonly skippedBytes: number;
  /** The capture's size in bytes when it was read. */
  readonly totalBytes: number;
}

/**
 * What became of a view since it was last read.
 * - `append`: `text` goes to the end, after the last `replacedChars` characters of it are taken
 *   away (a carriage return or an unfinished line was rewritten).
 * - `replace`: the view was cut, or its capture replaced; the whole text is new.
 * - `gone`: the capture was deleted.
 */
export type OutputChange =
  | {
      readonly kind: 'append';
      readonly replacedChars: number;
      readonly text: string;
      readonly totalBytes: number;
    }
  | ({ readonly kind: 'replace' } & OutputText)
  | { readonly kind: 'gone' };
