/** What stands where a time was. */
const time = '<time>';
const date = '<date>';
const duration = '<duration>';

const months = 'Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec';
const days = 'Mon|Tue|Wed|Thu|Fri|Sat|Sun';
const clock = String.raw`\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?`;
const zone = String.raw`(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)\b)?`;
const unit = String.raw`(?:ns|us|µs|μs|ms|s|m|h|d|secs?|mins?|hours?|days?|(?:milli|micro|nano)?seconds?|minutes?)`;

/**
 * In this order: a date with its time is one thing, and what is left of a longer one must not be
 * taken for a shorter one. None has a part that repeats without bound, so all are linear.
 */
const replacements: readonly (readonly [RegExp, string])[] = [
  // 2026-11-23T05:48:27.123Z, 2026-11-23 05:48:27 +0100, 2026/11/23 05:48
  [
    new RegExp(
      String.raw`\b\d{4}([-/.])\d\d\1\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?${zone}`,
      'g',
    ),
    time,
  ],
  // Mon Nov 23 05:48:27 UTC 2026, Nov 23 05:48:27
  [
    new RegExp(
      String.raw`\b(?:(?:${days}),? )?(?:${months}) {1,2}\d{1,2} ${clock}(?: [A-Z]{3,4}\b)?(?: \d{4}\b)?`,
      'g',
    ),
    time,
  ],
  // 23/Nov/2026:05:48:27 +0000, Mon, 23 Nov 2026 05:48:27 GMT
  [
    new RegExp(
      String.raw`\b(?:(?:${days}), )?\d{1,2}([/ -])(?:${months})\1\d{4}[: ]${clock}${zone}`,
      'g',
    ),
    time,
  ],
  // 2026-11-23
  [/\b(?:19|20)\d\d([-/.])\d\d\1\d\d\b/g, date],
  // 05:48:27, 05:48:27.123, 5:48:27 PM
  [new RegExp(String.raw`\b${clock}(?: [AP]M\b)?${zone}`, 'g'), time],
  // 1.23s, 412 ms, 1m 20.5s, 2 minutes
  [
    new RegExp(
      String.raw`(?<![\w.])\d{1,12}(?:[.,]\d{1,12})? ?${unit}(?:,? ?\d{1,12}(?:\.\d{1,12})? ?${unit}){0,4}\b`,
      'g',
    ),
    duration,
  ],
  // Epoch milliseconds of 2001 to 2286.
  [/(?<![\w.])1\d{12}(?![\w.])/g, time],
];

/** A text in which times, dates and durations are no difference any more. */
export function normaliseTimes(text: string): string {
  return replacements.reduce(
    (result, [pattern, replacement]) => result.replace(pattern, replacement),
    text,
  );
}
