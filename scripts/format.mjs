// npm run format: formats the Rust and the JavaScript, and sorts the imports of the latter.
import { run } from './lib.mjs';
import { installChecks, installPackages, installToolchain } from './setup.mjs';

await installPackages();
await installToolchain();
await installChecks();
await run('cargo', ['fmt', '--all']);
await run('biome', ['check', '--write', '--linter-enabled=false']);
