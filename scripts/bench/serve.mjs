// The built worker for a measurement: with database and bucket, without rate limits.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startWorker } from '../../tests/support/worker.mjs';

/** Linux has a folder in memory: on a disk, what is measured is how soon it has flushed what it was told. */
const MEMORY = '/dev/shm';

/** As `startWorker`, with storage of its own that goes with it. */
export async function serve(options) {
  const storage = fs.mkdtempSync(path.join(fs.existsSync(MEMORY) ? MEMORY : os.tmpdir(), 'perfil-bench-'));
  const remove = () => fs.rmSync(storage, { recursive: true, force: true });
  process.once('exit', remove);
  const worker = await startWorker({ ...options, persist: storage });
  return {
    ...worker,
    async stop() {
      await worker.stop();
      remove();
      process.off('exit', remove);
    },
  };
}
