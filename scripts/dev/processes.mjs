// Ending a process with all that it has started.
import { spawnSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';

const PATIENCE_MS = 3000;

/** Sends a signal to a process group; returns whether there was one. Signal 0 only looks. */
function signal(leader, name) {
  try {
    return process.kill(-leader, name);
  } catch {
    return false;
  }
}

/** Kills a process group, or on Windows, which has none, the process with its descendants. */
export function killGroup(leader) {
  if (process.platform === 'win32') spawnSync('taskkill', ['/pid', String(leader), '/T', '/F']);
  else signal(leader, 'SIGKILL');
}

/** Asks a process group to end, and kills what is left of it after a moment. */
export async function stopGroup(leader) {
  if (process.platform !== 'win32') {
    signal(leader, 'SIGINT');
    for (const limit = Date.now() + PATIENCE_MS; Date.now() < limit && signal(leader, 0); ) await setTimeout(50);
  }
  killGroup(leader);
}
