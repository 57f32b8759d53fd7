// Ends a process together with all processes that it has started.
import { spawnSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';

/** Time that a process group has to end before it is killed. */
const KILL_AFTER_MS = 3000;

/** Sends a signal to a process group. Returns whether the group exists; signal 0 only checks this. */
function signal(leader, name) {
  try {
    return process.kill(-leader, name);
  } catch {
    return false;
  }
}

/** Kills a process group. Windows has no process groups; there, it kills the process and its descendants. */
export function killGroup(leader) {
  if (process.platform === 'win32') spawnSync('taskkill', ['/pid', String(leader), '/T', '/F']);
  else signal(leader, 'SIGKILL');
}

/** Interrupts a process group, waits for it to end, and then kills whatever is left of it. */
export async function stopGroup(leader) {
  if (process.platform !== 'win32') {
    signal(leader, 'SIGINT');
    for (const limit = Date.now() + KILL_AFTER_MS; Date.now() < limit && signal(leader, 0); ) await setTimeout(50);
  }
  killGroup(leader);
}
