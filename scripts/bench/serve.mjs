// Starts the built worker for a measurement, with database and bucket, without rate limits.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startWorker } from '../../tests/support/worker.mjs';

/** A folder in memory on Linux. On a disk, the time to flush writes would be measured. */
const MEMORY = '/dev/shm';

/** Like `startWorker`, with its own storage, which is removed when the worker stops. */
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
