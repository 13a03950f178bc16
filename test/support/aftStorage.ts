import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AftClient } from './aftClient.ts';
import { aftBinary, type AftVersion } from './cache.ts';
import { writeSampleProject } from './sampleProject.ts';
import {
  samplePlans,
  type Sample,
  type SampleTaskName,
  type SampleTaskPlan,
} from './sampleTasks.ts';

/** AFT runs at most eight tasks at once. */
const lanes = 6;

export interface AftStorageOptions {
  /** An empty folder: gets the storage, the project and a home. */
  readonly directory: string;
  readonly version?: AftVersion;
  readonly harness?: string;
}

export interface AftStorage {
  readonly sample: Sample;
  /** The AFT that goes on serving the storage. */
  readonly aft: AftClient;
}

/**
 * Fills a storage by driving a real AFT, which goes on running together with two of its tasks. The
 * scope ends that AFT and every process that descends from it.
 */
export async function startAftStorage(
  scope: AsyncDisposableStack,
  { directory, version = '0.57.2', harness = 'opencode' }: AftStorageOptions,
): Promise<AftStorage> {
  const folder = (name: string): string => {
    mkdirSync(join(directory, name), { recursive: true });
    return join(directory, name);
  };
  const projectDirectory = folder('shop');
  const storageDirectory = folder('storage');
  const homeDirectory = folder('home');
  writeSampleProject(projectDirectory);
  const binary = await aftBinary(version);
  const owner = randomUUID();
  const aft = new AftClient(binary, {
    cwd: projectDirectory,
    home: homeDirectory,
    env: { [ownerVariable]: owner },
  });
  scope.defer(async () => {
    await aft.close();
    await endDescendants(owner);
  });
  const hasPty = version !== '0.19.6';
  const queue = samplePlans
    .filter(([, plan]) => hasPty || plan.pty === undefined)
    // Those that go on come last: they would hold a lane for good.
    .sort(([, a], [, b]) => Number(a.end === 'goes on') - Number(b.end === 'goes on'));
  const configured = new Set<string>();
  const tasks: Partial<Record<SampleTaskName, { sessionId: string; taskId: string }>> = {};
  const run = async (name: SampleTaskName, plan: SampleTaskPlan): Promise<void> => {
    const { sessionId } = plan;
    if (!configured.has(sessionId)) {
      configured.add(sessionId);
      await aft.configure({ sessionId, projectRoot: projectDirectory, storageDirectory, harness });
    }
    const taskId = await aft.start(plan);
    tasks[name] = { sessionId, taskId };
    if (plan.end === 'goes on' || plan.end === 'killed') await printed(aft, sessionId, taskId);
    if (plan.end === 'goes on') return;
    await (plan.end === 'killed' ? aft.kill(sessionId, taskId) : aft.ended(sessionId, taskId));
    if (plan.delivered === true) await aft.acknowledge(sessionId, [taskId]);
  };
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await run(...next);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const sample = {
    storageDirectory,
    projectDirectory,
    homeDirectory,
    harness: hasPty ? harness : undefined,
    tasks,
  };
  return { sample, aft };
}

/** Resolves when a running task has printed something. */
async function printed(aft: AftClient, sessionId: string, taskId: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const { output_path: path } = await aft.status(sessionId, taskId);
    if (typeof path === 'string' && statSync(path).size > 0) return;
    if (Date.now() > deadline) throw new Error(`Task ${taskId} prints nothing.`);
    await sleep(50);
  }
}

/** Tasks inherit AFT's environment: a value of our own in it tells our processes from all others. */
const ownerVariable = 'SAMPLE_STORAGE_OWNER';

/** Ends what AFT leaves running when it ends: its tasks live in sessions of their own. */
async function endDescendants(owner: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const left = descendants(owner);
    if (left.length === 0) return;
    if (Date.now() > deadline) throw new Error(`Processes ${left.join(', ')} do not end.`);
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself meanwhile.
      }
    }
    await sleep(50);
  }
}

function descendants(owner: string): number[] {
  if (process.platform !== 'linux') return [];
  const marker = `${ownerVariable}=${owner}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(marker);
      } catch {
        return false; // Gone, or another user's.
      }
    })
    .map(Number);
}
