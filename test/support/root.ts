import { join } from 'node:path';

/** The checkout. */
export const root = join(import.meta.dirname, '..', '..');

/** What a run leaves behind to be looked at: screenshots, logs, counts. Not under version control. */
export const out = join(root, 'out');
