import { readFileSync } from 'node:fs';

/** A task of the sample storage: what an agent asked for, and how it ends. */
export interface SampleTaskPlan {
  readonly sessionId: string;
  readonly command: string;
  readonly pty?: { readonly rows: number; readonly cols: number };
  /** How the task ends: by itself, by its time-out, by being killed, or not at all. */
  readonly end: 'by itself' | 'timed out' | 'killed' | 'goes on';
  readonly timeoutMs?: number;
  readonly notifyOnCompletion?: boolean;
  /** The agent has been told of the end. */
  readonly delivered?: boolean;
}

const shop = 'ses_shop';
const data = 'ses_data import/nightly';
const terminal = 'ses_terminal';

/** By name, so that a test can say which one it looks at. They run in the sample project. */
export const sampleTasks = {
  build: { sessionId: shop, command: 'sh scripts/build.sh', end: 'by itself', delivered: true },
  test: { sessionId: shop, command: 'sh scripts/test.sh', end: 'by itself' },
  lint: { sessionId: shop, command: 'sh scripts/lint.sh', end: 'by itself' },
  serve: { sessionId: shop, command: 'sh scripts/serve.sh', end: 'killed' },
  smoke: {
    sessionId: shop,
    command: "echo 'waiting for port 4173'; sleep 60",
    end: 'timed out',
    timeoutMs: 1000,
  },
  watch: { sessionId: shop, command: 'sh scripts/watch.sh', end: 'goes on' },
  log: { sessionId: data, command: 'sh scripts/log.sh', end: 'by itself' },
  import: { sessionId: data, command: 'sh scripts/import.sh', end: 'by itself' },
  unicode: {
    sessionId: data,
    command: String.raw`printf 'caf\303\251 \342\234\223 \360\237\232\200\n'; printf 'bad \377 byte, \000 NUL\n'`,
    end: 'by itself',
  },
  'multi-line': {
    sessionId: data,
    command: 'cd src\nls -1\ncat <<\'X\'\n```"quoted" $HOME `tick`\nX',
    end: 'by itself',
  },
  quiet: { sessionId: data, command: 'true', end: 'by itself', notifyOnCompletion: false },
  colours: {
    sessionId: terminal,
    command: 'sh scripts/colours.sh',
    pty: { rows: 30, cols: 100 },
    end: 'by itself',
  },
  download: {
    sessionId: terminal,
    command: 'sh scripts/download.sh',
    pty: { rows: 24, cols: 80 },
    end: 'by itself',
  },
  'pty-failed': {
    sessionId: terminal,
    command: 'echo the terminal fails; exit 3',
    pty: { rows: 24, cols: 80 },
    end: 'by itself',
  },
  monitor: {
    sessionId: terminal,
    command: 'sh scripts/monitor.sh',
    pty: { rows: 24, cols: 80 },
    end: 'goes on',
  },
} as const satisfies Record<string, SampleTaskPlan>;

export type SampleTaskName = keyof typeof sampleTasks;

/** What its row begins with. */
export function firstLineOf(name: SampleTaskName): string {
  return sampleTasks[name].command.split('\n', 1)[0]!;
}

export const samplePlans = Object.entries(sampleTasks) as readonly [
  SampleTaskName,
  SampleTaskPlan,
][];

/** A storage that was filled from the plans. It is JSON, for the processes that a test runs in. */
export interface Sample {
  readonly storageDirectory: string;
  readonly projectDirectory: string;
  /** An empty home folder. */
  readonly homeDirectory: string;
  /** The harness directory; none in the flat layout of 0.19.6. */
  readonly harness: string | undefined;
  /** Every task that the storage has: 0.19.6 knows no pty ones. */
  readonly tasks: Readonly<Partial<Record<SampleTaskName, { sessionId: string; taskId: string }>>>;
}

/** The sample of the run that we are part of: the runner names it in `SAMPLE_FILE`. */
export function readSample(): Sample {
  const file = process.env['SAMPLE_FILE'];
  if (file === undefined) throw new Error('SAMPLE_FILE is not set: run the tests by npm.');
  return JSON.parse(readFileSync(file, 'utf8')) as Sample;
}
