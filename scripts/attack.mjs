// npm run attack
// Measures what a hostile client costs the built worker in Miniflare: memory of workerd and time for unusual bodies,
// for uploads that are held open, and for passwords. Needs Linux, because it reads /proc. docs/testing.md has figures.
import fs from 'node:fs';
import { run, step, Trouble } from './lib.mjs';
import { installPackages, installToolchain } from './setup.mjs';

if (!fs.existsSync('/proc/self/status')) throw new Trouble('npm run attack reads memory from /proc, so it needs Linux');
await installPackages();
await installToolchain();
step('Building the worker');
await run('node', ['scripts/build.mjs']);
step('Attacking the worker');
const { attacks } = await import('./attack/attacks.mjs');
console.log(
  `\n| attack | replies | growth of workerd's memory, maximum (MiB) | time | other requests, p50 / p99 (ms) |`,
);
console.log('| --- | --- | --- | --- | --- |');
for await (const { name, replies, grown, seconds, others } of attacks())
  console.log(`| ${name} | ${replies} | ${grown.toFixed(1)} | ${seconds.toFixed(2)} s | ${others} |`);
