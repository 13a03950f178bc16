import type { CaptureStream } from '../persistence/record.ts';
import type { PackedSpans } from './rendering/style.ts';

/** How much of a capture a view shows. Sizes in bytes of the capture. */
export interface OutputWindow {
  /** The last bytes that a freshly opened view shows. */
  readonly size: number;
  /** A growing view is cut back to `size` once it is larger than this. */
  readonly limit: number;
}

/**
 * Bytes of UTF-8 that a view's text has at most, whatever is in its capture: a few bytes may show as
 * many characters. Of two views that is well below the 50 MiB beyond which VS Code keeps a document
 * from extensions, and in a browser asks before it opens one.
 */
export const mostText = { shownAnew: 16 * 1024 * 1024, grown: 20 * 1024 * 1024 } as const;

/** Bytes of a capture, from one offset to another. */
export interface CapturePlace {
  readonly start: number;
  readonly end: number;
}

/** A rendered view of a capture: text without NUL or escape characters. */
export interface OutputText {
  readonly text: string;
  /** Of `text`. */
  readonly spans: PackedSpans;
  /** Bytes of the capture before the view; 0 where the view shows all of it. */
  readonly skippedBytes: number;
  /** The capture's size in bytes when it was read. */
  readonly totalBytes: number;
}

/** What came to the end of a text, as in the `append` of an `OutputChange`. */
export interface Growth {
  readonly replacedChars: number;
  readonly text: string;
}

/** A text that another one of the same capture takes the place of. */
export interface ReplacingText extends OutputText {
  /**
   * What came to the old text meanwhile: with it both end with the same byte of the capture, and so
   * with the same lines. Absent where they have none in common, or it is not known which.
   */
  readonly growth: Growth | undefined;
}

/** A view that has just been opened. */
export interface OpenedText extends OutputText {
  /** When the capture was last written, in epoch milliseconds; absent where there is none. */
  readonly writtenAt: number | undefined;
  /** Of a view of a place's surroundings, which does not grow. */
  readonly excerpt?: ExcerptPlace;
}

/** Where a place is in the view of its surroundings. */
export interface ExcerptPlace {
  /** The line of the text, from 0, that the place is in. */
  readonly line: number;
  /** Bytes of the capture behind the view. */
  readonly restBytes: number;
}

/**
 * What became of a view since it was last read.
 * - `append`: `text` goes to the end, after the last `replacedChars` characters of it are taken
 *   away (a carriage return, a terminal's screen or an unfinished line was rewritten). `spans` are
 *   those of the appended `text`, with offsets in it; those of what was taken away go with it.
 * - `replace`: the view was cut, or its capture replaced; the whole text is new. `missedBytes` of
 *   what is skipped came since the last read and never were in the view: a reader is told.
 * - `gone`: the capture was deleted.
 */
export type OutputChange =
  | {
      readonly kind: 'append';
      readonly replacedChars: number;
      readonly text: string;
      readonly spans: PackedSpans;
      readonly totalBytes: number;
    }
  | ({ readonly kind: 'replace'; readonly missedBytes: number } & ReplacingText)
  | { readonly kind: 'gone' };

/** The raw bytes of the end of a capture, for a terminal to show. */
export interface Replay {
  /** From a line start, or from the capture's. */
  readonly data: Uint8Array;
  /** Bytes of the capture before `data`. */
  readonly skippedBytes: number;
}

/**
 * What came since a replay was last read; the rest of a longer one comes with the next read.
 * - `append`: `data` goes on where the last one ended.
 * - `replace`: the capture was written anew, or the reader is too far behind, and `missedBytes` of
 *   what came since are not in `data`, which starts at a line after `skippedBytes` of the capture.
 * - `gone`: the capture was deleted.
 */
export type ReplayChange =
  | { readonly kind: 'append'; readonly data: Uint8Array }
  | ({ readonly kind: 'replace'; readonly missedBytes: number } & Replay)
  | { readonly kind: 'gone' };

/** The line above a stream where the other one is shown beside it. */
export function streamHeading(stream: CaptureStream): string {
  return `=== ${stream} ===`;
}
