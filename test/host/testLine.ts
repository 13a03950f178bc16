/** Marks the tests' own lines in what an extension host prints, which is much more than that. */
export const testLinePrefix = '[test] ';
