import fc from 'fast-check';

/**
 * Property tests try the same inputs in every run, so that a red run means a change of the code.
 * `FC_SEED=random` tries others, and a number those of a failure that was reported.
 */
const { FC_SEED: seed = '20261123' } = process.env;
if (seed !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
