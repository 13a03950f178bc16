import * as assert from 'node:assert/strict';
import { summaryWords } from '../../src/commands/summaryWords.ts';
import type { Outcome, OutcomeReason } from '../../src/persistence/outcome.ts';

const outcome = (done: boolean, reason?: OutcomeReason): Outcome => ({
  ...{ done, reason, message: '', details: undefined },
});
const killed = (count: number): string => `${String(count)} killed`;

describe('the summary of an action on many tasks', () => {
  it('counts what was done, and groups what was not by its reason', () => {
    const outcomes = [
      ...[outcome(true), outcome(false, 'already-ended'), outcome(true)],
      ...[outcome(false, 'other-user'), outcome(true), outcome(false, 'already-ended')],
    ];
    assert.equal(
      summaryWords(outcomes, 6, killed),
      '3 killed; 2 already ended; 1 of another user.',
    );
  });

  it('says what was not begun', () => {
    assert.equal(summaryWords([outcome(true)], 5, killed), '1 killed; 4 not begun.');
    assert.equal(summaryWords([], 2, killed), '0 killed; 2 not begun.');
  });

  it('says what is done in part only, and tells failures alike', () => {
    const outcomes = [
      ...[outcome(true), outcome(true, 'row-not-updated')],
      ...[outcome(false, 'io'), outcome(false, 'corrupt')],
    ];
    assert.equal(
      summaryWords(outcomes, 4, killed),
      '2 killed; 1 of these not wholly (see the log); 2 failed.',
    );
  });

  it('does not count what was done where nothing was', () => {
    assert.equal(summaryWords([outcome(false, 'busy')], 1, killed), '1 in another window’s hands.');
  });
});
