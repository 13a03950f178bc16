/** A place in a file, as tools write it: lines and columns from 1. */
export interface FilePosition {
  readonly line?: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
}

/** The position that follows a path, and the offset where its text ends. */
export interface PositionSuffix {
  readonly position: FilePosition;
  readonly end: number;
}

/** What is known of the path before a suffix: the looser a form, the more it asks for. */
export interface SuffixContext {
  readonly isQuoted: boolean;
  readonly hasExtension: boolean;
  readonly hasSeparator: boolean;
}

// Each expression reads a bounded number of characters, so that any line takes linear time.

/** `:12`, `:12:5`, `:12.5`, `:12:5-9`, `:12:5-14:9`, `:12-14`; no times, no versions. */
const COLON =
  /:(\d{1,7})(?:[:.](\d{1,7})(?:-(\d{1,7})(?:[:.](\d{1,7}))?)?|-(\d{1,7}))?(?!\w|[.:]\d)/y;
/** `(12)`, `(12,5)`, `(12, 5)`, `(12:5)`, `(12,5-9)`, `(12,5,14,9)`, `(12-14)`, or in brackets. */
const BRACKETS =
  /[([] ?(\d{1,7})(?:[,:] ?(\d{1,7})(?:[,-] ?(\d{1,7})(?:[,:] ?(\d{1,7}))?)?|-(\d{1,7}))?[)\]]/y;
/** `:(12,5)-(14,9)` of GHC. */
const BRACKET_RANGE = /:\((\d{1,7}),(\d{1,7})\)-\((\d{1,7}),(\d{1,7})\)/y;
/** ` (12,5)`, ` (12:5)`, and `: (12, 5)` of Kotlin; one number alone may count anything. */
const SPACED_BRACKETS = /:?\s\((\d{1,7})[,:] ?(\d{1,7})\)/y;
/** ` 12:5` of Dart; no times. */
const SPACED = / (\d{1,7}):(\d{1,7})(?![\w:.])/y;
/** `#12`, `#L12`, `#L12-L14`. */
const HASH = /#L?(\d{1,7})(?:C(\d{1,7}))?(?:-L?(\d{1,7})(?:C(\d{1,7}))?)?(?!\w)/y;
/** `"path",12` and `"path",12:5`. */
const COMMA = /, ?(\d{1,7})(?:[,:](\d{1,7}))?(?!\w)/y;
/** `, line 12`, `: line 12, col 5`, ` on line 12`, `:line 12`, `, lines 3-4, characters 4-7`. */
const WORDS =
  /[,:;]? ?(?:on |at )?lines?:? (\d{1,7})(?:-(\d{1,7}))?(?:, ?(?:col|column|char|character|characters)\.?:? ?(\d{1,7})(?:-(\d{1,7}))?)?(?!\w)/y;

/** Reads the position that follows a path (and its closing quote), if there is one. */
export function readSuffix(
  line: string,
  at: number,
  { isQuoted, hasExtension, hasSeparator }: SuffixContext,
): PositionSuffix | undefined {
  switch (line.charAt(at)) {
    case ':':
      return (
        lineColumn(match(COLON, line, at)) ??
        range(match(BRACKET_RANGE, line, at)) ??
        (hasExtension ? lineColumn(match(SPACED_BRACKETS, line, at)) : undefined) ??
        words(match(WORDS, line, at))
      );
    case '(':
    case '[':
      return lineColumn(match(BRACKETS, line, at));
    case '#':
      return range(match(HASH, line, at));
    case ',':
    case ';':
      return (
        words(match(WORDS, line, at)) ?? (isQuoted ? lineColumn(match(COMMA, line, at)) : undefined)
      );
    case ' ':
    case '\u00a0':
      return (
        words(match(WORDS, line, at)) ??
        (hasExtension ? lineColumn(match(SPACED_BRACKETS, line, at)) : undefined) ??
        (hasExtension && hasSeparator ? lineColumn(match(SPACED, line, at)) : undefined)
      );
    default:
      return undefined;
  }
}

interface Match {
  /** The numbers, 0 where one is absent. */
  readonly numbers: readonly number[];
  readonly end: number;
}

function match(expression: RegExp, line: string, at: number): Match | undefined {
  expression.lastIndex = at;
  const found = expression.exec(line);
  if (found === null) return undefined;
  const groups: readonly (string | undefined)[] = found.slice(1);
  return { numbers: groups.map((text) => Number(text ?? 0)), end: expression.lastIndex };
}

/** Of line, column, end column or end line, end column after an end line, and end line alone. */
function lineColumn(found: Match | undefined): PositionSuffix | undefined {
  if (found === undefined) return undefined;
  const [line = 0, column = 0, third = 0, fourth = 0, lastLine = 0] = found.numbers;
  if (lastLine > 0) return suffix(found.end, line, 0, lastLine, 0);
  if (fourth > 0) return suffix(found.end, line, column, third, fourth);
  return suffix(found.end, line, column, third > 0 ? line : 0, third);
}

/** Of line, column, end line, end column. */
function range(found: Match | undefined): PositionSuffix | undefined {
  if (found === undefined) return undefined;
  const [line = 0, column = 0, endLine = 0, endColumn = 0] = found.numbers;
  return suffix(found.end, line, column, endLine, endColumn);
}

/** Of line, end line, column, end column. */
function words(found: Match | undefined): PositionSuffix | undefined {
  if (found === undefined) return undefined;
  const [line = 0, lastLine = 0, column = 0, endColumn = 0] = found.numbers;
  const endLine = lastLine > 0 ? lastLine : endColumn > 0 ? line : 0;
  return suffix(found.end, line, column, endLine, endColumn);
}

/** Zeros say that a number is absent; line 0 is none. */
function suffix(
  end: number,
  line: number,
  column: number,
  endLine: number,
  endColumn: number,
): PositionSuffix | undefined {
  if (line === 0) return undefined;
  return {
    end,
    position: {
      line,
      ...(column > 0 ? { column } : {}),
      ...(endLine > 0 ? { endLine } : {}),
      ...(endColumn > 0 ? { endColumn } : {}),
    },
  };
}
