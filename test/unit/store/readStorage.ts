import { readStorage } from './openStore.ts';

// A program of its own, so that a test can run it as another user: prints what is in a storage.
const [directory = ''] = process.argv.slice(2);
const alive = setInterval(() => undefined, 1000);
await using scope = new AsyncDisposableStack();
const { store, states } = await readStorage(scope, directory);
const tasks = store.tasks().map(({ taskId, problem }) => ({ taskId, problem: problem ?? null }));
console.log(JSON.stringify({ problem: states.at(-1)?.problem, tasks }));
clearInterval(alive);
